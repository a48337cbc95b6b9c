//! Directories that are finished before anybody can find them.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::{Mode, fchmod, fstatat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, geteuid, unlinkat};

use super::dir::Dir;
use super::error::Why;
use super::ledger::DraftName;
use super::walk::MountApi;
use super::{label, removal, skeleton};
use crate::path::AbsPath;
use crate::selinux::{Context, Labels};
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
pub struct Recipe<'a> {
    /// Owner, group and permissions: the polydir's.
    pub pattern: Pattern,
    /// SELinux contexts; `None`: SELinux is disabled.
    pub labels: Option<&'a Labels>,
    /// A new home is filled from `/etc/skel`.
    pub home: Option<Home<'a>>,
}

/// What a new home gets besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Home<'a> {
    /// Where it will be seen.
    pub path: &'a AbsPath,
    /// Its mode.
    pub mode: u32,
}

impl<'a> Recipe<'a> {
    /// The context of what is made.
    pub fn label(self) -> Option<&'a Context> {
        self.labels.map(|labels| &labels.instance)
    }

    /// The context of what it is made in: the draft's, and a user's box.
    pub fn label_around(self) -> Option<&'a Context> {
        self.labels.map(|labels| &labels.polydir)
    }

    fn follow(self, dir: &OwnedFd, found: &Stat) -> Result<(), Why> {
        let Some(Home { path, mode }) = self.home else {
            return Ok(self.pattern.apply(dir, found)?);
        };
        let Pattern { uid, gid, .. } = self.pattern;
        skeleton::fill(dir, path, skeleton::Owner { uid, gid }, self.label())?;
        Ok(Pattern { uid, gid, mode }.apply(dir, found)?)
    }
}

/// A closed room for one directory in the making: root's, mode 0700, under a draft name. Nobody else
/// can reach what is in it, whatever owner and mode that has already. Gone when dropped.
#[derive(Debug)]
pub struct Draft<'d> {
    api: MountApi,
    place: &'d Dir,
    name: DraftName,
    room: Dir,
    /// Kept back for the removal, for which there may be no other descriptors left.
    spare: Option<[OwnedFd; 2]>,
    /// Whether what is in the room is somebody else's by now.
    holds_anothers: bool,
}

/// What the directory in the making is called in its room.
const MADE: &CStr = c"made";

impl<'d> Draft<'d> {
    /// Makes an empty room in a place where only root can write, or where the sticky bit keeps
    /// others from touching what is root's.
    #[cold]
    pub fn make(api: MountApi, place: &'d Dir, context: Option<&Context>) -> Result<Self, Why> {
        for _ in 0..TRIES {
            let name = DraftName::new(sys::random()?);
            match label::mkdir(place, name.as_cstr(), Mode::S_IRWXU, context) {
                Ok(()) => {
                    return match fresh(api, place, name) {
                        Ok((room, spare)) => {
                            let spare = Some(spare);
                            Ok(Self { api, place, name, room, spare, holds_anothers: false })
                        }
                        Err(why) => {
                            removal::take_back(place, name.as_cstr());
                            Err(why)
                        }
                    };
                }
                Err(Why::Os(Errno::EEXIST)) => {}
                Err(why) => return Err(why),
            }
        }
        Err(Why::Contested)
    }

    /// Makes the directory, root's as yet, with this mode less the caller's umask.
    pub fn directory(&self, mode: u32, context: Option<&Context>) -> Result<Dir, Why> {
        make_in(self.api, &self.room, MADE, mode, context)
    }

    /// Makes the directory, finished.
    pub fn finished(&self, recipe: Recipe<'_>) -> Result<Dir, Why> {
        let mut dir = self.directory(CLOSED, recipe.label())?;
        finish(self.api, &mut dir, recipe)?;
        Ok(dir)
    }

    /// Gives the directory its name. `Err(EEXIST)`: somebody was faster.
    pub fn publish(self, place: impl AsFd, name: &CStr) -> Result<(), Errno> {
        rename_if_absent((self.place, &self.room), MADE, place, name)
    }

    /// Lets the directory change places with what has the name now, and says what that is called
    /// from now on. Where it cannot be given a name it stays in the room, whose name that is then.
    pub fn exchange(mut self, name: &CStr) -> Result<DraftName, Why> {
        let aside = DraftName::new(sys::random()?);
        renameat2(&self.room, MADE, self.place, name, RenameFlags::RENAME_EXCHANGE)?;
        self.holds_anothers = true;
        let flags = RenameFlags::RENAME_NOREPLACE;
        let moved = renameat2(&self.room, MADE, self.place, aside.as_cstr(), flags);
        Ok(if moved.is_ok() { aside } else { self.name })
    }
}

impl Drop for Draft<'_> {
    /// Empties the room by its descriptor: in a place that a user owns, another directory may have
    /// its name by now. A failure leaves a draft behind, whose name says what it is.
    fn drop(&mut self) {
        // What was published has left an empty room behind.
        let removed = unlinkat(self.place, self.name.as_cstr(), UnlinkatFlags::RemoveDir);
        if removed != Err(Errno::ENOTEMPTY) || self.holds_anothers {
            return;
        }
        self.spare = None;
        removal::empty(self.api, &self.room).unwrap_or_default();
        removal::take_back(self.place, self.name.as_cstr());
    }
}

/// The mode of what is not finished.
pub const CLOSED: u32 = 0o700;

/// Makes a directory of root's in one that only root can reach.
pub fn make_in(
    api: MountApi,
    dir: &Dir,
    name: &CStr,
    mode: u32,
    context: Option<&Context>,
) -> Result<Dir, Why> {
    label::mkdir(dir, name, Mode::from_bits_truncate(mode), context)?;
    api.child_on_same_mount(dir, name)
}

/// Gives a directory its owner, group and mode, and a home its files.
pub fn finish(api: MountApi, dir: &mut Dir, recipe: Recipe<'_>) -> Result<(), Why> {
    recipe.follow(&dir.readable()?, &dir.stat)?;
    dir.stat = api.stat(&*dir)?;
    Ok(())
}

/// Opens a room that was made a moment ago and makes sure that it is that one: where others can
/// rename what is in a place, they may have put something of root's under the name. What is empty,
/// on the same mount, root's, and closed gives nothing away.
fn fresh(api: MountApi, place: &Dir, name: DraftName) -> Result<(Dir, [OwnedFd; 2]), Why> {
    let mut dir = api.child_on_same_mount(place, name.as_cstr())?;
    let taken = take(api, &mut dir)?;
    let is_closed = dir.stat.uid == 0 && dir.stat.mode & 0o077 == 0;
    let is_ours = place.is_firm() && !taken;
    if is_closed && (is_ours || sys::is_empty(dir.readable()?)?) {
        let spare = [dir.readable()?, dir.readable()?];
        Ok((dir, spare))
    } else {
        Err(Why::Contested)
    }
}

/// Makes a directory root's that was made a moment ago by a process that is not root but may do what
/// root may: newrole(1) opens sessions as the user, with capabilities. Until then the user could put
/// something in it. Says whether that was so.
pub fn take(api: MountApi, dir: &mut Dir) -> Result<bool, Why> {
    if dir.stat.uid == 0 || dir.stat.uid != geteuid().as_raw() {
        return Ok(false);
    }
    let mode = dir.stat.permissions();
    Pattern { uid: 0, gid: 0, mode }.apply(&dir.readable()?, &dir.stat)?;
    dir.stat = api.stat(&*dir)?;
    Ok(true)
}

/// Renames unless the new name is taken. NFS and some others cannot do that in one step (EINVAL);
/// there logins take turns, by a lock that works between clients (flock(2), Linux 2.6.12) on a file
/// that nobody but root can open, or a user could hold it. No plain rename without the lock: it
/// would replace the empty instance of a live session.
fn rename_if_absent(
    (parent, from): (&Dir, &Dir),
    old: &CStr,
    place: impl AsFd,
    new: &CStr,
) -> Result<(), Errno> {
    match renameat2(from, old, place.as_fd(), new, RenameFlags::RENAME_NOREPLACE) {
        Err(Errno::EINVAL | Errno::ENOSYS) if parent.is_firm() => {}
        Err(Errno::ENOSYS) => return Err(Errno::EINVAL),
        result => return result,
    }
    let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let lock = openat(parent, c":rtmp-lock", flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    sys::lock(&lock)?;
    match fstatat(place.as_fd(), new, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EEXIST),
        Err(Errno::ENOENT) => renameat(from, old, place.as_fd(), new),
        Err(errno) => Err(errno),
    }
}
