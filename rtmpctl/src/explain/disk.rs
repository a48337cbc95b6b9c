//! The directories that a decision needs, as they are now.

use std::os::fd::AsFd;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use rtmp_core::accounts::Account;
use rtmp_core::init::Preparation;
use rtmp_core::path::{AbsPath, Name};
use rtmp_core::plan::{Inner, ParentRule, Place, Within, Work};
use rtmp_core::selinux::Context;

use crate::ground;
use crate::standing::Standing;
use crate::tree::Tree;

/// One of them.
pub struct Thing {
    /// What it is to the decision.
    pub role: &'static str,
    /// Where.
    pub path: AbsPath,
    /// How it stands.
    pub standing: Standing,
    /// How it would be made.
    pub anew: String,
}

impl Thing {
    /// How it stands, and how it is made if it is not there.
    pub fn detail(&self) -> String {
        let standing = self.standing.to_string();
        let adds = self.standing == Standing::Missing && !self.anew.is_empty();
        if adds { format!("{standing}: {}", self.anew) } else { standing }
    }
}

/// The directories, in the order in which a login opens them.
pub fn things(
    tree: &Tree,
    account: &Account,
    polydir: &AbsPath,
    work: &Work,
    covered: &Covered,
) -> Vec<Thing> {
    let standing = covered.standing(tree, polydir, work);
    let anew = work.create.map_or_else(String::new, |creation| {
        let mode = creation.mode.map_or_else(
            || "0777 less the caller's umask".to_owned(),
            |mode| format!("{:04o}", mode & 0o7777),
        );
        format!("owner {}, mode {mode}", creation.uid)
    });
    let mut things = vec![Thing { role: "polydir", path: polydir.clone(), standing, anew }];
    if let Place::Directory { parent, rule, within } = &work.place {
        let mode = match rule {
            ParentRule::Listed => "0755",
            ParentRule::Hidden | ParentRule::Any => "0000",
        };
        let standing = ground::parent(tree, parent, *rule);
        let is_replaced = matches!(standing, Standing::Squat(_));
        things.push(Thing {
            role: "instance parent",
            path: parent.clone(),
            standing,
            anew: format!("owner 0, mode {mode}"),
        });
        let context = context(polydir, work);
        let anew = match &context {
            Some(context) => format!("like {polydir}, with context {context}"),
            None => format!("like {polydir}"),
        };
        let mut inside = inside(tree, account, (parent, within), context.as_ref(), anew);
        // What a squatter keeps in it goes with it.
        inside.iter_mut().filter(|_| is_replaced).for_each(|thing| {
            thing.standing = Standing::Missing;
        });
        things.extend(inside);
    }
    if let Preparation::NotExecutable(path) = &work.init {
        things.push(Thing {
            role: "script",
            path: path.clone(),
            standing: Standing::Refused("it is not executable".to_owned()),
            anew: String::new(),
        });
    }
    things
}

/// The SELinux context of a new instance, if it has one that can be told before the login.
fn context(polydir: &AbsPath, work: &Work) -> Option<Context> {
    if !work.is_labelled() {
        return None;
    }
    let polydir = open(polydir.as_cstr(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    Some(work.label.with(polydir.as_fd()).ok()??.instance)
}

fn inside(
    tree: &Tree,
    account: &Account,
    (parent, within): (&AbsPath, &Within),
    context: Option<&Context>,
    anew: String,
) -> Vec<Thing> {
    let things = match within {
        Within::Named(name) => {
            let name = name.complete(context, |name| name).ok();
            let path = name.and_then(|name| below(parent, name));
            let instance = path.map(|path| {
                let standing = ground::inside(tree, &path, None);
                Thing { role: "instance", path, standing, anew }
            });
            [instance, None]
        }
        Within::Boxed { user_box, name } => {
            let path = below(parent, user_box);
            let inner = name
                .as_ref()
                .and_then(|name| name.complete(context, |name| Inner::new(user_box, name)).ok());
            let instance = path.as_ref().zip(inner);
            let instance =
                instance.and_then(|(path, inner)| below(path, &inner.name)).map(|path| {
                    let standing = ground::boxed(tree, &path);
                    Thing { role: "instance", path, standing, anew }
                });
            let user_box = path.map(|path| Thing {
                role: if name.is_some() { "box" } else { "instance" },
                standing: ground::inside(tree, &path, Some(account.uid)),
                path,
                anew: format!("owner {}, mode 0700", account.uid),
            });
            [user_box, instance]
        }
        // Its name is not known before the session.
        Within::Temporary(_) => [None, None],
    };
    things.into_iter().flatten().collect()
}

fn below(dir: &AbsPath, name: &Name) -> Option<AbsPath> {
    AbsPath::new(&[dir.as_bytes(), b"/", name.as_bytes()].concat()).ok()
}

/// The polydirs that earlier decisions cover: what lies in one of them is looked for in its
/// instance.
#[derive(Default)]
pub struct Covered(Vec<Cover>);

struct Cover {
    polydir: AbsPath,
    /// The instance, where there is one already.
    instance: Option<AbsPath>,
    /// Whether a script may put something into it.
    prepared: bool,
}

impl Covered {
    /// Adds a decision.
    pub fn add(&mut self, polydir: &AbsPath, work: &Work, things: &[Thing]) {
        let instance = things.iter().find(|thing| thing.role == "instance");
        let exists =
            |thing: &&Thing| matches!(thing.standing, Standing::Fine(_) | Standing::Unseen(_));
        self.0.push(Cover {
            polydir: polydir.clone(),
            instance: instance.filter(exists).map(|thing| thing.path.clone()),
            prepared: matches!(work.init, Preparation::Script(_)),
        });
    }

    fn standing(&self, tree: &Tree, polydir: &AbsPath, work: &Work) -> Standing {
        let path = polydir.as_bytes();
        let create = work.create.is_some();
        let Some(cover) = self.0.iter().rev().find(|cover| cover.polydir.contains(path)) else {
            return ground::polydir(tree, polydir, create);
        };
        let behind = path.strip_prefix(cover.polydir.as_bytes()).unwrap_or_default();
        // The same polydir again: the instance is covered.
        if behind.is_empty() {
            return ground::polydir(tree, polydir, create);
        }
        let there = cover
            .instance
            .as_ref()
            .and_then(|instance| AbsPath::new(&[instance.as_bytes(), behind].concat()).ok());
        match there.map(|path| ground::polydir(tree, &path, create)) {
            // A script may make it, at each login.
            Some(Standing::Refused(_)) if cover.prepared => Standing::Missing,
            Some(standing) => standing,
            None if cover.prepared || create => Standing::Missing,
            None => Standing::Refused(format!(
                "it is looked for in the instance of {}, which is new and empty",
                cover.polydir
            )),
        }
    }
}
