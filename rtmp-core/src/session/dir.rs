//! An open directory, and how far what is known of it can be trusted.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{FileStat, Mode, major, minor};

use crate::sys::Stat;

/// Whether only root could have changed the way to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// Every directory above belongs to root, and nobody else can write it.
    Solid,
    /// Others can write a directory above.
    Soft,
}

impl Stat {
    /// Whether root owns it and nobody else can write it. The sticky bit is no help: others can
    /// still add names.
    pub fn is_roots_alone(&self) -> bool {
        self.uid == 0 && self.mode & 0o022 == 0
    }

    /// The permission bits.
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// Whether both are the same file.
    pub fn is(&self, other: &Self) -> bool {
        (self.dev, self.ino) == (other.dev, other.ino)
    }

    /// Whether it is the file that stat(2) found.
    pub fn is_same(&self, found: &nix::sys::stat::FileStat) -> bool {
        self.is(&from_fstat(found, 0))
    }

    pub fn is_type(&self, kind: libc::mode_t) -> bool {
        self.mode & libc::S_IFMT == kind
    }
}

/// A directory that is open, what it was when it was opened, and the ground it stands on.
#[derive(Debug)]
pub struct Dir {
    pub(super) fd: OwnedFd,
    /// Owner, mode, identity and mount.
    pub stat: Stat,
    /// Whether only root could have changed the way to it.
    pub ground: Ground,
    /// Whether a link was followed, so that its path is not the one it was asked for by.
    pub linked: bool,
}

/// What is on top of a path, without anything that its file system would have to be asked for.
#[derive(Debug)]
pub struct Top {
    /// The directory.
    pub fd: OwnedFd,
    /// Its mount's number in `mountinfo`.
    pub mount: u64,
    /// Whether it may be that mount's root.
    pub mount_root: bool,
    /// Whether only root could have changed the way to it.
    pub ground: Ground,
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl From<Dir> for OwnedFd {
    fn from(dir: Dir) -> Self {
        dir.fd
    }
}

impl Dir {
    /// Whether the names in it stay what they are: only root can change them, or the way here.
    pub fn is_firm(&self) -> bool {
        self.ground == Ground::Solid && self.stat.is_roots_alone()
    }

    /// Whether only root can change the names in it, whoever can bend the way here: we are here.
    pub fn is_firm_inside(&self) -> bool {
        self.stat.is_roots_alone()
    }

    /// Whether this is a place like `/tmp`: everybody may make names, only owners change them.
    pub fn is_sticky(&self) -> bool {
        let Stat { uid, mode, .. } = self.stat;
        uid == 0 && mode & libc::S_ISVTX != 0 && mode & 0o022 != 0
    }

    /// The same directory for reading, changing and locking; an `O_PATH` descriptor can do neither.
    pub fn readable(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        openat(&self.fd, c".", flags, Mode::empty())
    }
}

/// `st_dev` in statx's two halves, so that both kinds of [`Stat`] compare.
pub fn from_fstat(stat: &FileStat, mount: u64) -> Stat {
    let half = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Stat {
        uid: stat.st_uid,
        gid: stat.st_gid,
        mode: stat.st_mode,
        dev: (half(major(stat.st_dev)), half(minor(stat.st_dev))),
        ino: stat.st_ino,
        mount,
        mount_root: true,
    }
}
