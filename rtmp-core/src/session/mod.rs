//! What this process lives in after the plan was carried out.

mod close;
mod cover;
mod draft;
mod error;
mod instance;
mod ledger;
mod namespace;
mod parent;
mod polydir;
mod user_box;
mod walk;

use nix::unistd::fchdir;

pub use close::{Mount, close};
pub use error::{Error, Object, Why};
pub use ledger::{DraftName, Event, Ledger, Notice};

use crate::plan::{Place, Plan};
use crate::sys;
use instance::Instance;
use namespace::{Host, PrivateNamespace};
use parent::InstanceParent;
use polydir::Polydir;
use user_box::Boxed;
use walk::MountApi;

/// Opens the session the plan describes, or leaves the process where it was.
///
/// Where there is nothing to do, nothing is done: an exempt user's process keeps its namespace.
/// Between the unsharing and the last mount nothing is allocated.
///
/// # Errors
///
/// The first thing that could not be done. The process is then in the namespace, root and working
/// directory it came from, unless [`Error::stranded`] says otherwise.
pub fn open<'p>(plan: &'p Plan<'_>) -> Result<Ledger<'p>, Error<'p>> {
    let polydirs = plan.work().count();
    let mut ledger = Ledger::with_room_for(polydirs);
    if polydirs == 0 {
        return Ok(ledger);
    }
    let mut parents = Vec::with_capacity(polydirs);
    let host = Host::remember()?;
    let host = match attempt(MountApi::Descriptors, host, plan, &mut parents, &mut ledger) {
        Attempt::Done(result) => return result.map(|()| ledger),
        Attempt::WithOlderCalls(host) => host,
    };
    parents.clear();
    ledger.clear();
    match attempt(MountApi::Classic, host, plan, &mut parents, &mut ledger) {
        Attempt::Done(result) => result.map(|()| ledger),
        Attempt::WithOlderCalls(_) => {
            let object = Object::Thing("the private namespace");
            Err(Error::new("mount in", object, Why::CallMissing))
        }
    }
}

enum Attempt<'p> {
    Done(Result<(), Error<'p>>),
    /// A newer call is missing; the process is back where it was.
    WithOlderCalls(Host),
}

fn attempt<'p>(
    api: MountApi,
    host: Host,
    plan: &'p Plan<'_>,
    parents: &mut Vec<InstanceParent>,
    ledger: &mut Ledger<'p>,
) -> Attempt<'p> {
    let namespace = match host.unshare() {
        Ok(namespace) => namespace,
        Err((_, error)) => return Attempt::Done(Err(error)),
    };
    match polyinstantiate(api, &namespace, plan, parents, ledger) {
        Ok(()) => {
            namespace.keep();
            Attempt::Done(Ok(()))
        }
        Err(error) => match (namespace.leave(), error.why) {
            (Ok(host), Why::CallMissing) => Attempt::WithOlderCalls(host),
            (Ok(_), _) => Attempt::Done(Err(error)),
            (Err(errno), _) => Attempt::Done(Err(Error { stranded: Some(errno), ..error })),
        },
    }
}

/// All parents are opened before the first mount, which may hide them; polydirs in the order of
/// the rules, since one may lie in another.
fn polyinstantiate<'p>(
    api: MountApi,
    namespace: &PrivateNamespace,
    plan: &'p Plan<'_>,
    parents: &mut Vec<InstanceParent>,
    ledger: &mut Ledger<'p>,
) -> Result<(), Error<'p>> {
    namespace.stop_propagation()?;
    for (_, work) in plan.work() {
        parents.push(open_parent(api, &work.place, ledger)?);
    }
    let cwd = sys::getcwd();
    let mut around_cwd = None;
    for ((decision, work), parent) in plan.work().zip(parents.iter()) {
        let path = &decision.polydir;
        let refuse = |verb| move |why| Error::new(verb, Object::Path("polydir", path), why);
        let polydir = Polydir::open(api, path, work.create, ledger).map_err(refuse("open"))?;
        if polydir.dir.linked && ledger.has_covered_by(&polydir.dir.stat) {
            ledger.note(path, None, Event::AlreadyCovered);
            continue;
        }
        let instance = open_instance(api, plan, &work.place, (parent, &polydir), ledger)?;
        let cover = instance
            .cover(api, path, &polydir, work.flags)
            .map_err(refuse("mount an instance over"))?;
        ledger.covered(instance.dir.stat);
        if plan.unmount_on_close {
            let mount = api.stat(&cover).map_err(refuse("mount over"))?.mount;
            ledger.mounted(path, mount);
        }
        if cwd.as_ref().is_ok_and(|cwd| polydir.contains(path, cwd.as_bytes())) {
            around_cwd = Some((path, cover));
        }
    }
    match around_cwd {
        // By descriptor: a path could be bent by a link of the user's.
        Some((path, cover)) => fchdir(&cover)
            .map_err(|errno| Error::new("enter", Object::Path("polydir", path), errno.into())),
        None => Ok(()),
    }
}

fn open_parent<'p>(
    api: MountApi,
    place: &'p Place,
    ledger: &mut Ledger<'p>,
) -> Result<InstanceParent, Error<'p>> {
    let (path, rule) = match place {
        Place::Template { parent, .. } => (parent, parent::Rule::Listed),
        Place::Prefix { parent, any_parent: true, .. } => (parent, parent::Rule::Any),
        Place::Prefix { parent, any_parent: false, .. } => (parent, parent::Rule::Hidden),
    };
    InstanceParent::open(api, path, rule, ledger)
        .map_err(|why| Error::new("open", Object::Path("instance parent", path), why))
}

fn open_instance<'p>(
    api: MountApi,
    plan: &'p Plan<'_>,
    place: &'p Place,
    (parent, polydir): (&InstanceParent, &Polydir),
    ledger: &mut Ledger<'p>,
) -> Result<Instance, Error<'p>> {
    let pattern = polydir.pattern();
    match place {
        Place::Prefix { parent: path, name, any_parent } => {
            Instance::open(api, (path, parent), name, pattern, *any_parent, ledger)
                .map_err(|why| Error::new("open", Object::In("instance", path, name), why))
        }
        Place::Template { parent: path, user_box, name } => {
            let (uid, gid) = (plan.account.uid, plan.account.gid);
            let boxed = Boxed { path, name: user_box, uid, gid, instance: name.as_ref() };
            boxed.open(api, parent, pattern, ledger).map_err(|why| {
                let object = match name {
                    Some(name) => Object::InBox("instance", path, user_box, name),
                    None => Object::In("box", path, user_box),
                };
                Error::new("open", object, why)
            })
        }
    }
}
