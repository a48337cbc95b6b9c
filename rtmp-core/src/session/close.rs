//! The end of a session that has something to undo.

use std::ffi::CString;

use super::dir::Top;
use super::error::{Error, Object, Why};
use super::ledger::TemporaryName;
use super::namespace::Host;
use super::removal;
use super::walk::{Calls, MountApi};
use crate::path::AbsPath;
use crate::sys::{self, Stat};

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
    /// Together with what an earlier session on the same handle kept.
    #[cold]
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

/// How a session ended.
#[derive(Debug, Default)]
pub struct Closed {
    /// Of each thing that stays, why it does: `EPERM` where systemd closes the session as the user.
    pub left: Vec<String>,
    /// Why the process is not where it was, if it is not.
    pub astray: Option<Error<'static>>,
}

/// Undoes what a session leaves behind: its mounts, newest first, if `unmount`, and its `tmpdir`
/// instances.
pub fn close(kept: &Kept, unmount: bool) -> Closed {
    let result = match close_with(Calls::Descriptors, kept, unmount) {
        Err(Why::CallMissing) => close_with(Calls::Classic, kept, unmount),
        result => result,
    };
    result.unwrap_or_else(|why| Closed {
        left: vec![format!("unable to close the session: {why}")],
        astray: None,
    })
}

#[cold]
fn close_with(calls: Calls, kept: &Kept, unmount: bool) -> Result<Closed, Why> {
    let api = MountApi::new(calls)?;
    let mut closed = Closed::default();
    if unmount {
        for mount in kept.mounts.iter().rev() {
            // The very mount: one whose place another has taken is left alone. It may have its
            // number, too, which the kernel gives away again.
            let is_ours =
                |top: &Top| Ok(top.mount == mount.top.mount && api.stat(&top.fd)?.is(&mount.top));
            match detach(api, mount, is_ours) {
                Err(Why::CallMissing) => return Err(Why::CallMissing),
                Err(why) => closed.left.push(format!("unable to unmount {}: {why}", mount.polydir)),
                Ok(()) => {}
            }
        }
    }
    if !kept.temporaries.is_empty() {
        closed.remove_temporaries(api, kept)?;
    }
    Ok(closed)
}

impl Closed {
    /// In a namespace of its own, in which the session's mounts are out of the way: an instance
    /// parent may lie below the polydir.
    fn remove_temporaries(&mut self, api: MountApi, kept: &Kept) -> Result<(), Why> {
        let namespace = match Host::remember(None).and_then(Host::unshare) {
            Ok(namespace) => namespace,
            Err(error) => {
                self.left.push(error.to_string());
                return Ok(());
            }
        };
        let removed = match namespace.stop_propagation() {
            Ok(()) => self.remove_in_private(api, kept),
            Err(error) => {
                self.left.push(error.to_string());
                Ok(())
            }
        };
        let astray = |thing, errno| Error::new("return to", Object::Thing(thing), Why::Os(errno));
        let lost_cwd = namespace.lost_cwd();
        self.astray = match namespace.leave() {
            Err(errno) => Some(astray("the session's mount namespace", errno)),
            Ok(_) => lost_cwd.map(|errno| astray("the working directory, which is / now", errno)),
        };
        removed
    }

    fn remove_in_private(&mut self, api: MountApi, kept: &Kept) -> Result<(), Why> {
        for mount in kept.mounts.iter().rev() {
            // A copied mount has another number, so it is known by its root, unless a user may have
            // mounted it and need never answer. One that stays hides the instance, which says so.
            let is_ours = |top: &Top| {
                Ok(!sys::mount_record(top.mount)?.is_fuse && api.stat(&top.fd)?.is(&mount.top))
            };
            detach(api, mount, is_ours).unwrap_or_default();
        }
        for Temporary { parent, name, found } in &kept.temporaries {
            let is_it = |top: &Stat| top.is(found);
            match api.open(parent).and_then(|dir| removal::remove(api, &dir, name, is_it)) {
                Ok(()) => {}
                Err(Why::CallMissing) => return Err(Why::CallMissing),
                Err(why) => {
                    let name = crate::path::Shown(name.to_bytes());
                    self.left.push(format!("unable to remove instance {parent}/{name}: {why}"));
                }
            }
        }
        Ok(())
    }
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

/// Removes instances that a session made before it was refused: they are empty. One that stays is
/// empty, and has a name that nobody uses.
#[cold]
pub(super) fn remove_new(calls: Calls, temporaries: &[(&AbsPath, TemporaryName, Stat)]) {
    let Ok(api) = MountApi::new(calls) else { return };
    for (parent, name, found) in temporaries {
        if let Ok(dir) = api.open(parent) {
            removal::remove(api, &dir, name.as_cstr(), |top| top.is(found)).unwrap_or_default();
        }
    }
}
