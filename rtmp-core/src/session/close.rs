//! The end of a session that has something to undo.

use std::ffi::CString;

use super::dir::Top;
use super::error::{Error, Object, Why};
use super::ledger::TemporaryName;
use super::namespace::Host;
use super::removal;
use super::walk::{Calls, MountApi};
use crate::path::AbsPath;
use crate::sys::Stat;

/// What a session keeps for its end. Plain data: dropping it changes nothing, so a forked child
/// that calls pam_end(3) does no harm.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kept {
    /// Its mounts, oldest first: with `unmount_on_close`, or where a `tmpdir` instance lies below.
    pub mounts: Vec<Mount>,
    /// Its `tmpdir` instances.
    pub temporaries: Vec<Temporary>,
}

impl Kept {
    /// Whether there is nothing to undo.
    pub fn is_empty(&self) -> bool {
        self.mounts.is_empty() && self.temporaries.is_empty()
    }

    /// Together with what an earlier session on the same handle kept.
    pub fn after(self, earlier: &Self) -> Self {
        Self {
            mounts: [&earlier.mounts[..], &self.mounts[..]].concat(),
            temporaries: [&earlier.temporaries[..], &self.temporaries[..]].concat(),
        }
    }
}

/// A mount that a session made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// Over this polydir.
    polydir: AbsPath,
    top: Stat,
}

impl Mount {
    pub(super) fn new(polydir: AbsPath, top: Stat) -> Self {
        Self { polydir, top }
    }
}

/// A `tmpdir` instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Temporary {
    /// The instance parent.
    pub parent: AbsPath,
    /// The instance.
    pub name: CString,
    /// What it was when it was made.
    pub(super) found: Stat,
}

/// Undoes what a session leaves behind: its mounts, newest first, if `unmount`, and its `tmpdir`
/// instances. Says of each that stays why it does: `EPERM` where systemd closes the session as the
/// user.
pub fn close(kept: &Kept, unmount: bool) -> Vec<String> {
    let result = match close_with(Calls::Descriptors, kept, unmount) {
        Err(Why::CallMissing) => close_with(Calls::Classic, kept, unmount),
        result => result,
    };
    result.unwrap_or_else(|why| vec![format!("unable to close the session: {why}")])
}

fn close_with(calls: Calls, kept: &Kept, unmount: bool) -> Result<Vec<String>, Why> {
    let api = MountApi::new(calls)?;
    let mut left = Vec::new();
    if unmount {
        for mount in kept.mounts.iter().rev() {
            // The very mount: one whose place another has taken is left alone.
            match detach(api, mount, |top| Ok(top.mount == mount.top.mount)) {
                Err(Why::CallMissing) => return Err(Why::CallMissing),
                Err(why) => left.push(format!("unable to unmount {}: {why}", mount.polydir)),
                Ok(()) => {}
            }
        }
    }
    if !kept.temporaries.is_empty() {
        match remove_temporaries(api, kept) {
            Err(error) => left.push(error),
            Ok(more) => left.extend(more),
        }
    }
    Ok(left)
}

/// Detaches a session's mount if the top of its polydir is that one. What a user has mounted over it
/// is asked nothing.
fn detach(
    api: MountApi,
    mount: &Mount,
    is_ours: impl Fn(&Top) -> Result<bool, Why>,
) -> Result<(), Why> {
    let top = api.top(&mount.polydir)?;
    if is_ours(&top)? { Ok(super::cover::detach(&top.fd)?) } else { Ok(()) }
}

/// In a namespace of its own, in which the session's mounts are out of the way: an instance parent
/// may lie below the polydir.
fn remove_temporaries(api: MountApi, kept: &Kept) -> Result<Vec<String>, String> {
    let text = |error: Error<'_>| error.to_string();
    let namespace = Host::remember(None).map_err(text)?.unshare().map_err(text)?;
    let mut left = Vec::new();
    match namespace.stop_propagation() {
        Ok(()) => {
            for mount in kept.mounts.iter().rev() {
                // A copied mount has another number, so it is known by its root. One that stays
                // hides the instance, which then says so.
                let is_ours = |top: &Top| Ok(api.stat(&top.fd)?.is(&mount.top));
                detach(api, mount, is_ours).unwrap_or_default();
            }
            for Temporary { parent, name, found } in &kept.temporaries {
                let is_it = |top: &Stat| top.is(found);
                let removed =
                    api.open(parent).and_then(|dir| removal::remove(api, &dir, name, is_it));
                if let Err(why) = removed {
                    let name = crate::path::Shown(name.to_bytes());
                    left.push(format!("unable to remove instance {parent}/{name}: {why}"));
                }
            }
        }
        Err(error) => left.push(text(error)),
    }
    namespace.leave().map_err(|errno| {
        let object = Object::Thing("the session's mount namespace");
        text(Error::new("return to", object, Why::Os(errno)))
    })?;
    Ok(left)
}

/// Removes instances that a session made before it was refused: they are empty. One that stays is
/// empty, and has a name that nobody uses.
pub(super) fn remove_new(calls: Calls, temporaries: &[(&AbsPath, TemporaryName, Stat)]) {
    let Ok(api) = MountApi::new(calls) else { return };
    for (parent, name, found) in temporaries {
        if let Ok(dir) = api.open(parent) {
            removal::remove(api, &dir, name.as_cstr(), |top| top.is(found)).unwrap_or_default();
        }
    }
}
