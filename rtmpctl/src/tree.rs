//! The file system as the system in it sees it: the host's, or one below `--root`.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::sys::statfs::{TMPFS_MAGIC, fstatfs};
use rtmp_core::conf::{Sources, sources::SYSTEM_DIR};
use rtmp_core::path::AbsPath;

use crate::outcome::Failure;

/// A root directory. Links below it lead to places below it.
#[derive(Debug)]
pub struct Tree {
    root: OwnedFd,
    prefix: Option<PathBuf>,
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// Type and permissions.
    pub mode: u32,
    /// The file system and the number in it, which together are one file's own.
    pub identity: (u64, u64),
    /// Whether it is gone after a reboot.
    pub on_tmpfs: bool,
}

/// Where a directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// Its path without links.
    pub path: Vec<u8>,
    /// Its mount, as in `mountinfo`.
    pub mount: u64,
}

impl Look {
    fn is(&self, kind: SFlag) -> bool {
        self.mode & SFlag::S_IFMT.bits() == kind.bits()
    }

    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.is(SFlag::S_IFDIR)
    }

    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.is(SFlag::S_IFREG)
    }

    /// Whether it is a symbolic link.
    pub fn is_link(&self) -> bool {
        self.is(SFlag::S_IFLNK)
    }

    /// The permission bits.
    pub fn permissions(&self) -> u32 {
        self.mode & 0o7777
    }

    /// Whether only root can change what is in it.
    pub fn is_roots_alone(&self) -> bool {
        self.uid == 0 && self.mode & 0o022 == 0
    }

    /// Whether this is a place like `/tmp`: everybody may make names, only owners change them.
    pub fn is_sticky(&self) -> bool {
        self.uid == 0 && self.mode & 0o1000 != 0 && self.mode & 0o022 != 0
    }
}

/// Whether a link or a mount at the very end of a path is looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Last {
    /// Both are.
    Through,
    /// A link is looked at itself, and a mount is `EXDEV`.
    Itself,
}

impl Tree {
    /// The host's tree, or the one below a directory.
    pub fn open(prefix: Option<&Path>) -> Result<Self, Failure> {
        let path = prefix.unwrap_or(Path::new("/"));
        let fail = |errno| Failure::Root(path.to_owned(), errno);
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open(path, flags, Mode::empty()).map_err(fail)?;
        Ok(Self { root, prefix: prefix.map(Path::to_owned) })
    }

    /// Whether this is the host's own tree.
    pub fn is_host(&self) -> bool {
        self.prefix.is_none()
    }

    /// A path as the caller would write it.
    pub fn place(&self, path: &Path) -> PathBuf {
        match &self.prefix {
            None => path.to_owned(),
            Some(prefix) => prefix.join(path.strip_prefix("/").unwrap_or(path)),
        }
    }

    /// These files, or else the system's configuration.
    pub fn sources(&self, files: &[PathBuf]) -> Result<Sources, Failure> {
        Ok(if !files.is_empty() {
            Sources::files(files.iter().cloned())?
        } else if self.is_host() {
            Sources::system()?
        } else {
            Sources::under(&self.place(Path::new(SYSTEM_DIR)))?
        })
    }

    /// Looks at a file.
    pub fn look(&self, path: &AbsPath, last: Last) -> Result<Look, Errno> {
        let fd = match (last, path.name()) {
            (Last::Through, _) | (_, None) => self.reach(path.as_bytes(), OFlag::O_PATH)?,
            (Last::Itself, Some(name)) => {
                let above = self.reach(path.above(), OFlag::O_PATH)?;
                let how = OpenHow::new()
                    .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
                    .resolve(ResolveFlag::RESOLVE_NO_XDEV);
                match openat2(&above, name, how) {
                    Err(Errno::ENOSYS | Errno::EPERM) if self.is_host() => {
                        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                        openat(&above, name, flags, Mode::empty())?
                    }
                    result => result?,
                }
            }
        };
        let found = fstat(&fd)?;
        let on_tmpfs = fstatfs(&fd).is_ok_and(|fs| fs.filesystem_type() == TMPFS_MAGIC);
        Ok(Look {
            uid: found.st_uid,
            gid: found.st_gid,
            mode: found.st_mode,
            identity: (found.st_dev, found.st_ino),
            on_tmpfs,
        })
    }

    /// Where a directory is, links and `--root` left behind.
    pub fn whereabouts(&self, path: &AbsPath) -> Result<Whereabouts, Errno> {
        let fd = self.reach(path.as_bytes(), OFlag::O_PATH)?;
        let number = fd.as_raw_fd();
        let link = std::fs::read_link(format!("/proc/self/fd/{number}")).map_err(errno)?;
        let info = std::fs::read(format!("/proc/self/fdinfo/{number}")).map_err(errno)?;
        let mount = info.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"mnt_id:"));
        let mount = mount.and_then(|id| std::str::from_utf8(id).ok()?.trim().parse().ok());
        Ok(Whereabouts {
            path: link.into_os_string().into_vec(),
            mount: mount.ok_or(Errno::ENOSYS)?,
        })
    }

    /// Opens a directory, to ask for its SELinux context.
    pub fn open_for_context(&self, path: &AbsPath) -> Result<OwnedFd, Errno> {
        self.reach(path.as_bytes(), OFlag::O_PATH | OFlag::O_DIRECTORY)
    }

    /// Where a link leads, as it says itself.
    pub fn target(&self, link: &AbsPath) -> Result<PathBuf, Errno> {
        let above = self.reach(link.above(), OFlag::O_PATH)?;
        Ok(readlinkat(&above, link.name().unwrap_or_default())?.into())
    }

    /// Reads a file.
    pub fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let fd = self.reach(path.as_os_str().as_bytes(), OFlag::O_RDONLY | OFlag::O_NONBLOCK)?;
        let mut text = Vec::new();
        File::from(fd).read_to_end(&mut text)?;
        Ok(text)
    }

    /// The names in a directory, sorted.
    pub fn names(&self, path: &Path) -> Result<Vec<Vec<u8>>, Errno> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let mut dir = Dir::from_fd(self.reach(path.as_os_str().as_bytes(), flags)?)?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            names.push(entry?.file_name().to_bytes().to_vec());
        }
        names.sort();
        Ok(names)
    }

    fn reach(&self, path: &[u8], flags: OFlag) -> Result<OwnedFd, Errno> {
        let path = Path::new(OsStr::from_bytes(path));
        let flags = flags | OFlag::O_CLOEXEC;
        let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_IN_ROOT);
        match open_settled(&self.root, path, how) {
            // Linux before 5.6, and some containers. On the host links need no root to stay in.
            Err(Errno::ENOSYS | Errno::EPERM) if self.is_host() => {
                openat(&self.root, path, flags, Mode::empty())
            }
            result => result,
        }
    }
}

/// What is looked up with `..` in it and within a root fails with EAGAIN while anything on the
/// machine is renamed or mounted: "the caller may choose to retry", openat2(2).
const ATTEMPTS: u32 = 1000;

fn open_settled(root: &OwnedFd, path: &Path, how: OpenHow) -> Result<OwnedFd, Errno> {
    let mut left = ATTEMPTS;
    loop {
        match openat2(root, path, how) {
            Err(Errno::EAGAIN) if left > 0 => left -= 1,
            result => return result,
        }
    }
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_link_upwards_is_followed_while_others_rename_files() -> Result<(), Box<dyn Error>> {
        let dir = tempfile::tempdir()?;
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("var"))?;
        fs::create_dir(root.join("tmp"))?;
        symlink("../tmp", root.join("var/tmp"))?;
        let (tree, path) = (Tree::open(Some(&root))?, AbsPath::new(b"/var/tmp")?);
        let [one, other] = ["one", "other"].map(|name| dir.path().join(name));
        fs::write(&one, "")?;
        let over = AtomicBool::new(false);
        let failed = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    fs::rename(&one, &other).and_then(|()| fs::rename(&other, &one)).ok()?;
                }
                Some(())
            });
            let failed = (0..20_000).find_map(|_| tree.look(&path, Last::Through).err());
            over.store(true, Ordering::Relaxed);
            failed
        });
        assert_eq!(failed, None);
        Ok(())
    }
}
