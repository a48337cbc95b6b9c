//! The system calls that nix does not wrap, and nothing else. The only `unsafe` of this crate.
//!
//! None of these allocates on the heap of Rust, but for those that answer with an owned text or list.

use std::ffi::{CStr, CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, IntoRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};

use nix::errno::Errno;

use crate::accounts::Passwd;
use crate::path::{Decimal, PATH_MAX};

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
    match getcwd_within(256) {
        Err(Errno::ERANGE) => getcwd_within(PATH_MAX),
        result => result,
    }
}

fn getcwd_within(room: usize) -> Result<Vec<u8>, Errno> {
    let mut path = Vec::with_capacity(room);
    // SAFETY: wrong if there were less room than said; the kernel writes no more than that.
    // The system call, not libc's wrapper, which walks the tree by itself where the kernel fails.
    let len = unsafe { libc::syscall(libc::SYS_getcwd, path.as_mut_ptr(), room) };
    let len = usize::try_from(Errno::result(len)?).map_or(0, |len| len.saturating_sub(1));
    // SAFETY: wrong if the kernel had written less than it says.
    unsafe { path.set_len(len) };
    Ok(path)
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

/// Bytes from the kernel's generator for a name that nobody has used.
pub fn random() -> Result<[u8; 8], Errno> {
    let mut bytes = [0; 8];
    // SAFETY: wrong if the length were more than the buffer has.
    let len = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    Errno::result(len)?;
    Ok(bytes)
}

/// Calls a `get*_r` function with a buffer that grows until the entry fits. `None`: not found.
fn look_up<T>(
    mut call: impl FnMut(&mut [c_char], *mut *mut T) -> c_int,
) -> Result<Option<(*mut T, Vec<c_char>)>, Errno> {
    let mut buffer: Vec<c_char> = vec![0; 1024];
    loop {
        let mut found = std::ptr::null_mut();
        match call(&mut buffer, &raw mut found) {
            0 if found.is_null() => return Ok(None),
            0 => return Ok(Some((found, buffer))),
            libc::ERANGE if buffer.len() < 1 << 24 => buffer.resize(buffer.len() * 4, 0),
            libc::EINTR => {}
            // glibc says 0 for "not found"; ENOENT is a service that is not there to ask.
            error => return Err(Errno::from_raw(error)),
        }
    }
}

/// Bytes of a string of a look-up's entry.
fn bytes_of(text: *const c_char) -> Vec<u8> {
    if text.is_null() {
        return Vec::new();
    }
    // SAFETY: wrong if the buffer that holds the string were gone; the callers keep it alive.
    unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
}

/// `getpwnam_r(3)`.
pub fn getpwnam(name: &CStr) -> Result<Option<Passwd>, Errno> {
    passwd(|entry, buffer, found| {
        // SAFETY: wrong if the buffer's length were not its length, or `entry` or the buffer gone
        // while the entry is read.
        unsafe { libc::getpwnam_r(name.as_ptr(), entry, buffer.as_mut_ptr(), buffer.len(), found) }
    })
}

/// `getpwuid_r(3)`.
pub fn getpwuid(uid: u32) -> Result<Option<Passwd>, Errno> {
    passwd(|entry, buffer, found| {
        // SAFETY: as in `getpwnam`.
        unsafe { libc::getpwuid_r(uid, entry, buffer.as_mut_ptr(), buffer.len(), found) }
    })
}

fn passwd(
    mut call: impl FnMut(*mut libc::passwd, &mut [c_char], *mut *mut libc::passwd) -> c_int,
) -> Result<Option<Passwd>, Errno> {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let found = look_up(|buffer, found| call(entry.as_mut_ptr(), buffer, found))?;
    Ok(found.map(|(entry, _strings)| {
        // SAFETY: wrong if the look-up had not filled the entry; `found` is set only then.
        let entry = unsafe { &*entry };
        Passwd {
            name: bytes_of(entry.pw_name),
            uid: entry.pw_uid,
            gid: entry.pw_gid,
            home: bytes_of(entry.pw_dir),
        }
    }))
}

/// `getgrnam_r(3)`, the group's number.
pub fn getgrnam(name: &CStr) -> Result<Option<u32>, Errno> {
    let mut entry = MaybeUninit::<libc::group>::uninit();
    let found = look_up(|buffer, found| {
        // SAFETY: as in `getpwnam`.
        unsafe {
            libc::getgrnam_r(
                name.as_ptr(),
                entry.as_mut_ptr(),
                buffer.as_mut_ptr(),
                buffer.len(),
                found,
            )
        }
    })?;
    Ok(found.map(|(entry, _strings)| {
        // SAFETY: wrong if the look-up had not filled the entry; `found` is set only then.
        unsafe { &*entry }.gr_gid
    }))
}

/// `getgrouplist(3)`.
pub fn getgrouplist(user: &CStr, primary: u32) -> Result<Vec<u32>, Errno> {
    let mut groups: Vec<u32> = vec![0; 64];
    loop {
        let mut count = c_int::try_from(groups.len()).map_err(|_| Errno::EOVERFLOW)?;
        // SAFETY: wrong if `count` were more than the vector has room for.
        let result = unsafe {
            libc::getgrouplist(user.as_ptr(), primary, groups.as_mut_ptr(), &raw mut count)
        };
        let count = usize::try_from(count).unwrap_or(0);
        if result >= 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        if count <= groups.len() {
            return Err(Errno::EIO);
        }
        groups.resize(count, 0);
    }
}

/// The mount of an open file, from `/proc/self/fdinfo` (Linux 3.15): the kernel's own record, for
/// which no file system is asked.
pub fn mount_of(file: impl AsFd) -> Result<u64, Errno> {
    use nix::fcntl::{OFlag, open};
    let path = ProcPath::new(b"/proc/self/fdinfo/", file.as_fd());
    let info =
        open(path.as_cstr(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())?;
    let mut text = [0; 512];
    let len = nix::unistd::read(&info, &mut text)?;
    let line = text.get(..len).unwrap_or_default().split(|&b| b == b'\n');
    line.filter_map(|line| line.strip_prefix(b"mnt_id:"))
        .find_map(|id| std::str::from_utf8(id).ok()?.trim().parse().ok())
        .ok_or(Errno::ENOSYS)
}

/// A path below `/proc/self` that ends in a descriptor's number, in a fixed buffer.
pub struct ProcPath([u8; 40]);

impl ProcPath {
    /// `/proc/self/fd/N`: a link that leads to the open file itself, whatever its path is now.
    pub fn of(file: BorrowedFd<'_>) -> Self {
        Self::new(b"/proc/self/fd/", file)
    }

    fn new(dir: &[u8], file: BorrowedFd<'_>) -> Self {
        let mut path = [0; 40];
        let number = Decimal::of(file.as_raw_fd().unsigned_abs());
        let text = dir.iter().chain(number.as_bytes());
        path.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        Self(path)
    }

    /// The path for a system call.
    pub fn as_cstr(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"")
    }
}

/// What `/proc/self/mountinfo` (`proc(5)`) says of a mount.
pub struct MountRecord {
    /// The mount's root within its file system.
    pub root: PathBuffer,
    /// Whether it is a FUSE file system, which says of its files what it likes.
    pub is_fuse: bool,
}

/// Looks a mount up in the mount table, which is read piece by piece; no file system is asked.
/// `ENOENT`: there is no such mount in this namespace, or none that can be seen from here.
pub fn mount_record(mount: u64) -> Result<MountRecord, Errno> {
    use nix::fcntl::{OFlag, open};
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let table = open(c"/proc/self/mountinfo", flags, nix::sys::stat::Mode::empty())?;
    let mut reader = RecordReader::new(mount);
    let mut piece = [0; 4096];
    loop {
        let len = match nix::unistd::read(&table, &mut piece) {
            Ok(0) => return Err(Errno::ENOENT),
            Ok(len) => len,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(errno),
        };
        if piece.iter().take(len).any(|&byte| reader.take(byte)) {
            return Ok(reader.record());
        }
    }
}

/// Where a reader of mountinfo is, and what it knows of the line.
struct RecordReader {
    mount: u64,
    field: usize,
    id: u64,
    /// The first bytes of the field it is in, and how many those are.
    start: [u8; 4],
    len: usize,
    /// The field after a lone dash is the type.
    after_dash: bool,
    kind: [u8; 4],
    root: PathBuffer,
    escape: Option<u8>,
}

impl RecordReader {
    fn new(mount: u64) -> Self {
        let root = PathBuffer { bytes: [0; PATH_MAX], len: 0 };
        let (start, kind) = ([0; 4], [0; 4]);
        Self { mount, field: 0, id: 0, start, len: 0, after_dash: false, kind, root, escape: None }
    }

    /// Takes the next byte; true at the end of the line that is looked for.
    fn take(&mut self, byte: u8) -> bool {
        match (byte, self.field) {
            (b'\n', _) => {
                let found = self.id == self.mount && self.field > 3;
                (self.field, self.id, self.len, self.after_dash) = (0, 0, 0, false);
                return found;
            }
            (b' ', _) => self.end_field(),
            (digit @ b'0'..=b'9', 0) => {
                self.id = self.id.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'));
            }
            (byte, 3) if self.id == self.mount => self.unescape(byte),
            (byte, _) => {
                if let Some(room) = self.start.get_mut(self.len) {
                    *room = byte;
                }
                self.len += 1;
            }
        }
        false
    }

    fn end_field(&mut self) {
        if self.after_dash && self.id == self.mount {
            self.kind = self.start;
        }
        self.after_dash = self.len == 1 && self.start.first() == Some(&b'-');
        (self.start, self.len) = ([0; 4], 0);
        self.field += 1;
    }

    /// A blank, tab, newline or backslash is written as a backslash and three octal digits.
    fn unescape(&mut self, byte: u8) {
        let root = &mut self.root;
        match (byte, self.escape) {
            (b'\\', None) => {
                self.escape = Some(0);
                root.len += 1;
            }
            (digit @ b'0'..=b'7', Some(seen)) => {
                if let Some(last) = root.len.checked_sub(1).and_then(|at| root.bytes.get_mut(at)) {
                    *last = last.wrapping_mul(8).wrapping_add(digit - b'0');
                }
                self.escape = (seen < 2).then_some(seen + 1);
            }
            (byte, _) => {
                if let Some(next) = root.bytes.get_mut(root.len) {
                    *next = byte;
                    root.len += 1;
                }
                self.escape = None;
            }
        }
    }

    fn record(self) -> MountRecord {
        // fuse, fuseblk, fuse.sshfs.
        MountRecord { root: self.root, is_fuse: self.kind == *b"fuse" }
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, whatever it said; or it was no program.
    Exited,
    /// By a signal.
    Killed,
}

/// What execve(2) says of a file that it will never run, and of a missing interpreter.
const NO_PROGRAM: [Errno; 5] =
    [Errno::ENOEXEC, Errno::EACCES, Errno::ENOENT, Errno::ENOTDIR, Errno::ELIBBAD];

/// Runs a program as the effective user, in `/`, with umask 022, on `/dev/null`, with no environment
/// and no descriptor of ours, and waits for it. The caller's handler of SIGCHLD is out of the way
/// meanwhile, or it would take the status.
///
/// Not by `std::process`: what that brings along is a third of all names that the module asks the
/// dynamic linker for.
///
/// # Errors
///
/// There is no process for it, it could not be prepared as said, or its end could not be learnt.
pub fn run(argv: [&CStr; 7]) -> Result<End, Errno> {
    let mut pointers = [std::ptr::null(); 8];
    pointers.iter_mut().zip(argv).for_each(|(pointer, argument)| *pointer = argument.as_ptr());
    let failure = SharedWord::new()?;
    let _default = DefaultSigchld::set()?;
    // SAFETY: wrong if the child did more than call the kernel: another thread of the caller may
    // hold any lock at this moment, malloc's among them, and there nobody gives it back.
    match Errno::result(unsafe { libc::fork() })? {
        0 => become_program(&pointers, failure.word()),
        child => {
            let status = wait(child)?;
            match failure.word().load(Relaxed) {
                0 if libc::WIFSIGNALED(status) => Ok(End::Killed),
                0 => Ok(End::Exited),
                errno => Err(Errno::from_raw(errno)),
            }
        }
    }
}

/// In the child, which must not come back: two processes would go on with the login. So not even
/// by a panic, which aborts at `extern "C"`.
extern "C" fn become_program(argv: &[*const c_char; 8], failure: &AtomicI32) -> ! {
    let errno = match become_alone() {
        Ok(()) => {
            let none = [std::ptr::null()];
            // SAFETY: wrong if a list did not end in NULL, or a string of `argv` were gone: `run`
            // still borrows them. execve(2), for execvp(3) has a shell read what is no program.
            unsafe { libc::execve(argv[0], argv.as_ptr(), none.as_ptr()) };
            Some(Errno::last()).filter(|errno| !NO_PROGRAM.contains(errno))
        }
        Err(errno) => Some(errno),
    };
    if let Some(errno) = errno {
        failure.store(errno as i32, Relaxed);
    }
    // SAFETY: wrong if something had to be done at the end of this process: it is the caller's to do.
    unsafe { libc::_exit(127) }
}

/// The caller's real user may be somebody else's, in a setuid program; SIGPIPE may be ignored.
fn become_alone() -> Result<(), Errno> {
    default_action(libc::SIGPIPE)?;
    nix::unistd::chdir(c"/")?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    nix::unistd::setuid(nix::unistd::geteuid())?;
    forget_exec_context()?;
    read_and_write_nothing()?;
    // SAFETY: wrong if one of these were needed until execve(2).
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed == 0 {
        return Ok(());
    }
    // Linux before 5.9.
    let most = nix::unistd::sysconf(nix::unistd::SysconfVar::OPEN_MAX)?.unwrap_or(1024);
    for fd in 3..c_int::try_from(most).unwrap_or(1024).min(1 << 16) {
        // SAFETY: as above; a number that is no descriptor gives EBADF.
        unsafe { libc::close(fd) };
    }
    Ok(())
}

/// No O_CLOEXEC: where the caller has no standard streams, this becomes one of them as it is.
fn read_and_write_nothing() -> Result<(), Errno> {
    use nix::fcntl::{OFlag, open};
    let null = open(c"/dev/null", OFlag::O_RDWR, nix::sys::stat::Mode::empty())?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    let _still_open = null.into_raw_fd();
    Ok(())
}

/// The status of a child that has ended.
fn wait(child: libc::pid_t) -> Result<c_int, Errno> {
    let mut status = 0;
    loop {
        // SAFETY: wrong if the pointer did not outlive the call.
        match Errno::result(unsafe { libc::waitpid(child, &raw mut status, 0) }) {
            Err(Errno::EINTR) => {}
            result => return result.map(|_| status),
        }
    }
}

/// A number that a forked child shares with us, 0 at first.
struct SharedWord(NonNull<AtomicI32>);

impl SharedWord {
    fn new() -> Result<Self, Errno> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let kind = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: wrong if an address were asked for, where something else may be.
        let memory = unsafe {
            libc::mmap64(std::ptr::null_mut(), size_of::<AtomicI32>(), access, kind, -1, 0)
        };
        if memory == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        NonNull::new(memory.cast()).map(Self).ok_or(Errno::ENOMEM)
    }

    fn word(&self) -> &AtomicI32 {
        // SAFETY: wrong if the memory were gone, which it is after the drop, or not of zeros and
        // aligned: it is a page of its own.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for SharedWord {
    fn drop(&mut self) {
        // SAFETY: wrong if somebody still had a reference: `word` lends it no longer than this lives.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<AtomicI32>()) };
    }
}

/// With SELinux the next program is to run in the context of the user who logs in, which is not
/// that of root's script. Writing nothing takes that back (`setexeccon(3)`); without SELinux there
/// is nothing to write to (EINVAL).
fn forget_exec_context() -> Result<(), Errno> {
    use nix::fcntl::{OFlag, open};
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let setting = match open(c"/proc/thread-self/attr/exec", flags, nix::sys::stat::Mode::empty()) {
        Ok(setting) => setting,
        Err(Errno::ENOENT) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    match nix::unistd::write(&setting, b"") {
        Ok(_) | Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Gives a signal its default action; what it was before.
fn default_action(signal: c_int) -> Result<libc::sigaction, Errno> {
    let mut before = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: wrong if zeros were no valid sigaction: SIG_DFL is 0, with an empty mask.
    let default: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: wrong if either pointer did not lead to a sigaction.
    check(unsafe { libc::sigaction(signal, &raw const default, before.as_mut_ptr()) })?;
    // SAFETY: wrong if the call had failed, in which case we have left.
    Ok(unsafe { before.assume_init() })
}

/// SIGCHLD's default action, for a while.
struct DefaultSigchld(libc::sigaction);

impl DefaultSigchld {
    fn set() -> Result<Self, Errno> {
        default_action(libc::SIGCHLD).map(Self)
    }
}

impl Drop for DefaultSigchld {
    fn drop(&mut self) {
        // SAFETY: wrong if the pointer did not lead to a sigaction; it is the one we got.
        unsafe { libc::sigaction(libc::SIGCHLD, &raw const self.0, std::ptr::null_mut()) };
    }
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

    #[test]
    fn a_mount_s_root_is_unescaped_and_its_type_follows_the_dash() {
        let table = b"21 1 8:1 / / rw - ext4 d rw\n\
                      22 21 8:1 /a\\040b\\134c /x rw shared:3 master:1 - fuse.sshfs d rw\n";
        for (mount, want) in
            [(21, Some(("/", false))), (22, Some(("/a b\\c", true))), (2, None), (1, None)]
        {
            let mut reader = RecordReader::new(mount);
            let found = table.iter().any(|&byte| reader.take(byte)).then(|| reader.record());
            let found = found.map(|record| (record.root.as_bytes().to_vec(), record.is_fuse));
            assert_eq!(found, want.map(|(root, fuse)| (root.as_bytes().to_vec(), fuse)), "{mount}");
        }
    }
}
