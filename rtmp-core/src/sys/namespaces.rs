//! Mount namespaces, and what passes between them.

use std::ffi::{CStr, c_char, c_int};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::mount::MsFlags;

/// The mount namespace of this thread, by `pidfd_open(2)` and `PIDFD_GET_MNT_NAMESPACE`: Linux 6.11.
pub fn mount_namespace() -> Result<OwnedFd, Errno> {
    let thread = nix::unistd::gettid().as_raw();
    // SAFETY: wrong if the call took a pointer; it takes two numbers.
    let thread = unsafe { libc::syscall(libc::SYS_pidfd_open, thread, libc::PIDFD_THREAD) };
    let thread = c_int::try_from(Errno::result(thread)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: wrong if the number had another owner; the kernel has just made it.
    let thread = unsafe { OwnedFd::from_raw_fd(thread) };
    // SAFETY: wrong if the request took a pointer; it wants a 0.
    let namespace = unsafe { libc::ioctl(thread.as_raw_fd(), libc::PIDFD_GET_MNT_NAMESPACE, 0) };
    // SAFETY: as above.
    Errno::result(namespace).map(|namespace| unsafe { OwnedFd::from_raw_fd(namespace) })
}

/// `unshare(2)` of the mount namespace. By its number, as [`set_propagation`]: libc's functions for
/// them lie on pages that a login needs for nothing else, and the first look at those is a page fault.
pub fn unshare_mounts() -> Result<(), Errno> {
    // SAFETY: wrong if the call took a pointer; it takes a number.
    let result = unsafe { libc::syscall(libc::SYS_unshare, libc::CLONE_NEWNS) };
    Errno::result(result).map(drop)
}

/// `mount(2)` that changes nothing but the propagation of mounts.
pub fn set_propagation(path: &CStr, propagation: MsFlags) -> Result<(), Errno> {
    let (none, flags) = (std::ptr::null::<c_char>(), propagation.bits());
    // SAFETY: wrong if `path` were not NUL-terminated; the kernel does not look at the others.
    let result = unsafe { libc::syscall(libc::SYS_mount, none, path.as_ptr(), none, flags, none) };
    Errno::result(result).map(drop)
}

/// The user namespace that a namespace belongs to: `ioctl_ns(2)`, Linux 4.9. Whoever is privileged in
/// it decides what is mounted in a mount namespace. `EPERM`: it is none that this process is in or
/// above.
pub fn owner_of_namespace(namespace: impl AsFd) -> Result<OwnedFd, Errno> {
    // SAFETY: wrong if the request took an argument; this one takes none.
    let fd =
        Errno::result(unsafe { libc::ioctl(namespace.as_fd().as_raw_fd(), libc::NS_GET_USERNS) })?;
    // SAFETY: wrong if the number had another owner; the kernel has just made it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
