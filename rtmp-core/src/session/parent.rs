//! The instance parent: root's directory, in which instances and boxes are made.

use std::ffi::CStr;

use nix::errno::Errno;
use nix::fcntl::{RenameFlags, renameat2};

use super::creation::Missing;
use super::dir::{Dir, Ground};
use super::draft::TRIES;
use super::error::{Object, Why};
use super::ledger::{DraftName, Event, Ledger};
use super::walk::MountApi;
use crate::path::AbsPath;
use crate::plan::{Creation, ParentRule};
use crate::sys::{self, Stat};

impl ParentRule {
    fn accepts(self, stat: &Stat) -> bool {
        match self {
            Self::Hidden => stat.uid == 0 && stat.mode & 0o777 == 0,
            Self::Listed => stat.is_roots_alone(),
            Self::Any => true,
        }
    }

    /// How it is made.
    fn creation(self) -> Creation {
        let mode = match self {
            Self::Hidden | Self::Any => 0,
            Self::Listed => 0o755,
        };
        Creation { mode: Some(mode), uid: 0, gid: 0 }
    }

    fn refusal(self, stat: &Stat) -> Why {
        let must = match self {
            Self::Hidden => "belong to root with mode 000",
            Self::Listed => "belong to root, and nobody else may write it",
            Self::Any => "be a directory",
        };
        Why::Wrong { must, uid: stat.uid, mode: stat.mode }
    }
}

/// An instance parent that was checked.
#[derive(Debug)]
pub struct InstanceParent {
    /// The open directory.
    pub dir: Dir,
}

impl InstanceParent {
    /// Opens the instance parent. One that is missing is made, its last component only. One that
    /// somebody else made in a sticky directory is moved aside; elsewhere it is refused.
    /// `above`: the directory above, if it is open already.
    pub fn open<'p>(
        api: MountApi,
        path: &'p AbsPath,
        rule: ParentRule,
        labelled: bool,
        above: Option<&Dir>,
        ledger: &mut Ledger<'p>,
    ) -> Result<Self, Why> {
        let near = above.zip(path.name()).and_then(|(above, name)| api.child(above, name).ok());
        match near.map_or_else(|| api.open(path), Ok) {
            // Most logins end here.
            Ok(dir) if rule.accepts(&dir.stat) => return Ok(Self { dir }),
            Ok(dir) if dir.ground == Ground::Solid => return Err(rule.refusal(&dir.stat)),
            Err(Why::CallMissing) => return Err(Why::CallMissing),
            // Missing, a squatter's, or in the way of a link or a mount.
            _ => {}
        }
        let name = path.name().ok_or(Why::NotADirectory)?;
        let above = api.open_above(path)?;
        Place { api, above: &above, name, rule, path, labelled }.claim(ledger)
    }
}

/// Where an instance parent is to be.
struct Place<'a, 'p> {
    api: MountApi,
    above: &'a Dir,
    name: &'a CStr,
    rule: ParentRule,
    path: &'p AbsPath,
    /// Whether SELinux is enabled.
    labelled: bool,
}

impl<'p> Place<'_, 'p> {
    #[cold]
    fn claim(&self, ledger: &mut Ledger<'p>) -> Result<InstanceParent, Why> {
        let path = self.path;
        for _ in 0..TRIES {
            match self.api.child(self.above, self.name) {
                Ok(dir) if self.rule.accepts(&dir.stat) => return Ok(InstanceParent { dir }),
                Ok(dir) if !self.above.is_sticky() || is_roots_own(&dir.stat) => {
                    return Err(self.rule.refusal(&dir.stat));
                }
                Ok(_) => {}
                Err(Why::Os(Errno::ENOENT)) => match self.make()? {
                    Some(dir) => return Ok(InstanceParent { dir }),
                    None => continue,
                },
                Err(Why::Mounted) => {
                    self.uncover()?;
                    ledger.note(Object::Path("instance parent", path), Event::MountDetached);
                    continue;
                }
                Err(Why::Link | Why::NotADirectory) if self.above.is_sticky() => {}
                Err(why) => return Err(why),
            }
            if let Some((dir, uid, aside)) = self.swap()? {
                ledger.note(
                    Object::Path("instance parent", path),
                    Event::SquatMovedAside { uid, aside },
                );
                return Ok(InstanceParent { dir });
            }
        }
        Err(Why::Contested)
    }

    fn make(&self) -> Result<Option<Dir>, Why> {
        self.missing().create()
    }

    fn missing(&self) -> Missing<'_> {
        let &Self { api, above, path, name, labelled, rule } = self;
        Missing { api, above, path, name, creation: rule.creation(), labelled }
    }

    /// What is mounted on it is left out of the session. Under a mount over root's directory lies
    /// something that root meant to be hidden.
    fn uncover(&self) -> Result<(), Why> {
        self.api.uncover(self.above, self.name)?;
        match self.api.child_on_same_mount(self.above, self.name) {
            Ok(dir) if dir.stat.uid == 0 => Err(Why::Mounted),
            _ => Ok(()),
        }
    }

    /// Puts a finished directory in a squatter's place, in one step where the file system can.
    /// `None`: what was there has gone or come back meanwhile.
    fn swap(&self) -> Result<Option<(Dir, Option<u32>, DraftName)>, Why> {
        let owner = self.api.lstat_at(self.above, self.name).ok().map(|stat| stat.uid);
        let (draft, dir) = self.missing().draft()?;
        match draft.exchange(self.name) {
            Ok(aside) => Ok(Some((dir, owner, aside))),
            // Gone meanwhile, or something was mounted on it.
            Err(Why::Os(Errno::ENOENT | Errno::EBUSY)) => Ok(None),
            Err(Why::Os(Errno::EINVAL | Errno::ENOSYS)) => self.swap_in_two_steps(owner),
            Err(why) => Err(why),
        }
    }

    fn swap_in_two_steps(
        &self,
        owner: Option<u32>,
    ) -> Result<Option<(Dir, Option<u32>, DraftName)>, Why> {
        let aside = DraftName::new(sys::random()?);
        let flags = RenameFlags::RENAME_NOREPLACE;
        match renameat2(self.above, self.name, self.above, aside.as_cstr(), flags) {
            Ok(()) => Ok(self.make()?.map(|dir| (dir, owner, aside))),
            Err(Errno::ENOENT | Errno::EEXIST | Errno::EBUSY) => Ok(None),
            Err(errno) => Err(Why::Os(errno)),
        }
    }
}

/// Whether a directory in a sticky place is where root put it. One that others can write they can
/// also have carried there, from a box of theirs: rename(2) asks for no more.
fn is_roots_own(stat: &Stat) -> bool {
    let by_group = stat.mode & 0o020 != 0 && stat.gid != 0;
    stat.uid == 0 && stat.mode & 0o002 == 0 && !by_group
}
