//! An old kernel, or a filter around a container: calls that are not there.

use std::fmt;
use std::str::FromStr;

use libc::{c_long, c_uint, sock_filter};
use nix::errno::Errno;

use super::{IF_EQUAL, LOAD, RETURN, install};

/// The calls of Linux 5.1 to 6.9 that the module can do without. Of pidfd_open(2), which is of 5.3, it
/// wants a flag of 6.9.
pub const NEWER: [(&str, c_long); 7] = [
    ("openat2", libc::SYS_openat2),
    ("open_tree", libc::SYS_open_tree),
    ("move_mount", libc::SYS_move_mount),
    ("mount_setattr", libc::SYS_mount_setattr),
    ("statx", libc::SYS_statx),
    ("pidfd_open", libc::SYS_pidfd_open),
    // One number on all architectures, as all calls since Linux 5.1 have.
    ("lsm_list_modules", 461),
];

/// Some of them, and what is said instead: `openat2,statx:ENOSYS` of an old kernel,
/// `openat2:EPERM` of a filter.
///
/// Without statx(2) programs make do, but where a filter answers EPERM, ls(1) and stat(1) do not
/// work at all, and with them no test. So only the statx that asks for the mount is refused, as
/// all of the module's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lacking {
    missing: [bool; NEWER.len()],
    errno: Errno,
}

impl Lacking {
    /// A kernel with none of them.
    pub fn all(errno: Errno) -> Self {
        Lacking { missing: [true; NEWER.len()], errno }
    }

    /// Each missing alone, and all of them, in both ways.
    pub fn every() -> impl Iterator<Item = Self> {
        let alone = (0..NEWER.len()).map(|one| std::array::from_fn(|call| call == one));
        let sets = alone.chain([[true; NEWER.len()]]);
        sets.flat_map(|missing| {
            [Errno::ENOSYS, Errno::EPERM].map(|errno| Lacking { missing, errno })
        })
    }

    /// What `RTMP_LACKING` says that every world of this run lacks.
    pub(crate) fn of_this_run() -> Option<Self> {
        let text = std::env::var("RTMP_LACKING").ok()?;
        let unclear = || panic!("RTMP_LACKING is {text}, not CALL,CALL:ENOSYS or CALL,CALL:EPERM");
        Some(text.parse().unwrap_or_else(|()| unclear()))
    }

    /// Takes them away for good, from this process and all that come from it.
    pub fn take_away(self) {
        install(&self.filter(), 0).unwrap();
    }

    /// What is missing here, in this process.
    pub fn here() -> Missing {
        let answers = NEWER.map(|(name, call)| {
            // SAFETY: false if a call of these took -1 for a descriptor or 0 for a path: the
            // kernel looks at both and writes nothing.
            unsafe { libc::syscall(call, -1, 0, 0, libc::STATX_MNT_ID, 0) };
            (name, Errno::last())
        });
        let missing = |(_, errno): &(_, _)| matches!(errno, Errno::ENOSYS | Errno::EPERM);
        Missing(answers.into_iter().filter(missing).collect())
    }

    /// What is missing then.
    pub fn calls(self) -> Missing {
        Missing(self.missing().map(|(name, _)| (name, self.errno)).collect())
    }

    fn missing(self) -> impl Iterator<Item = (&'static str, c_long)> {
        NEWER.into_iter().zip(self.missing).filter(|(_, missing)| *missing).map(|(call, _)| call)
    }

    fn filter(self) -> Vec<sock_filter> {
        // Of `struct seccomp_data`: the number of the call, and the low half of statx's mask.
        let (nr, mask) = (0, if cfg!(target_endian = "little") { 40 } else { 44 });
        let step = |code, jf, k| sock_filter { code, jt: 0, jf, k };
        let answer = step(RETURN, 0, libc::SECCOMP_RET_ERRNO | self.errno as c_uint);
        let mut program = vec![];
        for (_, call) in self.missing() {
            let is_it = |steps| step(IF_EQUAL, steps, u32::try_from(call).unwrap());
            program.push(step(LOAD, 0, nr));
            if call == libc::SYS_statx && self.errno == Errno::EPERM {
                let asks = step(IF_ANY_BIT, 1, libc::STATX_MNT_ID);
                program.extend([is_it(3), step(LOAD, 0, mask), asks, answer]);
            } else {
                program.extend([is_it(1), answer]);
            }
        }
        program.push(step(RETURN, 0, libc::SECCOMP_RET_ALLOW));
        program
    }
}

/// Calls that are missing, and how the kernel says so.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing(Vec<(&'static str, Errno)>);

impl Missing {
    /// Whether this call is among them.
    pub fn contains(&self, call: &str) -> bool {
        self.0.iter().any(|(missing, _)| *missing == call)
    }
}

const IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.missing().map(|(name, _)| name).collect();
        write!(f, "{}:{:?}", names.join(","), self.errno)
    }
}

impl FromStr for Lacking {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (names, errno) = text.split_once(':').ok_or(())?;
        let errno = match errno {
            "ENOSYS" => Errno::ENOSYS,
            "EPERM" => Errno::EPERM,
            _ => return Err(()),
        };
        let mut missing = [false; NEWER.len()];
        for name in names.split(',') {
            missing[NEWER.iter().position(|(known, _)| *known == name).ok_or(())?] = true;
        }
        Ok(Lacking { missing, errno })
    }
}
