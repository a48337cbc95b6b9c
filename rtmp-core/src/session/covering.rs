//! One polydir and what takes its place: the instance is opened, mounted and prepared.

use std::ffi::CString;
use std::os::fd::AsFd;

use nix::errno::Errno;

use super::cover::Cover;
use super::draft::{Home, Recipe};
use super::error::{Error, Object, Why};
use super::instance::Instance;
use super::ledger::Ledger;
use super::parent::InstanceParent;
use super::polydir::Polydir;
use super::script::{self, Arguments};
use super::user_box::Boxed;
use super::walk::MountApi;
use crate::init::Preparation;
use crate::instance_name::Naming;
use crate::path::AbsPath;
use crate::plan::{Inner, ParentRule, Place, Plan, Within, Work};
use crate::selinux::Labels;

/// One polydir that is about to be covered.
pub struct Covering<'a, 'p> {
    /// The calls.
    pub api: MountApi,
    /// The plan, for its account.
    pub plan: &'p Plan<'a>,
    /// The polydir's path.
    pub path: &'p AbsPath,
    /// What is to take its place.
    pub work: &'p Work,
    /// The polydir.
    pub polydir: Polydir,
}

/// What covers a polydir, and whether it was made for this session.
pub struct Covered {
    /// The mount.
    pub cover: Cover,
    /// Whether it is new.
    pub new: bool,
}

impl<'p> Covering<'_, 'p> {
    /// Mounts the instance, or the tmpfs.
    pub fn cover(
        &self,
        parent: Option<&InstanceParent>,
        ledger: &mut Ledger<'p>,
    ) -> Result<Covered, Error<'p>> {
        if let Preparation::NotExecutable(script) = &self.work.init {
            return Err(Error::new("run", Object::Path("script", script), Why::NotExecutable));
        }
        let refuse = |verb, why| Error::new(verb, Object::Path("polydir", self.path), why);
        match (&self.work.place, parent) {
            (Place::Directory { parent: path, rule, within }, Some(parent)) => {
                let instance = self.instance((path, parent), *rule, within, ledger)?;
                let cover = instance.cover(self.api, self.path, &self.polydir, self.work.flags);
                ledger.covered(instance.dir.stat);
                let cover = cover.map_err(|why| refuse("mount an instance over", why))?;
                Ok(Covered { cover, new: instance.new })
            }
            (Place::Tmpfs(options), _) => {
                let labels = self.labels()?;
                let recipe = self.recipe(labels.as_ref());
                let cover = Cover::tmpfs(self.api, self.path, &self.polydir, options, recipe);
                let cover = cover.map_err(|why| refuse("mount a tmpfs over", why))?;
                Ok(Covered { cover, new: true })
            }
            // A directory's parent is opened before anything is covered.
            (Place::Directory { .. }, None) => {
                Err(refuse("mount an instance over", Why::NotADirectory))
            }
        }
    }

    fn recipe<'a>(&'a self, labels: Option<&'a Labels>) -> Recipe<'a> {
        let home = match self.work.init {
            Preparation::Skeleton { mode } => Some(Home { path: self.path, mode }),
            Preparation::None | Preparation::Script(_) | Preparation::NotExecutable(_) => None,
        };
        Recipe { pattern: self.polydir.pattern(), labels, home }
    }

    fn labels(&self) -> Result<Option<Labels>, Error<'p>> {
        self.work.label.with(self.polydir.dir.as_fd()).map_err(|errno| self.unlabelled(errno))
    }

    #[cold]
    fn unlabelled(&self, errno: Errno) -> Error<'p> {
        let object = Object::Path("polydir", self.path);
        Error::new("tell the SELinux context of an instance of", object, Why::Os(errno))
    }

    fn instance(
        &self,
        (path, parent): (&'p AbsPath, &InstanceParent),
        rule: ParentRule,
        within: &'p Within,
        ledger: &mut Ledger<'p>,
    ) -> Result<Instance, Error<'p>> {
        let labels = self.labels()?;
        let recipe = self.recipe(labels.as_ref());
        // A context that makes no name of a directory.
        let unnamed = |_| self.unlabelled(Errno::EINVAL);
        let here = (path, parent);
        let (opened, object) = match within {
            Within::Named(name) => {
                let name = name.complete(recipe.label(), |name| name).map_err(unnamed)?;
                let strict = rule == ParentRule::Any;
                let opened = Instance::open(self.api, here, name, recipe, strict, ledger);
                (opened, Object::In("instance", path, name))
            }
            Within::Boxed { user_box, name } => {
                let (uid, gid) = (self.plan.account.uid, self.plan.account.gid);
                let complete = |name: &'p Naming<Inner>| {
                    name.complete(recipe.label(), |name| Inner::new(user_box, name))
                };
                let instance = name.as_ref().map(complete).transpose().map_err(unnamed)?;
                let by_context = matches!(name, Some(Naming::WithContext(_)));
                let boxed = Boxed { path, name: user_box, uid, gid, instance, by_context };
                return boxed
                    .open(self.api, parent, recipe, ledger)
                    .map_err(|(object, why)| Error::new("open", object, why));
            }
            Within::Temporary(prefix) => {
                let opened = Instance::temporary(self.api, here, prefix, recipe, ledger);
                (opened, Object::Path("a new instance in", path))
            }
        };
        opened.map_err(|why| Error::new("open", object, why))
    }

    /// Runs the administrator's script, if there is one.
    pub fn prepare(&self, new: bool, ledger: &Ledger<'p>) -> Result<(), Error<'p>> {
        match &self.work.init {
            Preparation::Script(path) => self.run(path, new, ledger),
            Preparation::None | Preparation::Skeleton { .. } | Preparation::NotExecutable(_) => {
                Ok(())
            }
        }
    }

    #[cold]
    fn run(&self, path: &'p AbsPath, new: bool, ledger: &Ledger<'p>) -> Result<(), Error<'p>> {
        let instance = self.instance_path(ledger);
        let instance_path = AbsPath::new(instance.to_bytes());
        let arguments = Arguments {
            polydir: self.path,
            instance: &instance,
            new,
            user: self.plan.account.name.as_cstr(),
            instance_is_safe: instance_path.is_ok_and(|path| self.api.is_safe(&path)),
        };
        script::run(self.api, path, &arguments)
            .map_err(|why| Error::new("run", Object::Path("script", path), why))
    }

    /// The instance's path as a script is told it.
    fn instance_path(&self, ledger: &Ledger<'p>) -> CString {
        let Place::Directory { parent, within, .. } = &self.work.place else {
            return c"tmpfs".to_owned();
        };
        let parent = if parent.is_root() { b"" } else { parent.as_bytes() };
        let name: &[u8] = match within {
            Within::Named(name) => name.known().map_or(b"", |name| name.as_bytes()),
            Within::Boxed { user_box, .. } => user_box.as_bytes(),
            Within::Temporary(_) => {
                ledger.temporaries().last().map_or(b"", |(_, name, _)| name.as_cstr().to_bytes())
            }
        };
        let inner = match within {
            Within::Boxed { name: Some(name), .. } => name.known(),
            Within::Boxed { name: None, .. } | Within::Named(_) | Within::Temporary(_) => None,
        };
        let inner = inner.map_or(Vec::new(), |inner| [b"/", inner.name.as_bytes()].concat());
        // Built of C strings, so it holds no NUL.
        CString::new([parent, b"/", name, &inner].concat()).unwrap_or_default()
    }
}
