//! From a path to an open directory that nobody but root could have put there.
//!
//! As long as every directory on the way belongs to root and nobody else can write it, names stay
//! what they were when we looked: that is *solid ground*, and root's links there are followed. At
//! the first directory that others can write the ground is *soft*: from there on every step is one
//! name below an open directory, no link is followed, no mount is crossed, and nothing is asked of
//! a file system that a user may have mounted (CVE-2024-22365, CVE-2025-6020).

mod classic;

use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::sys::stat::{Mode, fstatat};

use super::dir::{Dir, Ground, Top, from_fstat};
use super::error::Why;
use super::way::Way;
use crate::path::{AbsPath, PATH_MAX};
use crate::sys::{self, Stat};

/// Which of the kernel's calls are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Calls {
    /// `openat2`, `statx`, `open_tree`, `move_mount`, `mount_setattr`: Linux 5.2 to 5.12.
    Descriptors,
    /// `openat`, `fstat`, `mount`, with `/proc/self/fd` and `/proc/self/fdinfo`: any Linux.
    Classic,
}

/// The calls that are used, and what the root directory was when we began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MountApi {
    /// The calls.
    pub calls: Calls,
    /// Of the root directory.
    root: Stat,
}

/// How many links are followed, as in the kernel (`path_resolution(7)`).
const MAX_LINKS: usize = 40;

const DIRECTORY: OFlag =
    OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// What may be crossed to reach a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mounts {
    Crossed,
    NotCrossed,
}

impl MountApi {
    /// Looks at the root directory, which every walk starts from.
    pub fn new(calls: Calls) -> Result<Self, Why> {
        Ok(Self { calls, root: lstat(calls, c"/")? })
    }

    /// Opens the directory of that path.
    pub fn open(self, path: &AbsPath) -> Result<Dir, Why> {
        self.follow(path.as_bytes())
    }

    /// Opens the directory above that path.
    pub fn open_above(self, path: &AbsPath) -> Result<Dir, Why> {
        self.follow(path.above())
    }

    /// Opens what covers a path now: a mount that was made a moment ago, also on soft ground.
    pub fn open_top(self, path: &AbsPath) -> Result<Dir, Why> {
        let Top { fd, ground, .. } = self.top(path)?;
        let stat = self.stat(&fd)?;
        Ok(Dir { fd, stat, ground, linked: false })
    }

    /// The same without a stat, of what may be a user's file system.
    pub fn top(self, path: &AbsPath) -> Result<Top, Why> {
        match (self.open(path), path.name()) {
            (Ok(Dir { fd, stat: Stat { mount, mount_root, .. }, ground, .. }), _) => {
                Ok(Top { fd, mount, mount_root, ground })
            }
            (Err(Why::Mounted), Some(name)) => {
                let above = self.open_above(path)?;
                let fd = self.open_at(above.as_fd(), name, Mounts::Crossed, above.stat.mount)?;
                let mount = sys::mount_of(&fd)?;
                Ok(Top { fd, mount, mount_root: true, ground: Ground::Soft })
            }
            (Err(why), _) => Err(why),
        }
    }

    fn follow(self, path: &[u8]) -> Result<Dir, Why> {
        // Short and without a link, as nearly all paths are.
        let mut room = [0; 256];
        let Ok(mut way) = Way::new(&mut room, path) else { return self.follow_links(path) };
        match self.walk(&mut way) {
            Ok(dir) => Ok(dir),
            Err(Stop::At(why)) => Err(why),
            Err(Stop::FollowLink(_)) => self.follow_links(path),
        }
    }

    /// Apart, and never inlined: each page of stack that a frame reaches for costs a page fault.
    #[cold]
    #[inline(never)]
    fn follow_links(self, path: &[u8]) -> Result<Dir, Why> {
        let mut room = [0; PATH_MAX];
        let mut way = Way::new(&mut room, path)?;
        for _ in 0..=MAX_LINKS {
            match self.walk(&mut way) {
                Ok(mut dir) => {
                    dir.linked = way.linked;
                    return Ok(dir);
                }
                Err(Stop::At(why)) => return Err(why),
                Err(Stop::FollowLink(end)) => way.follow(end)?,
            }
        }
        Err(Why::Os(Errno::ELOOP))
    }

    #[inline(never)]
    fn walk(self, way: &mut Way<'_>) -> Result<Dir, Stop> {
        let mut above = self.root;
        let mut ground = if above.is_roots_alone() { Ground::Solid } else { Ground::Soft };
        let mut end = 0;
        let mut seen = None;
        // Solid ground: look at each directory above the last, by path, since its name is firm.
        while let (Ground::Solid, Some(next)) = (ground, way.component_end(end)) {
            if next == way.len {
                break;
            }
            let stat = way.up_to(next, |path| self.lstat(path))?;
            if stat.is_type(libc::S_IFLNK) {
                return Err(follow_if_roots(&stat, next));
            }
            if !stat.is_type(libc::S_IFDIR) {
                return Err(Stop::At(Why::NotADirectory));
            }
            let ask = || way.up_to(next, is_fuse_at);
            if !stat.is_roots_alone() || proves_nothing(&above, &stat, ask)? {
                ground = Ground::Soft;
                seen = Some(stat).filter(|_| self.calls == Calls::Descriptors);
            }
            above = stat;
            end = next;
        }
        let firm = if ground == Ground::Solid { way.len } else { end };
        let opened = way.up_to(firm, |path| self.open_at(AT_FDCWD, path, Mounts::Crossed, 0));
        let fd = match opened {
            Ok(fd) => fd,
            Err(Errno::ELOOP | Errno::ENOTDIR) => {
                let stat = way.up_to(firm, |path| self.lstat(path))?;
                return Err(if stat.is_type(libc::S_IFLNK) {
                    follow_if_roots(&stat, firm)
                } else {
                    Stop::At(Why::NotADirectory)
                });
            }
            Err(errno) => return Err(Stop::At(self.why(errno))),
        };
        // The name was firm, so this is what was looked at, unless something was mounted meanwhile,
        // which only root could do. An lstat of the classic calls does not know the mount.
        let stat = seen.map_or_else(|| self.stat(&fd), Ok)?;
        // Only directories above `firm` were looked at; `firm` itself is where the ground turns.
        let ground = match ground {
            Ground::Solid => ground_of(&above, &stat, &fd)?,
            Ground::Soft if end == 0 => Ground::Soft,
            Ground::Soft => ground_of(&self.root, &stat, &fd)?,
        };
        let mut dir = Dir { fd, stat, ground, linked: false };
        let mut end = firm;
        while let Some(next) = way.component_end(end) {
            dir = way.component(end, next, |name| self.child(&dir, name))?;
            end = next;
        }
        Ok(dir)
    }

    /// Opens a directory in a directory. On soft ground, and where others can write the directory
    /// itself, no mount is crossed.
    pub fn child(self, dir: &Dir, name: &CStr) -> Result<Dir, Why> {
        self.step(dir, name, if dir.is_firm() { Mounts::Crossed } else { Mounts::NotCrossed })
    }

    /// Opens a directory in a directory on the same mount.
    pub fn child_on_same_mount(self, dir: &Dir, name: &CStr) -> Result<Dir, Why> {
        self.step(dir, name, Mounts::NotCrossed)
    }

    /// Opens a path of several names below a directory, on the same mount. Only with the newer
    /// calls: the older ones would follow links on the way.
    pub fn below_on_same_mount(self, dir: &Dir, path: &CStr) -> Result<Dir, Why> {
        match self.calls {
            Calls::Descriptors => self.step(dir, path, Mounts::NotCrossed),
            Calls::Classic => Err(Why::CallMissing),
        }
    }

    fn step(self, dir: &Dir, name: &CStr, mounts: Mounts) -> Result<Dir, Why> {
        let fd = match self.open_at(dir.as_fd(), name, mounts, dir.stat.mount) {
            Ok(fd) => fd,
            Err(Errno::EXDEV) => return Err(Why::Mounted),
            Err(Errno::ELOOP) => return Err(Why::Link),
            // A link, too, with O_DIRECTORY and O_NOFOLLOW.
            Err(Errno::ENOTDIR) => return Err(self.what_is_at(dir, name)),
            Err(errno) => return Err(self.why(errno)),
        };
        let stat = self.stat(&fd)?;
        let ground = if dir.is_firm() { ground_of(&dir.stat, &stat, &fd)? } else { Ground::Soft };
        Ok(Dir { fd, stat, ground, linked: false })
    }

    #[cold]
    fn what_is_at(self, dir: &Dir, name: &CStr) -> Why {
        match self.lstat_at(dir, name) {
            Ok(stat) if stat.is_type(libc::S_IFLNK) => Why::Link,
            Ok(_) => Why::NotADirectory,
            Err(why) => why,
        }
    }

    /// What is known of a name in a directory.
    pub fn lstat_at(self, dir: &Dir, name: &CStr) -> Result<Stat, Why> {
        match self.calls {
            Calls::Descriptors => sys::lstatx_at(dir, name).map_err(|errno| self.why(errno)),
            Calls::Classic => Ok(from_fstat(&fstatat(dir, name, AtFlags::AT_SYMLINK_NOFOLLOW)?, 0)),
        }
    }

    /// What is mounted at a name in a directory, detached in this namespace only, until nothing is.
    pub fn uncover(self, dir: &Dir, name: &CStr) -> Result<(), Why> {
        // fuse.conf's mount_max for unprivileged users is 1000 by default.
        for _ in 0..1024 {
            // Not as a directory: something can be mounted on a file, too.
            let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let top = match openat(dir, name, flags, Mode::empty()) {
                Ok(top) => top,
                // What is there is for the caller to see.
                Err(Errno::ENOENT) => return Ok(()),
                Err(errno) => return Err(Why::Os(errno)),
            };
            if sys::mount_of(&top)? == dir.stat.mount {
                return Ok(());
            }
            super::cover::detach(&top)?;
        }
        Err(Why::Contested)
    }

    fn open_at(
        self,
        dir: BorrowedFd<'_>,
        path: &CStr,
        mounts: Mounts,
        mount: u64,
    ) -> Result<OwnedFd, Errno> {
        match self.calls {
            Calls::Descriptors => {
                let mut resolve = ResolveFlag::RESOLVE_NO_SYMLINKS;
                if mounts == Mounts::NotCrossed {
                    resolve |= ResolveFlag::RESOLVE_NO_XDEV;
                }
                openat2(dir, path, OpenHow::new().flags(DIRECTORY).resolve(resolve))
            }
            Calls::Classic => classic::open_at(dir, path, mounts, mount),
        }
    }

    /// Whether nobody but root can bend a path, as namespace.init is told (`pam_namespace(8)`,
    /// Linux-PAM 1.7.1): every directory above is root's, and others can write it only where the
    /// sticky bit keeps what is there; links are root's. What cannot be seen is not safe.
    pub fn is_safe(self, path: &AbsPath) -> bool {
        let mut room = [0; PATH_MAX];
        let Ok(mut way) = Way::new(&mut room, path.as_bytes()) else { return false };
        let safe = |stat: Stat| {
            let kept = stat.mode & 0o022 == 0 || stat.mode & libc::S_ISVTX != 0;
            stat.uid == 0 && (kept || stat.is_type(libc::S_IFLNK))
        };
        let mut end = 0;
        loop {
            if !way.up_to(end, |above| self.lstat(above)).is_ok_and(safe) {
                return false;
            }
            match way.component_end(end) {
                Some(next) if next < way.len => end = next,
                Some(_) | None => return way.up_to(way.len, |path| self.lstat(path)).is_ok(),
            }
        }
    }

    /// What is known of an open directory.
    pub fn stat(self, fd: impl AsFd) -> Result<Stat, Why> {
        match self.calls {
            Calls::Descriptors => sys::statx(fd).map_err(|errno| self.why(errno)),
            Calls::Classic => classic::stat(fd.as_fd()),
        }
    }

    fn lstat(self, path: &CStr) -> Result<Stat, Why> {
        lstat(self.calls, path)
    }

    /// An old kernel says ENOSYS, a container's filter may say EPERM.
    pub fn why(self, errno: Errno) -> Why {
        why(self.calls, errno)
    }
}

#[cold]
fn why(calls: Calls, errno: Errno) -> Why {
    match (calls, errno) {
        (Calls::Descriptors, Errno::ENOSYS | Errno::EPERM) => Why::CallMissing,
        _ => Why::Os(errno),
    }
}

fn lstat(calls: Calls, path: &CStr) -> Result<Stat, Why> {
    match calls {
        Calls::Descriptors => sys::lstatx(path).map_err(|errno| why(calls, errno)),
        Calls::Classic => classic::lstat(path),
    }
}

/// Whether what a directory says of its owner proves nothing: it is the root of a FUSE file system,
/// which a user may have mounted on a directory of theirs, and which says what it likes. Such a
/// root lies on another device than the directory above, and has no block device.
fn proves_nothing(
    above: &Stat,
    stat: &Stat,
    is_fuse: impl FnOnce() -> Result<bool, Errno>,
) -> Result<bool, Why> {
    Ok(stat.dev != above.dev && stat.dev.0 == 0 && stat.is_roots_alone() && is_fuse()?)
}

/// By the mount table: statfs(2) would ask the file system, which need never answer.
#[cold]
#[inline(never)]
fn is_fuse(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    Ok(sys::mount_record(sys::mount_of(fd)?)?.is_fuse)
}

fn is_fuse_at(path: &CStr) -> Result<bool, Errno> {
    is_fuse(openat(AT_FDCWD, path, DIRECTORY, Mode::empty())?.as_fd())
}

/// The ground a directory stands on whose name is firm.
fn ground_of(above: &Stat, stat: &Stat, fd: impl AsFd) -> Result<Ground, Why> {
    Ok(if proves_nothing(above, stat, || is_fuse(fd.as_fd()))? {
        Ground::Soft
    } else {
        Ground::Solid
    })
}

fn follow_if_roots(stat: &Stat, end: usize) -> Stop {
    if stat.uid == 0 { Stop::FollowLink(end) } else { Stop::At(Why::Link) }
}

/// Why a walk came to a stop.
enum Stop {
    At(Why),
    /// A link of root's on solid ground ends at this byte of the way.
    FollowLink(usize),
}

impl From<Why> for Stop {
    fn from(why: Why) -> Self {
        Self::At(why)
    }
}
