//! A polydir: the directory that an instance takes the place of.

use std::os::fd::AsFd;

use nix::errno::Errno;

use super::creation::Missing;
use super::dir::{Dir, Ground};
use super::draft::Pattern;
use super::error::{Object, Why};
use super::ledger::{Event, Ledger};
use super::walk::MountApi;
use crate::path::AbsPath;
use crate::plan::{Creation, Plan, Work};
use crate::sys::{self, ProcPath};

/// A polydir that is open.
#[derive(Debug)]
pub struct Polydir {
    /// The open directory.
    pub dir: Dir,
}

impl Polydir {
    /// Opens the polydir; makes its last component if that is missing and may be made. What a
    /// user has mounted on it is left out of the session.
    #[cold]
    pub fn open<'p>(
        api: MountApi,
        path: &'p AbsPath,
        work: &Work,
        ledger: &mut Ledger<'p>,
    ) -> Result<Self, Why> {
        match (api.open(path), work.create) {
            (Ok(dir), _) => Ok(Self { dir }),
            (Err(Why::Os(Errno::ENOENT)), Some(creation)) => {
                make(api, path, creation, work.is_labelled())
            }
            (Err(Why::Mounted), _) => {
                let name = path.name().ok_or(Why::Mounted)?;
                api.uncover(&api.open_above(path)?, name)?;
                ledger.note(Object::Path("polydir", path), Event::MountDetached);
                Ok(Self { dir: api.open(path)? })
            }
            (Err(why), _) => Err(why),
        }
    }

    /// Opens all polydirs of the plan at once, as most logins can: they lie apart, no link leads
    /// to one, and nothing is mounted on one, so that no session around us covers it. Otherwise
    /// opens none. `polydirs` is empty and has room for all.
    pub fn open_all(api: MountApi, plan: &Plan<'_>, polydirs: &mut Vec<Self>) {
        if plan.decisions.iter().any(|decision| decision.uncover.is_some()) || !lie_apart(plan) {
            return;
        }
        for (decision, _) in plan.work() {
            match api.open(&decision.polydir) {
                Ok(dir) if !dir.linked && !dir.stat.mount_root => polydirs.push(Self { dir }),
                // Nothing is wrong yet: it may be missing, or a link, or a mount.
                Ok(_) | Err(_) => return polydirs.clear(),
            }
        }
    }

    /// Whether a working directory lies in this polydir. Both are paths from the kernel, which asks
    /// no file system for them.
    pub fn contains(&self, path: &AbsPath, cwd: &[u8]) -> bool {
        if !self.dir.linked { path.contains(cwd) } else { self.target_contains(cwd) }
    }

    #[cold]
    #[inline(never)]
    fn target_contains(&self, cwd: &[u8]) -> bool {
        let path = sys::readlink(ProcPath::of(self.dir.as_fd()).as_cstr());
        path.is_ok_and(|path| {
            cwd.strip_prefix(path.as_bytes()).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
        })
    }

    /// Who else than root and the session's user owns it, where owners can rename: the mount goes
    /// with the name, and under that name they can make another directory.
    pub fn renamed_by(&self, user: u32) -> Option<u32> {
        let owner = self.dir.stat.uid;
        (self.dir.ground == Ground::Soft && ![0, user].contains(&owner)).then_some(owner)
    }

    /// What an instance is made like.
    pub fn pattern(&self) -> Pattern {
        Pattern::of(&self.dir.stat)
    }
}

fn lie_apart(plan: &Plan<'_>) -> bool {
    let mut rest = plan.work();
    while let Some((decision, _)) = rest.next() {
        let meets = |other: &AbsPath| {
            decision.polydir.contains(other.as_bytes())
                || other.contains(decision.polydir.as_bytes())
        };
        if rest.clone().any(|(other, _)| meets(&other.polydir)) {
            return false;
        }
    }
    true
}

/// `create`: only the last component, and never anything that is there already.
fn make(api: MountApi, path: &AbsPath, creation: Creation, labelled: bool) -> Result<Polydir, Why> {
    let name = path.name().ok_or(Why::NotADirectory)?;
    let above = api.open_above(path)?;
    let missing = Missing { api, above: &above, path, name, creation, labelled };
    let dir = match missing.create()? {
        Some(dir) => dir,
        // Another login was faster.
        None => api.child(&above, name)?,
    };
    Ok(Polydir { dir })
}
