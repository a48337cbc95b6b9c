//! What `/proc` says of mounts and of open files.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;

use super::PathBuffer;
use crate::path::{Decimal, PATH_MAX};

/// The mount of an open file, from `/proc/self/fdinfo` (Linux 3.15): the kernel's own record, for
/// which no file system is asked.
#[cold]
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
#[cold]
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

#[cfg(test)]
mod tests {
    use super::*;

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
