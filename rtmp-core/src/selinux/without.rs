//! Without libselinux nothing is read and nothing is labelled, and where SELinux is enabled nothing
//! is made: what the policy would label by itself, at the level of the program that logs a user in,
//! need not be what the user's session may use.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;
use nix::sys::statfs::{FsType, statfs};

use super::{Context, Selinux};
use crate::path::Name;
use crate::sys;

/// Whether contexts can be read and set.
pub const SUPPORTED: bool = false;

/// `SELINUX_MAGIC` (linux/magic.h).
const SELINUXFS: FsType = FsType(0xf97c_ff8c);

/// A policy is loaded where selinuxfs is mounted: init(1) does both together, once. The kernel is
/// asked first, since a path in sysfs costs as much as ten other calls.
pub fn state() -> Selinux {
    if sys::has_selinux() == Ok(false) {
        return Selinux::Disabled;
    }
    match statfs(c"/sys/fs/selinux") {
        Ok(found) if found.filesystem_type() == SELINUXFS => Selinux::Enabled,
        _ => Selinux::Disabled,
    }
}

/// Before something is made that gets no label.
///
/// # Errors
///
/// `ENOTSUP`: it should have one.
pub fn unlabelled() -> Result<(), Errno> {
    match state() {
        Selinux::Enabled => Err(Errno::ENOTSUP),
        Selinux::Disabled => Ok(()),
    }
}

/// `ENOTSUP`.
pub fn exec() -> Result<Option<Context>, Errno> {
    Err(Errno::ENOTSUP)
}

/// `ENOTSUP`.
pub fn current() -> Result<Context, Errno> {
    Err(Errno::ENOTSUP)
}

/// `ENOTSUP`.
pub fn default_of(_: &Name) -> Result<Context, Errno> {
    Err(Errno::ENOTSUP)
}

/// `ENOTSUP`.
pub fn context_of(_: BorrowedFd<'_>) -> Result<Context, Errno> {
    Err(Errno::ENOTSUP)
}

/// `ENOTSUP`.
pub fn member(_: &Context, _: &Context) -> Result<Context, Errno> {
    Err(Errno::ENOTSUP)
}

/// There are none to be read.
pub enum FileContexts {}

impl FileContexts {
    /// `ENOTSUP`.
    pub fn open() -> Result<Self, Errno> {
        Err(Errno::ENOTSUP)
    }

    /// Nothing calls it.
    pub fn of(&self, _: &CStr, _: libc::mode_t) -> Result<Option<Context>, Errno> {
        match *self {}
    }
}

/// `ENOTSUP`.
pub fn relabel(_: BorrowedFd<'_>, _: &Context) -> Result<(), Errno> {
    Err(Errno::ENOTSUP)
}

/// `ENOTSUP`.
pub fn creating_as<T>(_: &Context, _: impl FnOnce() -> T) -> Result<T, Errno> {
    Err(Errno::ENOTSUP)
}
