//! A directory tree of a user's, removed: by descriptor, without following a link or crossing a
//! mount, and without a shell.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::dir::Dir;
use super::draft::TRIES;
use super::error::Why;
use super::ledger::DraftName;
use super::walk::MountApi;
use crate::sys::{self, Stat};

/// Removes a directory and all that is in it, if it is the one that is meant: in a place that others
/// can write, they may have put another under its name. What a mount covers stays, and so does the
/// way to it.
///
/// Directories are not descended into: their own directories are moved up first, so that a tree
/// takes one level of descriptors and stack however deep its owner made it.
#[cold]
pub fn remove(
    api: MountApi,
    parent: &Dir,
    name: &CStr,
    is_meant: impl FnOnce(&Stat) -> bool,
) -> Result<(), Why> {
    let top = match api.child_on_same_mount(parent, name) {
        Ok(top) if is_meant(&top.stat) => top,
        Ok(_) => return Err(Why::Contested),
        Err(Why::Os(Errno::ENOENT)) => return Ok(()),
        Err(why) => return Err(why),
    };
    // Its owner may be adding to it meanwhile.
    for _ in 0..TRIES {
        empty(api, &top)?;
        match unlinkat(parent, name, UnlinkatFlags::RemoveDir) {
            Err(Errno::ENOTEMPTY) => {}
            result => return result.map_err(Why::Os),
        }
    }
    Err(Why::Contested)
}

/// Takes a directory away again that was made a moment ago, and of what has its name by now an empty
/// directory at most, whosever it is. Where even that fails, there is an error on its way already
/// that matters more.
pub fn take_back(place: &Dir, name: &CStr) {
    unlinkat(place, name, UnlinkatFlags::RemoveDir).unwrap_or_default();
}

/// Removes all that is in a directory.
#[cold]
pub fn empty(api: MountApi, top: &Dir) -> Result<(), Why> {
    // Each pass takes one level away; who keeps making more does not hold root up for ever.
    for _ in 0..DEEPEST {
        let mut moved = false;
        for name in names(top)? {
            let Some(name) = unlink(top, &name)? else { continue };
            let dir = match api.child_on_same_mount(top, &name) {
                Ok(dir) => dir,
                // A mount, or gone.
                Err(_) => continue,
            };
            for inner in names(&dir)? {
                if let Some(inner) = unlink(&dir, &inner)? {
                    let up = DraftName::new(sys::random()?);
                    moved |= renameat(&dir, inner.as_c_str(), top, up.as_cstr()).is_ok();
                }
            }
            match unlinkat(top, name.as_c_str(), UnlinkatFlags::RemoveDir) {
                Ok(()) | Err(Errno::ENOENT | Errno::ENOTEMPTY | Errno::EBUSY) => {}
                // Its owner has put something else in its place; the next pass finds that.
                Err(Errno::ENOTDIR) => moved = true,
                Err(errno) => return Err(Why::Os(errno)),
            }
        }
        if !moved {
            return Ok(());
        }
    }
    Err(Why::Contested)
}

/// How many levels a tree may have: as many as a path of the longest kind.
const DEEPEST: usize = crate::path::PATH_MAX / 2;

/// Removes what is no directory; gives the name back of what is one.
fn unlink(dir: &Dir, name: &(CString, bool)) -> Result<Option<CString>, Why> {
    let (name, is_dir) = name;
    if *is_dir {
        return Ok(Some(name.clone()));
    }
    match unlinkat(dir, name.as_c_str(), UnlinkatFlags::NoRemoveDir) {
        Ok(()) | Err(Errno::ENOENT | Errno::EBUSY) => Ok(None),
        Err(Errno::EISDIR | Errno::EPERM) => Ok(Some(name.clone())),
        Err(errno) => Err(Why::Os(errno)),
    }
}

fn names(dir: &Dir) -> Result<Vec<(CString, bool)>, Why> {
    names_in(dir.readable()?)
}

/// The names in a directory that is open for reading, and which are directories.
pub fn names_in(dir: OwnedFd) -> Result<Vec<(CString, bool)>, Why> {
    Ok(sys::entries(dir)?)
}
