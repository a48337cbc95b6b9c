//! The processes of this host, as `/proc` has them.

use std::ffi::CStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::stat::Mode;

use super::table::number;

/// A process that ran when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: i32,
    /// Its real user.
    pub uid: u32,
    /// Its program's name, cut to 15 bytes by the kernel; any bytes, since a process names itself.
    pub name: Vec<u8>,
    /// When it started, in clock ticks since boot: with the number, what tells it from another.
    pub started: u64,
    /// Its session, in the sense of setsid(2).
    pub session: i32,
    /// Its mount namespace and its root directory; or why those cannot be seen.
    pub place: Result<Place, Errno>,
}

/// Where paths of a process start.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// The mount namespace's inode number.
    pub namespace: u64,
    /// The root directory in it; `/` unless the process called chroot(2).
    pub root: Vec<u8>,
}

const PROC: &CStr = c"/proc";
const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// All processes but the kernel's own and those that have ended. One that ends meanwhile is left
/// out.
pub fn all() -> Result<Vec<Process>, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut proc = Dir::open(PROC, flags, Mode::empty())?;
    let mut pids = Vec::new();
    for entry in proc.iter() {
        pids.extend(number::<i32>(entry?.file_name().to_bytes()));
    }
    let mut processes = Vec::with_capacity(pids.len());
    for pid in pids {
        match directory(&proc, pid).and_then(|dir| look(pid, &dir)) {
            Ok(found) => processes.extend(found),
            Err(Errno::ENOENT | Errno::ESRCH) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(processes)
}

impl Process {
    /// Its directory in `/proc`. The descriptor stays this process's own: when it has ended,
    /// nothing can be read below it, whoever has its number then. `ESRCH`: it has ended.
    pub fn open(&self) -> Result<OwnedFd, Errno> {
        let (found, dir) = find(self.pid)?;
        if found.started == self.started { Ok(dir) } else { Err(Errno::ESRCH) }
    }
}

/// Where the links of a process lead: its descriptors, its working directory. What is closed
/// meanwhile is left out.
pub fn links(dir: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut descriptors = Dir::openat(dir, c"fd", flags, Mode::empty())?;
    let mut names = Vec::new();
    for entry in descriptors.iter() {
        names.push(entry?.file_name().to_owned());
    }
    let there = names.iter().filter_map(|name| readlinkat(&descriptors, name.as_c_str()).ok());
    Ok(there.chain(readlinkat(dir, c"cwd")).map(OsStringExt::into_vec).collect())
}

/// The process that has this number now, and its directory in `/proc`.
pub fn find(pid: i32) -> Result<(Process, OwnedFd), Errno> {
    let dir = directory(open(PROC, DIRECTORY, Mode::empty())?, pid)?;
    let found = look(pid, &dir)?.ok_or(Errno::ESRCH)?;
    Ok((found, dir))
}

fn directory(proc: impl std::os::fd::AsFd, pid: i32) -> Result<OwnedFd, Errno> {
    openat(proc, pid.to_string().as_str(), DIRECTORY, Mode::empty())
}

/// A file in a process's directory.
pub fn read(dir: &OwnedFd, name: &CStr) -> Result<Vec<u8>, Errno> {
    let file = openat(dir, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut text = Vec::new();
    let errno = |error: std::io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
    File::from(file).read_to_end(&mut text).map_err(errno)?;
    Ok(text)
}

/// `None`: a thread of the kernel's, or a process that has ended and was not waited for.
fn look(pid: i32, dir: &OwnedFd) -> Result<Option<Process>, Errno> {
    let Some((name, stat)) = parse_stat(&read(dir, c"stat")?) else { return Ok(None) };
    let status = read(dir, c"status")?;
    let uid = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"Uid:"));
    let uid =
        uid.and_then(|uids| number(uids.split(|&b| b == b'\t').nth(1)?)).ok_or(Errno::ESRCH)?;
    let place = match place(dir) {
        Err(errno @ (Errno::ENOENT | Errno::ESRCH)) => return Err(errno),
        place => place,
    };
    let Stat { started, session } = stat;
    Ok(Some(Process { pid, uid, name, started, session, place }))
}

fn place(dir: &OwnedFd) -> Result<Place, Errno> {
    let link = readlinkat(dir, c"ns/mnt")?.into_vec();
    // mnt:[4026531841]
    let digits = link.strip_prefix(b"mnt:[").and_then(|rest| rest.strip_suffix(b"]"));
    let namespace = digits.and_then(number).ok_or(Errno::EINVAL)?;
    Ok(Place { namespace, root: readlinkat(dir, c"root")?.into_vec() })
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    session: i32,
    started: u64,
}

/// `proc_pid_stat(5)`: the name stands in brackets and may hold any byte.
fn parse_stat(text: &[u8]) -> Option<(Vec<u8>, Stat)> {
    /// `PF_KTHREAD` (linux/sched.h): has no user, no files and no namespace of its own.
    const OF_THE_KERNEL: u32 = 0x0020_0000;
    let open = text.iter().position(|&b| b == b'(')?;
    let close = text.iter().rposition(|&b| b == b')')?;
    let name = text.get(open + 1..close)?.to_vec();
    // The third field is the first behind the name.
    let fields: Vec<_> = text.get(close + 2..)?.split(|&b| b == b' ').collect();
    let field = |n: usize| fields.get(n - 3).copied();
    let is_dead = matches!(field(3)?, b"Z" | b"X" | b"x");
    let flags: u32 = number(field(9)?)?;
    let stat = Stat { session: number(field(6)?)?, started: number(field(22)?)? };
    (!is_dead && flags & OF_THE_KERNEL == 0).then_some((name, stat))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_may_have_any_name() {
        let stat = |name: &[u8], state: &str, flags: u32| {
            let start = [b"7 (", name, b") "].concat();
            let rest = format!("{state} 1 7 5 0 -1 {flags} 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0\n");
            parse_stat(&[start, rest.into_bytes()].concat())
                .map(|(name, stat)| (name, stat.session, stat.started))
        };
        for name in [&b"sh"[..], b") Z (", b"a b\n", b"\xff", b""] {
            assert_eq!(stat(name, "S", 0x0040_0000), Some((name.to_vec(), 5, 4711)), "{name:?}");
        }
        assert_eq!(stat(b"sh", "Z", 0), None);
        assert_eq!(stat(b"kthreadd", "S", 0x0020_8040), None);
        assert_eq!(parse_stat(b"7 (sh"), None);
    }

    #[test]
    fn this_process_is_among_all_and_can_be_opened_while_it_is_the_same() {
        let mine = i32::try_from(std::process::id()).unwrap_or_default();
        let found = all().ok().and_then(|all| all.into_iter().find(|p| p.pid == mine));
        let found = found.unwrap_or_else(|| unreachable!("a process that is not in /proc"));
        assert!(found.place.is_ok() && found.open().is_ok());
        let other = Process { started: found.started + 1, ..found };
        assert_eq!(other.open().err(), Some(Errno::ESRCH));
    }
}
