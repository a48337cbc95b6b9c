//! A polydir: the directory that an instance takes the place of.

use std::os::fd::AsFd;

use nix::errno::Errno;

use super::creation::Missing;
use super::dir::Dir;
use super::draft::Pattern;
use super::error::{Object, Why};
use super::ledger::{Event, Ledger};
use super::walk::MountApi;
use crate::path::AbsPath;
use crate::plan::{Creation, Work};
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

    /// Whether a working directory lies in this polydir. Both are paths from the kernel, which asks
    /// no file system for them.
    pub fn contains(&self, path: &AbsPath, cwd: &[u8]) -> bool {
        if !self.dir.linked {
            return path.contains(cwd);
        }
        let path = sys::readlink(ProcPath::of(self.dir.as_fd()).as_cstr());
        path.is_ok_and(|path| {
            cwd.strip_prefix(path.as_bytes()).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
        })
    }

    /// What an instance is made like.
    pub fn pattern(&self) -> Pattern {
        Pattern::of(&self.dir.stat)
    }
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
