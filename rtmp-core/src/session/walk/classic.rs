//! The same by older calls: any Linux, with `/proc` where they name an open file by its number.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fstat, fstatat};

use super::{DIRECTORY, Mounts};
use crate::session::dir::from_fstat;
use crate::session::error::Why;
use crate::sys::{self, Stat};

#[cold]
pub fn open_at(
    dir: BorrowedFd<'_>,
    path: &CStr,
    mounts: Mounts,
    mount: u64,
) -> Result<OwnedFd, Errno> {
    if mounts == Mounts::Crossed {
        return openat(dir, path, DIRECTORY, Mode::empty());
    }
    // First as whatever it is: a mount on a file is a mount, too.
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let fd = openat(dir, path, flags, Mode::empty())?;
    // By fdinfo, not by fstat, which asks the file system.
    if sys::mount_of(&fd)? != mount {
        return Err(Errno::EXDEV);
    }
    // `.` is the very same, and only a directory has one.
    openat(&fd, c".", DIRECTORY, Mode::empty())
}

#[cold]
pub fn stat(fd: BorrowedFd<'_>) -> Result<Stat, Why> {
    let mount = sys::mount_of(fd)?;
    Ok(from_fstat(&fstat(fd)?, mount))
}

#[cold]
pub fn lstat(path: &CStr) -> Result<Stat, Why> {
    Ok(from_fstat(&fstatat(AT_FDCWD, path, AtFlags::AT_SYMLINK_NOFOLLOW)?, 0))
}
