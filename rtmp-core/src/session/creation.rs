//! A directory that is missing and may be made: an instance parent, or a polydir with `create`.

use std::ffi::CStr;

use nix::errno::Errno;
use nix::sys::stat::Mode;

use super::dir::Dir;
use super::draft::{self, Draft, Pattern, Recipe};
use super::error::Why;
use super::walk::MountApi;
use super::{label, removal};
use crate::path::AbsPath;
use crate::plan::Creation;
use crate::selinux::Context;
use crate::sys::{self, Stat};

impl Creation {
    /// What mkdir(2) is asked for. Without a mode it is what mkdir(1) would make, so the caller's
    /// umask counts.
    fn asked(self) -> u32 {
        self.mode.unwrap_or(0o777)
    }

    fn pattern(self, made: &Stat) -> Pattern {
        let mode = self.mode.unwrap_or(made.permissions());
        Pattern { uid: self.uid, gid: self.gid, mode }
    }
}

/// A directory that is to be made.
pub struct Missing<'a> {
    pub api: MountApi,
    /// Where.
    pub above: &'a Dir,
    /// Its path, which SELinux knows it by.
    pub path: &'a AbsPath,
    /// The last component of that.
    pub name: &'a CStr,
    pub creation: Creation,
    /// Whether SELinux is enabled.
    pub labelled: bool,
}

impl<'a> Missing<'a> {
    /// Makes it: finished before it has its name, if nobody can take a draft away from there.
    /// `None`: somebody was faster.
    pub fn create(&self) -> Result<Option<Dir>, Why> {
        if !self.above.is_firm() && !self.above.is_sticky() {
            return self.create_in_place();
        }
        let (draft, dir) = self.draft()?;
        match draft.publish(self.above, self.name) {
            Ok(()) => Ok(Some(dir)),
            Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => Ok(None),
            Err(Errno::EINVAL) => self.create_in_place(),
            Err(errno) => Err(Why::Os(errno)),
        }
    }

    /// Makes it in a draft, finished.
    pub fn draft(&self) -> Result<(Draft<'a>, Dir), Why> {
        let context = self.context()?;
        let draft = Draft::make(self.api, self.above, context.as_ref())?;
        let mut dir = draft.directory(self.creation.asked(), context.as_ref())?;
        self.finish(&mut dir)?;
        Ok((draft, dir))
    }

    /// In a directory that a user owns, a home: the user could rename a draft, so there is none.
    /// And where a rename cannot spare what has the name.
    fn create_in_place(&self) -> Result<Option<Dir>, Why> {
        let mode = Mode::from_bits_truncate(self.creation.asked());
        match label::mkdir(self.above, self.name, mode, self.context()?.as_ref()) {
            Ok(()) => {}
            Err(Why::Os(Errno::EEXIST)) => return Ok(None),
            Err(why) => return Err(why),
        }
        self.settle().map(Some).inspect_err(|_| removal::take_back(self.above, self.name))
    }

    /// Nothing is changed of what has the name by now unless it is root's, and empty.
    fn settle(&self) -> Result<Dir, Why> {
        let mut dir = self.api.child_on_same_mount(self.above, self.name)?;
        draft::take(self.api, &mut dir)?;
        if dir.stat.uid != 0 || !sys::is_empty(dir.readable()?)? {
            return Err(Why::Contested);
        }
        self.finish(&mut dir)?;
        Ok(dir)
    }

    fn finish(&self, dir: &mut Dir) -> Result<(), Why> {
        let pattern = self.creation.pattern(&dir.stat);
        draft::finish(self.api, dir, Recipe { pattern, labels: None, home: None })
    }

    fn context(&self) -> Result<Option<Context>, Why> {
        self.labelled.then(|| label::of_missing(self.path, self.above)).transpose()
    }
}
