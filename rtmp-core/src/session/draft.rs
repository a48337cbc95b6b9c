//! Directories that are finished before anybody can find them.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::{Mode, fchmod, fstatat, mkdirat};
use nix::unistd::{Gid, Uid, fchown};

use super::dir::Dir;
use super::error::Why;
use super::ledger::DraftName;
use super::walk::MountApi;
use super::{removal, skeleton};
use crate::sys::{self, Stat};

/// How often a name that somebody else keeps taking is tried for.
pub const TRIES: usize = 16;

/// Owner, group and permissions a directory is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
}

impl Pattern {
    /// The pattern of a directory that is there.
    pub fn of(stat: &Stat) -> Self {
        Self { uid: stat.uid, gid: stat.gid, mode: stat.permissions() }
    }

    /// Gives an open directory this owner, group and mode. The owner first: a change of owner
    /// takes the setuid and setgid bits away.
    pub fn apply(self, dir: &OwnedFd, found: &Stat) -> Result<(), Errno> {
        if (found.uid, found.gid) != (self.uid, self.gid) {
            fchown(dir, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))?;
        }
        fchmod(dir, Mode::from_bits_truncate(self.mode))
    }
}

/// What a new instance is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Owner, group and permissions: the polydir's.
    pub pattern: Pattern,
    /// A new home is filled from `/etc/skel` and gets this mode.
    pub home_mode: Option<u32>,
}

impl Recipe {
    fn follow(self, dir: &OwnedFd, found: &Stat) -> Result<(), Why> {
        let Some(mode) = self.home_mode else { return Ok(self.pattern.apply(dir, found)?) };
        let Pattern { uid, gid, .. } = self.pattern;
        skeleton::fill(dir, skeleton::Owner { uid, gid })?;
        Ok(Pattern { uid, gid, mode }.apply(dir, found)?)
    }
}

impl From<Pattern> for Recipe {
    fn from(pattern: Pattern) -> Self {
        Self { pattern, home_mode: None }
    }
}

/// A directory under a draft name. Removed again unless it is published.
#[derive(Debug)]
pub struct Draft<'d> {
    name: Unpublished<'d>,
    /// The draft, open.
    pub dir: Dir,
}

/// A draft's name, and the duty to remove what has it.
#[derive(Debug)]
struct Unpublished<'d> {
    api: MountApi,
    place: &'d Dir,
    name: DraftName,
}

impl<'d> Draft<'d> {
    /// Makes an empty directory of root's, mode 0700, in a place where only root can write, or
    /// where the sticky bit keeps others from touching what is root's.
    pub fn make(api: MountApi, place: &'d Dir) -> Result<Self, Why> {
        for _ in 0..TRIES {
            let name = DraftName::new(sys::random()?);
            match mkdirat(place, name.as_cstr(), Mode::S_IRWXU) {
                Ok(()) => {
                    let name = Unpublished { api, place, name };
                    let dir = fresh(api, place, name.name.as_cstr())?;
                    return Ok(Self { name, dir });
                }
                Err(Errno::EEXIST) => {}
                Err(errno) => return Err(Why::Os(errno)),
            }
        }
        Err(Why::Contested)
    }

    /// The name it has until it is published.
    pub fn name(&self) -> DraftName {
        self.name.name
    }

    /// Makes a finished directory inside the draft.
    pub fn make_inner(&mut self, api: MountApi, name: &CStr, recipe: Recipe) -> Result<Dir, Why> {
        mkdirat(&self.dir, name, Mode::S_IRWXU)?;
        let mut inner = api.child_on_same_mount(&self.dir, name)?;
        recipe.follow(&inner.readable()?, &inner.stat)?;
        inner.stat = api.stat(&inner)?;
        Ok(inner)
    }

    /// Gives the draft its owner, group and mode, and a home its files.
    pub fn finish(&mut self, api: MountApi, recipe: impl Into<Recipe>) -> Result<(), Why> {
        recipe.into().follow(&self.dir.readable()?, &self.dir.stat)?;
        self.dir.stat = api.stat(&self.dir)?;
        Ok(())
    }

    /// Gives the draft its name. `Err(EEXIST)`: somebody was faster; the draft is gone then.
    pub fn publish(self, place: impl AsFd, name: &CStr) -> Result<Dir, Errno> {
        rename_if_absent(self.name.place, self.name.name.as_cstr(), place, name)?;
        Ok(self.published())
    }

    /// Changes places with what has the name now; that is then found under the draft's name.
    pub fn exchange(self, name: &CStr) -> Result<Dir, Errno> {
        let place = self.name.place;
        renameat2(place, self.name.name.as_cstr(), place, name, RenameFlags::RENAME_EXCHANGE)?;
        Ok(self.published())
    }

    fn published(self) -> Dir {
        // The duty to remove ends here; it owns nothing that would be lost.
        std::mem::forget(self.name);
        self.dir
    }
}

impl Drop for Unpublished<'_> {
    /// A failure leaves a draft behind, whose name says what it is; there is an error on its way
    /// already that matters more.
    fn drop(&mut self) {
        removal::remove(self.api, self.place, self.name.as_cstr()).unwrap_or_default();
    }
}

/// Opens a directory that was made a moment ago and makes sure that it is that one: where others
/// can rename what is in a place, they may have put something of root's under the name, which must
/// not get another mode. What is empty, on the same mount, root's, and 0700 gives nothing away.
fn fresh(api: MountApi, place: &Dir, name: &CStr) -> Result<Dir, Why> {
    let dir = api.child_on_same_mount(place, name)?;
    let firm = place.is_firm();
    if dir.stat.uid != 0 || (!firm && !sys::is_empty(dir.readable()?)?) {
        return Err(Why::Contested);
    }
    Ok(dir)
}

/// Renames unless the new name is taken. NFS and some others cannot do that in one step (EINVAL);
/// there logins take turns, by a lock that works between clients (flock(2), Linux 2.6.12) on a file
/// that nobody but root can open, or a user could hold it. No plain rename without the lock: it
/// would replace the empty instance of a live session.
fn rename_if_absent(from: &Dir, old: &CStr, place: impl AsFd, new: &CStr) -> Result<(), Errno> {
    match renameat2(from, old, place.as_fd(), new, RenameFlags::RENAME_NOREPLACE) {
        Err(Errno::EINVAL | Errno::ENOSYS) if from.is_firm() => {}
        Err(Errno::ENOSYS) => return Err(Errno::EINVAL),
        result => return result,
    }
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let lock = openat(from, c":rtmp-lock", flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    sys::lock(&lock)?;
    match fstatat(place.as_fd(), new, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EEXIST),
        Err(Errno::ENOENT) => renameat(from, old, place.as_fd(), new),
        Err(errno) => Err(errno),
    }
}
