//! A user's box in a template's instance parent, and the instance in it.
//!
//! The box belongs to the user, so what is in it is never trusted: an instance is opened without
//! following a link or crossing a mount, and must be what we would have made.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{RenameFlags, renameat2};

use super::dir::Dir;
use super::draft::{self, Draft, Pattern, Recipe, TRIES};
use super::error::{Object, Why};
use super::instance::Instance;
use super::label;
use super::ledger::{DraftName, Event, Ledger};
use super::parent::InstanceParent;
use super::walk::MountApi;
use crate::path::{AbsPath, Name};
use crate::plan::Inner;
use crate::selinux;
use crate::sys;

/// What keeps other users out.
const BOX_MODE: u32 = 0o700;

/// A box to be opened: where, whose, and what is to be in it.
#[derive(Debug, Clone, Copy)]
pub struct Boxed<'p> {
    /// The instance parent's path, for messages.
    pub path: &'p AbsPath,
    /// The box.
    pub name: &'p Name,
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// The instance in it; `None`: the box is the instance.
    pub instance: Option<&'p Inner>,
    /// Whether the instance is named by its SELinux context.
    pub by_context: bool,
}

/// A box that is there, or the instance in one that was made with it.
enum Found {
    Box(Dir),
    Instance(Instance),
}

impl<'p> Boxed<'p> {
    fn this_box(&self) -> Object<'p> {
        Object::In("box", self.path, self.name)
    }

    /// The instance: found, or made together with what is missing above it. An error says which
    /// of the two it is about.
    pub fn open(
        &self,
        api: MountApi,
        parent: &InstanceParent,
        recipe: Recipe<'_>,
        ledger: &mut Ledger<'p>,
    ) -> Result<Instance, (Object<'p>, Why)> {
        if let Some(dir) = self.settled(api, parent, recipe) {
            return Ok(Instance { dir, new: false });
        }
        let user_box = match self.open_box(api, parent, recipe, ledger) {
            Ok(Found::Box(user_box)) => user_box,
            Ok(Found::Instance(instance)) => return Ok(instance),
            Err(why) => return Err((self.this_box(), why)),
        };
        let Some(Inner { name, .. }) = self.instance else {
            return Ok(Instance { dir: user_box, new: false });
        };
        let object = Object::InBox("instance", self.path, self.name, name);
        self.instance_in(api, parent, &user_box, (object, name), recipe, ledger)
            .map_err(|why| (object, why))
    }

    /// The instance, where everything is as we would have made it: most logins end here, with
    /// three calls. The box's name is root's, so it cannot become another directory between them.
    fn settled(&self, api: MountApi, parent: &InstanceParent, recipe: Recipe<'_>) -> Option<Dir> {
        let dir = api.below_on_same_mount(&parent.dir, &self.instance?.path).ok()?;
        let user_box = sys::lstatx_at(&parent.dir, self.name.as_cstr()).ok()?;
        let box_is_fine = user_box.uid == self.uid && user_box.permissions() == BOX_MODE;
        let is_fine = Pattern::of(&dir.stat) == recipe.pattern
            && label::is(&dir, recipe.label()).is_ok_and(|is| is);
        (parent.dir.is_firm_inside() && box_is_fine && is_fine).then_some(dir)
    }

    #[cold]
    fn open_box(
        &self,
        api: MountApi,
        parent: &InstanceParent,
        recipe: Recipe<'_>,
        ledger: &mut Ledger<'p>,
    ) -> Result<Found, Why> {
        for _ in 0..TRIES {
            match api.child_on_same_mount(&parent.dir, self.name.as_cstr()) {
                Ok(found) => return self.check(api, found, ledger).map(Found::Box),
                Err(Why::Os(Errno::ENOENT)) => {
                    if let Some(instance) = self.make(api, parent, recipe)? {
                        return Ok(Found::Instance(instance));
                    }
                }
                // The user owns the box and can mount a FUSE file system on it.
                Err(Why::Mounted) => {
                    api.uncover(&parent.dir, self.name.as_cstr())?;
                    ledger.note(self.this_box(), Event::MountDetached);
                }
                Err(why) => return Err(why),
            }
        }
        Err(Why::Contested)
    }

    fn check(&self, api: MountApi, mut found: Dir, ledger: &mut Ledger<'p>) -> Result<Dir, Why> {
        if found.stat.uid != self.uid {
            let must = "belong to the user";
            return Err(Why::Wrong { must, uid: found.stat.uid, mode: found.stat.mode });
        }
        let mode = found.stat.permissions();
        if mode != BOX_MODE {
            let pattern = Pattern { uid: self.uid, gid: found.stat.gid, mode: BOX_MODE };
            pattern.apply(&found.readable()?, &found.stat)?;
            found.stat = api.stat(&found)?;
            ledger.note(self.this_box(), Event::BoxTightened { mode });
        }
        Ok(found)
    }

    /// Makes the box and the instance in it, and gives them their name when both are finished.
    /// `None`: another login was faster.
    fn make(
        &self,
        api: MountApi,
        parent: &InstanceParent,
        recipe: Recipe<'_>,
    ) -> Result<Option<Instance>, Why> {
        let draft = Draft::make(api, &parent.dir, recipe.label_around())?;
        let mut user_box = draft.directory(draft::CLOSED, recipe.label_around())?;
        let inner = match self.instance {
            Some(inner) => {
                let name = inner.name.as_cstr();
                let mut dir = draft::make_in(api, &user_box, name, draft::CLOSED, recipe.label())?;
                draft::finish(api, &mut dir, recipe)?;
                Some(dir)
            }
            None => None,
        };
        let mine = Pattern { uid: self.uid, gid: self.gid, mode: BOX_MODE };
        draft::finish(api, &mut user_box, Recipe { pattern: mine, home: None, ..recipe })?;
        match draft.publish(&parent.dir, self.name.as_cstr()) {
            Ok(()) => Ok(Some(Instance { dir: inner.unwrap_or(user_box), new: true })),
            Err(Errno::EEXIST) => Ok(None),
            Err(errno) => Err(Why::Os(errno)),
        }
    }

    #[cold]
    fn instance_in(
        &self,
        api: MountApi,
        parent: &InstanceParent,
        user_box: &Dir,
        (object, name): (Object<'p>, &'p Name),
        recipe: Recipe<'_>,
        ledger: &mut Ledger<'p>,
    ) -> Result<Instance, Why> {
        for _ in 0..TRIES {
            match api.child_on_same_mount(user_box, name.as_cstr()) {
                // The user cannot give a directory away, so an owner other than the user is
                // proof enough; where the polydir is the user's, so is the instance. But the user
                // can let the instances of two levels change names.
                Ok(dir)
                    if dir.stat.uid == recipe.pattern.uid
                        && (!self.by_context || label::is(&dir, recipe.label())?) =>
                {
                    return adjust(api, dir, recipe, object, ledger);
                }
                Ok(_) | Err(Why::Link | Why::NotADirectory) => {
                    if let Some(aside) = move_aside(user_box, name)? {
                        ledger.note(object, Event::ForgeryMovedAside { aside });
                    }
                }
                Err(Why::Os(Errno::ENOENT)) => {
                    // In the instance parent, where only root can write, not in the user's box.
                    let draft = Draft::make(api, &parent.dir, recipe.label_around())?;
                    let dir = draft.finished(recipe)?;
                    match draft.publish(user_box, name.as_cstr()) {
                        Ok(()) => return Ok(Instance { dir, new: true }),
                        Err(Errno::EEXIST | Errno::ENOTEMPTY | Errno::ENOTDIR) => {}
                        Err(errno) => return Err(Why::Os(errno)),
                    }
                }
                Err(Why::Mounted) => {
                    api.uncover(user_box, name.as_cstr())?;
                    ledger.note(object, Event::MountDetached);
                }
                Err(why) => return Err(why),
            }
        }
        Err(Why::Contested)
    }
}

/// Where root owns the polydir, only root could have given the instance another mode, or the
/// polydir has got another one since. Where a user owns it, the mode is the user's business.
fn adjust<'p>(
    api: MountApi,
    mut dir: Dir,
    recipe: Recipe<'_>,
    object: Object<'p>,
    ledger: &mut Ledger<'p>,
) -> Result<Instance, Why> {
    let pattern = recipe.pattern;
    if pattern.uid == 0 && Pattern::of(&dir.stat) != pattern {
        let mode = dir.stat.permissions();
        pattern.apply(&dir.readable()?, &dir.stat)?;
        dir.stat = api.stat(&dir)?;
        ledger.note(object, Event::InstanceAdjusted { mode });
    }
    if let Some(context) = recipe.label().filter(|_| pattern.uid == 0) {
        if !label::is(&dir, Some(context))? {
            selinux::relabel(dir.readable()?.as_fd(), context).map_err(Why::Label)?;
            ledger.note(object, Event::InstanceRelabelled);
        }
    }
    Ok(Instance { dir, new: false })
}

/// Renames what is no instance, within the user's box. `None`: it has gone meanwhile.
fn move_aside(user_box: &Dir, name: &Name) -> Result<Option<DraftName>, Why> {
    let aside = DraftName::new(sys::random()?);
    let flags = RenameFlags::RENAME_NOREPLACE;
    match renameat2(user_box, name.as_cstr(), user_box, aside.as_cstr(), flags) {
        Ok(()) => Ok(Some(aside)),
        Err(Errno::ENOENT | Errno::EEXIST) => Ok(None),
        Err(errno) => Err(Why::Os(errno)),
    }
}
