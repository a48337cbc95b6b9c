//! The directory a command is started in.

use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::fchdir;

use super::namespace::Inside;

/// The working directory before the mount namespace was left: a path, and which directory it was.
#[derive(Debug)]
pub struct Start(Option<(PathBuf, (u64, u64))>);

impl Start {
    /// The working directory now.
    pub fn here() -> Self {
        let found = || {
            let path = std::env::current_dir().ok()?;
            let dir = open(c".", DIRECTORY, Mode::empty()).ok()?;
            Some((path, fstat(&dir).map(|found| (found.st_dev, found.st_ino)).ok()?))
        };
        Self(found())
    }

    /// Goes there again, if the path leads to the very same directory inside; else stays at the root
    /// directory. Another directory of the same name, the host's `/tmp` say, is not what a relative
    /// path on the command line meant.
    pub fn again(&self, _: &Inside) {
        let Some((path, identity)) = &self.0 else { return };
        // getcwd(2) gives no links.
        let how = OpenHow::new().flags(DIRECTORY).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        let there = || {
            let root = open(c"/", DIRECTORY, Mode::empty())?;
            let dir = openat2(&root, path, how)?;
            let found = fstat(&dir)?;
            if (found.st_dev, found.st_ino) == *identity {
                fchdir(&dir)
            } else {
                Err(Errno::ENOENT)
            }
        };
        // Where it cannot be reached the root directory it is, into which setns(2) has put us.
        there().unwrap_or_default();
    }
}

const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);
