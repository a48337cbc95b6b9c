//! The system calls of the floors that nix does not wrap.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use rtmp_tests::process::mapping;

/// `open_tree(2)` with `OPEN_TREE_CLONE`: a copy of the mount at an open directory.
pub fn clone_mount(dir: impl AsFd) -> OwnedFd {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_EMPTY_PATH as u32;
    // SAFETY: false if the path had no NUL.
    let fd =
        unsafe { libc::syscall(libc::SYS_open_tree, dir.as_fd().as_raw_fd(), c"".as_ptr(), flags) };
    owned(fd)
}

/// `move_mount(2)`: attaches a copied mount to an open directory.
pub fn attach_mount(mount: impl AsFd, dir: impl AsFd) {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
    let (mount, dir) = (mount.as_fd().as_raw_fd(), dir.as_fd().as_raw_fd());
    let none: *const CStr = c"";
    // SAFETY: false if a path had no NUL.
    let result = unsafe {
        libc::syscall(libc::SYS_move_mount, mount, none.cast::<u8>(), dir, none.cast::<u8>(), flags)
    };
    Errno::result(result).map(drop).unwrap();
}

/// The mount namespace of this thread, where the kernel gives it (Linux 6.11).
pub fn mount_namespace() -> Result<OwnedFd, Errno> {
    let thread = nix::unistd::gettid().as_raw();
    // SAFETY: false if the call took a pointer; it takes two numbers.
    let thread = unsafe { libc::syscall(libc::SYS_pidfd_open, thread, libc::PIDFD_THREAD) };
    let thread = owned(Errno::result(thread)?);
    // SAFETY: false if the request took a pointer; it wants a 0.
    let namespace = unsafe { libc::ioctl(thread.as_raw_fd(), libc::PIDFD_GET_MNT_NAMESPACE, 0) };
    Errno::result(namespace).map(|namespace| owned(namespace.into()))
}

/// Whether a directory has no entries but `.` and `..`, read to its end.
pub fn is_empty(dir: impl AsFd) -> bool {
    let mut buffer = [0_u64; 64];
    let mut read = || {
        // SAFETY: false if the length in bytes were more than the buffer has.
        let len = unsafe {
            libc::syscall(
                libc::SYS_getdents64,
                dir.as_fd().as_raw_fd(),
                buffer.as_mut_ptr(),
                size_of_val(&buffer),
            )
        };
        Errno::result(len).unwrap()
    };
    // The records of `.` and `..` have 24 bytes each.
    read() == 48 && read() == 0
}

/// Writes to each page of the heap, which is then this process's own and not the parent's until it
/// is written to: so is that of a program that was started by execve(2), as sshd, su and login are.
pub fn own_the_heap() {
    const PAGE: usize = 4096;
    let heap = mapping(nix::unistd::getpid(), |line| line.ends_with("[heap]"));
    for page in heap.step_by(PAGE) {
        let byte = std::ptr::with_exposed_provenance_mut::<u8>(page);
        // SAFETY: false if the page were not mapped.
        let kept = unsafe { byte.read_volatile() };
        // SAFETY: as above, or if another thread wrote to it meanwhile; this process has one.
        unsafe { byte.write_volatile(kept) };
    }
}

/// A handle of a namespace (`name_to_handle_at(2)`, nsfs since Linux 6.18).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Handle {
    bytes: u32,
    kind: i32,
    handle: [u8; 128],
}

impl Handle {
    /// Of an open namespace; `None` where nsfs has none to give.
    pub fn of(namespace: impl AsFd) -> Option<Self> {
        let mut handle = Self { bytes: 128, kind: 0, handle: [0; 128] };
        let mut mount = 0_i32;
        // SAFETY: false if the structure had less room than its first field says.
        let result = unsafe {
            libc::syscall(
                libc::SYS_name_to_handle_at,
                namespace.as_fd().as_raw_fd(),
                c"".as_ptr(),
                &raw mut handle,
                &raw mut mount,
                libc::AT_EMPTY_PATH,
            )
        };
        (result == 0).then_some(handle)
    }

    /// Opens the namespace.
    pub fn open(mut self) -> OwnedFd {
        const FD_NSFS_ROOT: i32 = -10003; // linux/fcntl.h
        // SAFETY: false if the structure were shorter than its first field says.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_open_by_handle_at,
                FD_NSFS_ROOT,
                &raw mut self,
                libc::O_RDONLY | libc::O_CLOEXEC,
            )
        };
        owned(fd)
    }
}

fn owned(fd: i64) -> OwnedFd {
    let fd = i32::try_from(Errno::result(fd).unwrap()).unwrap();
    // SAFETY: false if the kernel had given this descriptor to somebody else, too.
    unsafe { OwnedFd::from_raw_fd(fd) }
}
