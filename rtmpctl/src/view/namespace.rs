//! A process's mount namespace, held by a descriptor.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::{Mode, fstat};
use rtmp_core::owner_of_namespace;

use super::unstarted::Unstarted;
use crate::sessions::{Table, process};

/// Which inode a namespace is: what tells it from every other one while it is held.
type Identity = (u64, u64);

/// The mount namespace of a process. It stays the same one if the process goes to another or ends.
#[derive(Debug)]
pub struct Namespace {
    fd: OwnedFd,
    /// The process it was found at.
    pid: i32,
}

const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
const THE_FILE: OFlag = OFlag::O_RDONLY.union(OFlag::O_CLOEXEC);

impl Namespace {
    /// The namespace of the process whose directory in `/proc` this is. The descriptor is the
    /// process's own, as a pidfd is: nothing is found through it when the process has ended.
    ///
    /// Only one that belongs to our own user namespace. In another, which anybody can make, every
    /// path may lead to something of theirs, and what we start there is started as root.
    pub fn of(pid: i32, process: &OwnedFd) -> Result<Self, Unstarted> {
        let fail = |errno| Unstarted::Pin(pid, errno);
        let fd = openat(process, c"ns/mnt", THE_FILE, Mode::empty()).map_err(fail)?;
        let ours = match open(c"/proc/self/ns/user", THE_FILE, Mode::empty()) {
            // A kernel that has no user namespaces but the one.
            Err(Errno::ENOENT) => return Ok(Self { fd, pid }),
            ours => ours.map_err(fail)?,
        };
        match owner_of_namespace(&fd) {
            Err(Errno::EPERM) => return Err(Unstarted::Foreign(pid)),
            Ok(owner) if identity(&owner) != identity(&ours) => {
                return Err(Unstarted::Foreign(pid));
            }
            owner => owner.map_err(fail)?,
        };
        Ok(Self { fd, pid })
    }

    /// Puts this process into the namespace, at its root directory.
    pub fn enter(self) -> Result<Inside, Unstarted> {
        let pid = self.pid;
        let fail = |errno| Unstarted::Enter(pid, errno);
        let here = open(c"/proc/self", DIRECTORY, Mode::empty()).map_err(fail)?;
        setns(&self.fd, CloneFlags::CLONE_NEWNS).map_err(fail)?;
        let now = openat(&here, c"ns/mnt", THE_FILE, Mode::empty()).and_then(|fd| identity(&fd));
        if now.map_err(fail)? != identity(&self.fd).map_err(fail)? {
            return Err(Unstarted::Elsewhere(pid));
        }
        Ok(Inside { here, pid })
    }
}

/// That this process is in another mount namespace than it was started in.
#[derive(Debug)]
pub struct Inside {
    /// This process's directory in the `/proc` of before.
    here: OwnedFd,
    /// The process that the namespace was found at.
    pub pid: i32,
}

impl Inside {
    /// The mounts that this process sees now.
    pub fn mounts(&self) -> Result<Table, Unstarted> {
        let text = process::read(&self.here, c"mountinfo");
        Ok(Table::parse(&text.map_err(|errno| Unstarted::Enter(self.pid, errno))?))
    }
}

fn identity(fd: &OwnedFd) -> Result<Identity, Errno> {
    fstat(fd).map(|found| (found.st_dev, found.st_ino))
}
