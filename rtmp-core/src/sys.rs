//! The system calls that nix does not wrap, and nothing else. The only `unsafe` of this crate.
//!
//! None of these allocates on the heap of Rust, but for those that answer with an owned text or list.

mod mounts;
mod namespaces;
mod program;
mod users;

use std::ffi::{CStr, CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

use crate::path::PATH_MAX;

pub use mounts::{ProcPath, mount_of, mount_record};
pub use namespaces::{mount_namespace, owner_of_namespace, set_propagation, unshare_mounts};
pub use program::{End, run};
pub use users::{getgrnam, getgrouplist, getpwnam, getpwuid};

/// What is known of an open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    pub uid: u32,
    pub gid: u32,
    /// Type and permissions, as in `st_mode`.
    pub mode: u32,
    pub dev: (u32, u32),
    pub ino: u64,
    /// The mount it was reached through, as in `mountinfo`; 0 where it was not asked for.
    pub mount: u64,
    /// Whether it is that mount's root; true where that was not asked for.
    pub mount_root: bool,
}

fn check(result: c_int) -> Result<(), Errno> {
    Errno::result(result).map(drop)
}

/// No more is asked of a file system than the kernel knows already (AT_STATX_DONT_SYNC): a user may
/// have mounted it, and need never answer.
fn statx_at(dir: BorrowedFd<'_>, path: &CStr, flags: c_int) -> Result<Stat, Errno> {
    let flags = flags | libc::AT_STATX_DONT_SYNC;
    const MASK: u32 = libc::STATX_TYPE
        | libc::STATX_MODE
        | libc::STATX_UID
        | libc::STATX_GID
        | libc::STATX_INO
        | libc::STATX_MNT_ID;
    let mut buffer = MaybeUninit::<libc::statx>::uninit();
    // The system call, not glibc's wrapper, which makes do with fstatat(2) where there is none, and
    // then takes not all of these flags (EINVAL).
    // SAFETY: wrong if `path` were not NUL-terminated or `buffer` smaller than the kernel's struct
    // statx; the kernel writes all 256 bytes of it or fails.
    let result = unsafe {
        let (dir, path, buffer) = (dir.as_raw_fd(), path.as_ptr(), buffer.as_mut_ptr());
        libc::syscall(libc::SYS_statx, dir, path, flags, MASK, buffer)
    };
    Errno::result(result)?;
    // SAFETY: wrong if statx had failed above, in which case we have left.
    let found = unsafe { buffer.assume_init() };
    // A kernel older than 5.8 does not know mount ids and leaves the bit out.
    if found.stx_mask & libc::STATX_MNT_ID == 0 {
        return Err(Errno::ENOSYS);
    }
    Ok(Stat {
        uid: found.stx_uid,
        gid: found.stx_gid,
        mode: u32::from(found.stx_mode),
        dev: (found.stx_dev_major, found.stx_dev_minor),
        ino: found.stx_ino,
        mount: found.stx_mnt_id,
        mount_root: found.stx_attributes & libc::STATX_ATTR_MOUNT_ROOT as u64 != 0,
    })
}

/// `statx(2)` of an open file, its mount included (Linux 5.8).
pub fn statx(file: impl AsFd) -> Result<Stat, Errno> {
    statx_at(file.as_fd(), c"", libc::AT_EMPTY_PATH)
}

/// `statx(2)` of a path, not following a link at its end.
pub fn lstatx(path: &CStr) -> Result<Stat, Errno> {
    statx_at(nix::fcntl::AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW)
}

/// `statx(2)` of a path as it is, links followed: only for a hint.
pub fn glance(path: &CStr) -> Result<Stat, Errno> {
    statx_at(nix::fcntl::AT_FDCWD, path, 0)
}

/// `statx(2)` of a name in a directory, not following a link.
pub fn lstatx_at(dir: impl AsFd, name: &CStr) -> Result<Stat, Errno> {
    statx_at(dir.as_fd(), name, libc::AT_SYMLINK_NOFOLLOW)
}

/// What is known of a name in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The owner.
    pub uid: u32,
    /// What it takes on its file system, in bytes.
    pub bytes: u64,
    /// How many names it has.
    pub links: u32,
    /// Its file system and its number there.
    pub identity: ((u32, u32), u64),
    /// When it was last read, written or changed, in seconds since 1970. Reading may go unnoticed
    /// for a day (`relatime`, mount(8)).
    pub used: i64,
    /// The mount it was reached through; `None` where the kernel does not say (before Linux 5.8).
    pub(crate) mount: Option<u64>,
}

/// `statx(2)` of a name in a directory. A file system that a user has mounted there is asked
/// nothing (AT_STATX_DONT_SYNC).
pub fn find_at(dir: impl AsFd, name: &CStr) -> Result<Found, Errno> {
    const MASK: u32 = libc::STATX_BASIC_STATS | libc::STATX_MNT_ID;
    /// `stx_blocks` counts these (statx(2)).
    const BLOCK: u64 = 512;
    let flags = libc::AT_SYMLINK_NOFOLLOW | libc::AT_STATX_DONT_SYNC;
    let mut buffer = MaybeUninit::<libc::statx>::uninit();
    // SAFETY: as in `statx_at`.
    check(unsafe {
        libc::statx(dir.as_fd().as_raw_fd(), name.as_ptr(), flags, MASK, buffer.as_mut_ptr())
    })?;
    // SAFETY: wrong if statx had failed above, in which case we have left.
    let found = unsafe { buffer.assume_init() };
    let times = [found.stx_atime, found.stx_mtime, found.stx_ctime];
    Ok(Found {
        uid: found.stx_uid,
        bytes: found.stx_blocks.saturating_mul(BLOCK),
        links: found.stx_nlink,
        identity: ((found.stx_dev_major, found.stx_dev_minor), found.stx_ino),
        used: times.map(|time| time.tv_sec).into_iter().max().unwrap_or_default(),
        mount: (found.stx_mask & libc::STATX_MNT_ID != 0).then_some(found.stx_mnt_id),
    })
}

/// `open_tree(2)` with `OPEN_TREE_CLONE`: a copy of the mount at an open directory, attached
/// nowhere (Linux 5.2). No AT_RECURSIVE: what is mounted inside an instance is not copied.
pub fn clone_mount(dir: impl AsFd) -> Result<OwnedFd, Errno> {
    let flags = libc::OPEN_TREE_CLONE | libc::OPEN_TREE_CLOEXEC | libc::AT_EMPTY_PATH as u32;
    // SAFETY: wrong if the path were not NUL-terminated.
    let fd =
        unsafe { libc::syscall(libc::SYS_open_tree, dir.as_fd().as_raw_fd(), c"".as_ptr(), flags) };
    let fd = Errno::result(fd)?;
    // SAFETY: wrong if somebody else owned this descriptor; the kernel has just made it for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as c_int) })
}

/// `move_mount(2)`: attaches a copied mount to an open directory (Linux 5.2).
pub fn attach_mount(mount: impl AsFd, dir: impl AsFd) -> Result<(), Errno> {
    let flags = libc::MOVE_MOUNT_F_EMPTY_PATH | libc::MOVE_MOUNT_T_EMPTY_PATH;
    // SAFETY: wrong if a path were not NUL-terminated.
    let result = unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            dir.as_fd().as_raw_fd(),
            c"".as_ptr(),
            flags,
        )
    };
    Errno::result(result).map(drop)
}

/// `mount_setattr(2)`: sets `MOUNT_ATTR_*` flags on a copied mount (Linux 5.12).
pub fn set_mount_flags(mount: impl AsFd, flags: u64) -> Result<(), Errno> {
    let attributes =
        libc::mount_attr { attr_set: flags, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: wrong if the size were not that of the structure the pointer leads to, or the path
    // not NUL-terminated.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(result).map(drop)
}

/// `read(2)` of so many bytes at most, in room of their own on the stack meanwhile: a new page of the
/// heap is a page fault.
#[inline(never)]
pub fn read_start<const ROOM: usize>(file: impl AsFd) -> Result<Vec<u8>, Errno> {
    let mut room = MaybeUninit::<[u8; ROOM]>::uninit();
    // SAFETY: wrong if the length were more than the room.
    let got = unsafe { libc::read(file.as_fd().as_raw_fd(), room.as_mut_ptr().cast(), ROOM) };
    let got = usize::try_from(Errno::result(got)?).unwrap_or(0);
    // SAFETY: wrong if the kernel had written less than it says.
    Ok(unsafe { std::slice::from_raw_parts(room.as_ptr().cast::<u8>(), got) }.to_vec())
}

/// `read(2)` into what room a vector has. How many bytes came; 0: the end, or no room.
pub fn read_into_room(file: impl AsFd, text: &mut Vec<u8>) -> Result<usize, Errno> {
    let room = text.spare_capacity_mut();
    // SAFETY: wrong if the length were more than the room.
    let got = unsafe { libc::read(file.as_fd().as_raw_fd(), room.as_mut_ptr().cast(), room.len()) };
    let got = usize::try_from(Errno::result(got)?).unwrap_or(0);
    let len = text.len() + got;
    // SAFETY: wrong if the kernel had written less than it says.
    unsafe { text.set_len(len) };
    Ok(got)
}

/// A path in a fixed buffer, so that reading one allocates nothing.
pub struct PathBuffer {
    bytes: [u8; PATH_MAX],
    len: usize,
}

impl PathBuffer {
    /// The bytes without a final NUL.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// `getcwd(2)`. A directory outside the root starts with `(unreachable)` instead of a slash.
pub fn getcwd() -> Result<Vec<u8>, Errno> {
    #[cold]
    #[inline(never)]
    fn longer() -> Result<Vec<u8>, Errno> {
        getcwd_within::<PATH_MAX>()
    }
    match getcwd_within::<256>() {
        Err(Errno::ERANGE) => longer(),
        result => result,
    }
}

fn getcwd_within<const ROOM: usize>() -> Result<Vec<u8>, Errno> {
    let mut room = MaybeUninit::<[u8; ROOM]>::uninit();
    // SAFETY: wrong if there were less room than said; the kernel writes no more than that.
    // The system call, not libc's wrapper, which walks the tree by itself where the kernel fails.
    let len = unsafe { libc::syscall(libc::SYS_getcwd, room.as_mut_ptr(), ROOM) };
    let len = usize::try_from(Errno::result(len)?).map_or(0, |len| len.saturating_sub(1));
    // SAFETY: wrong if the kernel had written less than it says.
    Ok(unsafe { std::slice::from_raw_parts(room.as_ptr().cast::<u8>(), len) }.to_vec())
}

/// `readlink(2)`. A link longer than a path can be is cut, and too long then for any use.
pub fn readlink(path: &CStr) -> Result<PathBuffer, Errno> {
    let mut buffer = PathBuffer { bytes: [0; PATH_MAX], len: 0 };
    // SAFETY: wrong if `path` were not NUL-terminated or the buffer shorter than PATH_MAX.
    let len = unsafe {
        libc::readlink(path.as_ptr(), buffer.bytes.as_mut_ptr().cast::<c_char>(), PATH_MAX)
    };
    buffer.len = usize::try_from(Errno::result(len)?).unwrap_or(0);
    Ok(buffer)
}

/// What a directory's entries are read into. Aligned, as the kernel's records are.
#[repr(align(8))]
struct Records<const SIZE: usize>([u8; SIZE]);

impl<const SIZE: usize> Records<SIZE> {
    /// `getdents64(2)`: the next names of an open directory, and whether each is known to be a
    /// directory. `None`: there are no more.
    fn read(
        &mut self,
        dir: impl AsFd,
    ) -> Result<Option<impl Iterator<Item = (&CStr, bool)>>, Errno> {
        let number = dir.as_fd().as_raw_fd();
        // SAFETY: wrong if the length were more than the buffer has.
        let len = unsafe { libc::syscall(libc::SYS_getdents64, number, self.0.as_mut_ptr(), SIZE) };
        let len = usize::try_from(Errno::result(len)?).unwrap_or(0);
        let mut rest = self.0.get(..len).unwrap_or_default();
        // struct linux_dirent64: 8 bytes of number, 8 of offset, 2 of length, 1 of type, the name.
        let records = std::iter::from_fn(move || {
            let length = rest.get(16..18)?.try_into().map(u16::from_ne_bytes).ok()?;
            let (record, others) = rest.split_at_checked(length.into())?;
            rest = others;
            let name = CStr::from_bytes_until_nul(record.get(19..)?).ok()?;
            Some((name, record.get(18) == Some(&libc::DT_DIR)))
        });
        Ok((len > 0).then(|| records.filter(|(name, _)| ![c".", c".."].contains(name))))
    }
}

/// What is in an open directory, and which of it is known to be a directory. Not by std, which
/// panics where closing a directory fails.
pub fn entries(dir: impl AsFd) -> Result<Vec<(CString, bool)>, Errno> {
    let mut records = Records([0; 1024]);
    let mut entries = Vec::new();
    while let Some(more) = records.read(&dir)? {
        entries.extend(more.map(|(name, is_dir)| (name.to_owned(), is_dir)));
    }
    Ok(entries)
}

/// Whether a directory has no entries but `.` and `..`.
pub fn is_empty(dir: impl AsFd) -> Result<bool, Errno> {
    is_empty_by::<512>(dir)
}

/// With that much room for names, in bytes.
fn is_empty_by<const ROOM: usize>(dir: impl AsFd) -> Result<bool, Errno> {
    let mut records = Records([0; ROOM]);
    // To the end: names can be longer than 255 bytes (vfat, FUSE), and one for which there is no
    // room after `.` and `..` comes in the next piece.
    while let Some(mut others) = records.read(&dir)? {
        if others.next().is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `flock(2)`, exclusive, until the descriptor is closed. nix's guard would panic on an error.
pub fn lock(file: impl AsFd) -> Result<(), Errno> {
    // SAFETY: wrong if the descriptor were not open; it is borrowed from its owner.
    check(unsafe { libc::flock(file.as_fd().as_raw_fd(), libc::LOCK_EX) })
}

/// `lsm_list_modules(2)`: whether SELinux is one of the kernel's active security modules. Linux 6.8.
/// libselinux has an answer of its own.
#[cfg(not(feature = "selinux"))]
pub fn has_selinux() -> Result<bool, Errno> {
    /// One number on all architectures, as all calls since Linux 5.1 have.
    const SYS_LSM_LIST_MODULES: libc::c_long = 461;
    /// `LSM_ID_SELINUX` (linux/lsm.h).
    const SELINUX: u64 = 101;
    let mut ids = [0_u64; 32];
    let mut size = size_of_val(&ids) as u32;
    // SAFETY: wrong if `size` were more than the list has.
    let count =
        unsafe { libc::syscall(SYS_LSM_LIST_MODULES, ids.as_mut_ptr(), &raw mut size, 0_u32) };
    let count = usize::try_from(Errno::result(count)?).unwrap_or(0);
    Ok(ids.iter().take(count).any(|id| *id == SELINUX))
}

/// Bytes from the kernel's generator for a name that nobody has used.
pub fn random() -> Result<[u8; 8], Errno> {
    let mut bytes = [0; 8];
    // SAFETY: wrong if the length were more than the buffer has.
    let len = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    Errno::result(len)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_for_which_there_is_no_room_beside_the_dots_is_seen() {
        use nix::fcntl::{OFlag, open};
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        // Where the dots come first, and take 24 bytes each.
        let threads = open(c"/proc/self/task", flags, nix::sys::stat::Mode::empty());
        assert_eq!(threads.and_then(is_empty_by::<48>), Ok(false));
    }
}
