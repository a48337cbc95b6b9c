//! The processes of services: what they see in place of `/tmp`, and what they keep in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;

use nix::dir::Dir;
use nix::fcntl::{OFlag, openat, readlinkat};
use nix::sys::stat::Mode;
use rtmp_core::path::Shown;

use super::units::Unit;
use crate::sessions::table::{Location, number};
use crate::sessions::{Process, Sessions, Table, process};

/// What `PrivateTmp=` makes private (systemd.exec(5)).
pub const DIRECTORIES: [&str; 2] = ["/tmp", "/var/tmp"];

/// What a service has in place of the directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It has no process.
    NotRunning,
    /// None of them is the host's.
    Private(Vec<Location>),
    /// One of them is the host's, and one is not.
    Partly,
    /// They are the host's.
    Hosts,
    /// Its processes cannot be looked into.
    Unseen,
}

impl Effect {
    /// For text and JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotRunning => "-",
            Self::Private(_) => "yes",
            Self::Partly => "partly",
            Self::Hosts => "no",
            Self::Unseen => "unknown",
        }
    }
}

/// All processes by their control group.
pub struct Services<'a> {
    sessions: &'a Sessions,
    groups: BTreeMap<Vec<u8>, Vec<&'a Process>>,
}

impl<'a> Services<'a> {
    /// Sorts the processes.
    pub fn of(sessions: &'a Sessions) -> Self {
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for found in &sessions.processes {
            let text = found.open().and_then(|dir| process::read(&dir, c"cgroup"));
            if let Some(group) = text.ok().as_deref().and_then(control_group) {
                groups.entry(group.to_vec()).or_default().push(found);
            }
        }
        Self { sessions, groups }
    }

    /// The processes of a unit.
    pub fn processes(&self, unit: &Unit) -> Vec<&'a Process> {
        let groups = self.groups.iter().filter(|(group, _)| is_within(group, &unit.cgroup));
        groups.flat_map(|(_, processes)| processes.iter().copied()).collect()
    }

    /// What a unit's processes see. One that went elsewhere on its own does not count against the
    /// first; where the first is gone the others stand for it.
    pub fn effect(&self, unit: &Unit) -> Effect {
        let processes = self.processes(unit);
        let first = processes.iter().find(|process| Some(process.pid) == unit.main_pid);
        let Some(process) = first.or(processes.first()) else { return Effect::NotRunning };
        let (Ok(own), Some(hosts)) = (self.sessions.view(process), self.sessions.host()) else {
            return Effect::Unseen;
        };
        let (own, hosts) = (locations(own), locations(hosts));
        let same = own.iter().zip(&hosts).filter(|(own, hosts)| own == hosts).count();
        match same {
            0 => Effect::Private(own.into_iter().flatten().collect()),
            1 => Effect::Partly,
            _ => Effect::Hosts,
        }
    }

    /// Whose private directories are the same ones: `JoinsNamespaceOf=` (systemd.unit(5)).
    pub fn sharers(&self, unit: &Unit, effect: &Effect) -> Vec<String> {
        let Effect::Private(own) = effect else { return Vec::new() };
        let others = self.groups.iter().filter(|(group, _)| !is_within(group, &unit.cgroup));
        let sees_own = |process: &&Process| {
            let table = self.sessions.view(process);
            table.is_ok_and(|table| locations(table).iter().flatten().eq(own))
        };
        let same = others.filter(|(_, processes)| processes.iter().any(sees_own));
        let mut names: Vec<_> = same.map(|(group, _)| name(group)).collect();
        names.dedup();
        names
    }

    /// What each control group keeps in the host's directories, by its sockets and open files.
    pub fn holdings(&self) -> Holdings {
        let mut holdings = Holdings::default();
        let mut bound: HashMap<Vec<u8>, HashMap<u64, Vec<u8>>> = HashMap::new();
        for (group, processes) in &self.groups {
            // What is in a private directory is nobody else's.
            for found in processes.iter().filter(|process| self.sees_hosts(process)) {
                let Ok(dir) = found.open() else { continue };
                let (files, sockets) = open_files(&dir);
                for file in files {
                    holdings.files.entry(file).or_default().insert(group.clone());
                }
                if sockets.is_empty() {
                    continue;
                }
                let network = readlinkat(&dir, c"ns/net").unwrap_or_default().into_vec();
                let bound = bound.entry(network).or_insert_with(|| {
                    bound_sockets(&process::read(&dir, c"net/unix").unwrap_or_default())
                });
                let paths = sockets.iter().filter_map(|inode| bound.get(inode)).cloned();
                holdings.sockets.entry(group.clone()).or_default().extend(paths);
            }
        }
        holdings
    }

    fn sees_hosts(&self, process: &Process) -> bool {
        let own = self.sessions.view(process).ok().map(locations);
        own.is_some() && own == self.sessions.host().map(locations)
    }
}

fn locations(table: &Table) -> [Option<Location>; 2] {
    DIRECTORIES.map(|path| table.location(path.as_bytes()))
}

/// What is kept in the host's directories.
#[derive(Debug, Default)]
pub struct Holdings {
    /// The sockets that a control group's processes have bound.
    sockets: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
    /// Who has a file open.
    files: BTreeMap<Vec<u8>, BTreeSet<Vec<u8>>>,
}

impl Holdings {
    /// The sockets of a unit.
    pub fn sockets(&self, unit: &Unit) -> Vec<&[u8]> {
        let groups = self.sockets.iter().filter(|(group, _)| is_within(group, &unit.cgroup));
        groups.flat_map(|(_, paths)| paths.iter().map(Vec::as_slice)).collect()
    }

    /// The files that a unit and somebody else have open, each with one of the others.
    pub fn shared(&self, unit: &Unit) -> Vec<(&[u8], String)> {
        let is_own = |group: &&Vec<u8>| is_within(group, &unit.cgroup);
        let shared = self.files.iter().filter_map(|(path, groups)| {
            groups.iter().find(is_own)?;
            let other = groups.iter().find(|group| !is_own(group))?;
            Some((path.as_slice(), name(other)))
        });
        shared.collect()
    }
}

/// The unit that a control group is of: the last part of its path that has a unit's name.
fn name(group: &[u8]) -> String {
    let parts = || group.rsplit(|&b| b == b'/');
    let is_unit = |part: &&[u8]| part.ends_with(b".service") || part.ends_with(b".scope");
    let part = parts().find(is_unit).or_else(|| parts().next());
    // A user names the groups below their own service manager.
    Shown(part.unwrap_or_default()).to_string()
}

/// `cgroups(7)`: in the older layout systemd's own hierarchy counts, else the unified one.
fn control_group(text: &[u8]) -> Option<&[u8]> {
    let lines = text.split(|&b| b == b'\n').filter_map(|line| {
        let mut fields = line.splitn(3, |&b| b == b':').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let systemds = lines.filter(|(name, _)| matches!(*name, b"name=systemd" | b""));
    systemds.max_by_key(|(name, _)| name.len()).map(|(_, path)| path)
}

/// Whether a control group is this one or below it. That of a unit that does not run has no name.
fn is_within(group: &[u8], above: &[u8]) -> bool {
    let rest = group.strip_prefix(above).filter(|_| !above.is_empty());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// The paths in the directories that a process has open, and the numbers of its sockets.
fn open_files(dir: &OwnedFd) -> (BTreeSet<Vec<u8>>, Vec<u64>) {
    let (mut files, mut sockets) = (BTreeSet::new(), Vec::new());
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let listed = openat(dir, c"fd", flags, Mode::empty()).and_then(Dir::from_fd);
    // Not ours to see, or gone.
    let Ok(mut listed) = listed else { return (files, sockets) };
    let names: Vec<_> = listed.iter().flatten().map(|entry| entry.file_name().to_owned()).collect();
    for name in names {
        let Ok(link) = readlinkat(&listed, name.as_c_str()) else { continue };
        let link = link.into_vec();
        let inode = link.strip_prefix(b"socket:[").and_then(|rest| rest.strip_suffix(b"]"));
        if let Some(inode) = inode.and_then(number) {
            sockets.push(inode);
        } else if is_inside(&link) {
            files.insert(link);
        }
    }
    (files, sockets)
}

/// Sockets with a name in the directories, from `/proc/PID/net/unix` (proc_pid_net(5)):
/// `Num RefCount Protocol Flags Type St Inode Path`.
fn bound_sockets(text: &[u8]) -> HashMap<u64, Vec<u8>> {
    let socket = |line: &[u8]| {
        // The number is padded with blanks, and a name may hold some.
        let mut rest = line;
        for _ in 0..6 {
            rest = word(rest).1;
        }
        let (inode, path) = word(rest);
        is_inside(path).then(|| Some((number(inode)?, path.to_vec()))).flatten()
    };
    text.split(|&b| b == b'\n').filter_map(socket).collect()
}

/// The first word, and what follows the blank behind it.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii_start();
    let end = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default())
}

fn is_inside(path: &[u8]) -> bool {
    DIRECTORIES
        .iter()
        .any(|dir| path.strip_prefix(dir.as_bytes()).is_some_and(|rest| rest.starts_with(b"/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_s_control_group_is_systemd_s() {
        for (text, want) in [
            (&b"0::/system.slice/x.service\n"[..], Some(&b"/system.slice/x.service"[..])),
            (b"2:cpu:/\n1:name=systemd:/a:b\n0::/other\n", Some(b"/a:b")),
            (b"2:cpu:/a\n", None),
            (b"", None),
        ] {
            assert_eq!(control_group(text), want);
        }
        assert!(is_within(b"/s/x.service", b"/s/x.service"));
        assert!(is_within(b"/s/x.service/sub", b"/s/x.service"));
        assert!(!is_within(b"/s/x.service2", b"/s/x.service"));
        assert!(!is_within(b"/s/x.service", b""));
        assert_eq!(name(b"/user.slice/session-3.scope"), "session-3.scope");
        assert_eq!(name(b"/system.slice/x.service/child"), "x.service");
        assert_eq!(name(b"/init"), "init");
        assert_eq!(name(b"/user@1.service/a\x1b\n.scope"), "a\\u{1b}\\n.scope");
    }

    /// Lines of Linux 6.1, the numbers shortened.
    #[test]
    fn a_socket_is_known_by_its_number_and_its_name() {
        let table = b"Num       RefCount Protocol Flags    Type St Inode Path\n\
            0000000000000000: 00000003 00000000 00000000 0001 03  1205\n\
            0000000000000000: 00000002 00000000 00010000 0001 01   815 /tmp/.s.PGSQL.5432\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 29814 /var/tmp/a b\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 29815 @/tmp/.X11-unix/X0\n\
            0000000000000000: 00000002 00000000 00010000 0001 01 29816 /run/x\n";
        let mut found: Vec<_> = bound_sockets(table).into_iter().collect();
        found.sort();
        let want = [(815, b"/tmp/.s.PGSQL.5432".to_vec()), (29814, b"/var/tmp/a b".to_vec())];
        assert_eq!(found, want);
    }
}
