//! An instance: the directory a user sees in the polydir's place.

use std::ffi::CStr;
use std::os::fd::AsFd;

use nix::errno::Errno;

use super::dir::Dir;
use super::draft::{Draft, Recipe, TRIES};
use super::error::{Object, Why};
use super::ledger::{Event, Ledger, TemporaryName};
use super::parent::InstanceParent;
use super::walk::MountApi;
use crate::path::{AbsPath, Name};
use crate::selinux;
use crate::sys::{self, Stat};

/// An instance that is complete and was checked.
#[derive(Debug)]
pub struct Instance {
    /// The open directory.
    pub dir: Dir,
    /// Whether it was made for this session.
    pub new: bool,
}

/// The mode `pam_namespace` makes an instance with before it gives it the polydir's.
const HALF_MADE: u32 = 0o400;

impl Instance {
    /// The instance of that name in an instance parent: found, or made.
    ///
    /// Under a parent that only root can reach any directory is accepted, since scripts change
    /// them on purpose. `strict`: the parent was not checked, so the instance must have the
    /// polydir's owner.
    pub fn open<'p>(
        api: MountApi,
        (path, parent): (&'p AbsPath, &InstanceParent),
        name: &'p Name,
        recipe: Recipe<'_>,
        strict: bool,
        ledger: &mut Ledger<'p>,
    ) -> Result<Self, Why> {
        for _ in 0..TRIES {
            match api.child(&parent.dir, name.as_cstr()) {
                Ok(dir) if strict && dir.stat.uid != recipe.pattern.uid => {
                    let must = "belong to the polydir's owner";
                    return Err(Why::Wrong { must, uid: dir.stat.uid, mode: dir.stat.mode });
                }
                Ok(mut dir) => {
                    if is_half_made(&dir.stat) && complete(api, &mut dir, recipe)? {
                        ledger.note(Object::In("instance", path, name), Event::InstanceCompleted);
                    }
                    return Ok(Self { dir, new: false });
                }
                Err(Why::Os(Errno::ENOENT)) => {
                    if let Some(dir) = make(api, parent, name.as_cstr(), recipe)? {
                        return Ok(Self { dir, new: true });
                    }
                }
                Err(Why::Mounted) => {
                    api.uncover(&parent.dir, name.as_cstr())?;
                    ledger.note(Object::In("instance", path, name), Event::MountDetached);
                    match api.child_on_same_mount(&parent.dir, name.as_cstr()) {
                        Ok(dir) if dir.stat.uid == 0 => return Err(Why::Mounted),
                        _ => {}
                    }
                }
                Err(why) => return Err(why),
            }
        }
        Err(Why::Contested)
    }
}

impl Instance {
    /// A new instance under a name that starts so and that nobody has: mkdtemp(3)'s.
    #[cold]
    pub fn temporary<'p>(
        api: MountApi,
        (path, parent): (&'p AbsPath, &InstanceParent),
        prefix: &CStr,
        recipe: Recipe<'_>,
        ledger: &mut Ledger<'p>,
    ) -> Result<Self, Why> {
        for _ in 0..TRIES {
            let name = TemporaryName::new(prefix, sys::random()?).ok_or(Errno::ENAMETOOLONG)?;
            if let Some(dir) = make(api, parent, name.as_cstr(), recipe)? {
                ledger.temporary(path, name, dir.stat);
                return Ok(Self { dir, new: true });
            }
        }
        Err(Why::Contested)
    }
}

/// Makes an instance, finished before it has its name. `None`: another login was faster.
#[cold]
fn make(
    api: MountApi,
    parent: &InstanceParent,
    name: &CStr,
    recipe: Recipe<'_>,
) -> Result<Option<Dir>, Why> {
    let draft = Draft::make(api, &parent.dir, recipe.label_around())?;
    let dir = draft.finished(recipe)?;
    match draft.publish(&parent.dir, name) {
        Ok(()) => Ok(Some(dir)),
        Err(Errno::EEXIST) => Ok(None),
        Err(errno) => Err(Why::Os(errno)),
    }
}

/// A first login through `pam_namespace` that was killed between its mkdir and its chmod leaves a
/// directory that its user can never enter: empty, root's, mode 0400.
fn is_half_made(stat: &Stat) -> bool {
    stat.uid == 0 && stat.permissions() == HALF_MADE
}

/// Finishes it, unless something is in it.
#[cold]
fn complete(api: MountApi, dir: &mut Dir, recipe: Recipe<'_>) -> Result<bool, Why> {
    let open = dir.readable()?;
    if !sys::is_empty(&open)? {
        return Ok(false);
    }
    if let Some(context) = recipe.label() {
        selinux::relabel(open.as_fd(), context).map_err(Why::Label)?;
    }
    recipe.pattern.apply(&open, &dir.stat)?;
    dir.stat = api.stat(&*dir)?;
    Ok(true)
}
