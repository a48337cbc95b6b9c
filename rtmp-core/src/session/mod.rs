//! What this process lives in after the plan was carried out.

mod close;
mod cover;
mod covering;
mod creation;
mod dir;
mod draft;
mod error;
mod instance;
mod label;
mod ledger;
mod namespace;
mod nesting;
mod parent;
mod polydir;
mod removal;
mod script;
mod skeleton;
pub mod stock;
mod user_box;
mod walk;
mod way;

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, fchdir};

pub use close::{Closed, Kept, Mount, Temporary, close};
pub use error::{Aftermath, Error, Object, Why};
pub use ledger::{DraftName, Event, Ledger, Notice};

use crate::path::AbsPath;
use crate::plan::{Place, Plan, Work};
use crate::sys;
use covering::{Covered, Covering};
use dir::Dir;
use namespace::{Host, PrivateNamespace};
use parent::InstanceParent;
use polydir::Polydir;
use walk::{Calls, MountApi};

/// Opens the session the plan describes, or leaves the process where it was.
///
/// Where there is nothing to do, nothing is done: an exempt user's process keeps its namespace.
/// Between the unsharing and the last mount nothing is allocated, unless SELinux is enabled,
/// something is wrong, a home is filled or a script of the administrator's is run.
///
/// # Errors
///
/// The first thing that could not be done. The process is then in the namespace, root and working
/// directory it came from, unless [`Error::aftermath`] says otherwise.
pub fn open<'p>(plan: &'p Plan<'_>) -> Result<Ledger<'p>, Error<'p>> {
    if !plan.has_work() {
        return Ok(Ledger::with_room_for(0, 0));
    }
    let polydirs = plan.decisions.len();
    let undone = if plan.is_undone_at_close() { polydirs } else { 0 };
    let mut ledger = Ledger::with_room_for(polydirs, undone);
    let mut room =
        Room { polydirs: Vec::with_capacity(polydirs), parents: Vec::with_capacity(polydirs) };
    let cwd = cwd()?;
    let cwd = cwd.as_deref();
    let host = Host::remember(cwd)?;
    let first = match host.lost_cwd() {
        None => Calls::Descriptors,
        // A second attempt would begin in `/`.
        Some(_) => Calls::Classic,
    };
    let host = match attempt(first, (host, cwd), plan, &mut room, &mut ledger) {
        Attempt::Done(result) => return result.map(|()| ledger),
        Attempt::WithOlderCalls(host) => host,
    };
    room.parents.clear();
    room.polydirs.clear();
    ledger.begin_again();
    match attempt(Calls::Classic, (host, cwd), plan, &mut room, &mut ledger) {
        Attempt::Done(result) => result.map(|()| ledger),
        Attempt::WithOlderCalls(_) => {
            let object = Object::Thing("the private namespace");
            Err(Error::new("mount in", object, Why::CallMissing))
        }
    }
}

/// `None`: it is gone, and leads to no other place than what then has the name above it.
fn cwd<'p>() -> Result<Option<Vec<u8>>, Error<'p>> {
    match sys::getcwd() {
        Ok(path) => Ok(Some(path)),
        Err(Errno::ENOENT) => Ok(None),
        Err(errno) => {
            let object = Object::Thing("the working directory");
            Err(Error::new("look at", object, Why::Os(errno)))
        }
    }
}

/// What is open in an attempt; its room is reserved before the namespace is private.
struct Room {
    /// All of them, or none; see [`Polydir::open_all`].
    polydirs: Vec<Polydir>,
    parents: Vec<Option<InstanceParent>>,
}

enum Attempt<'p> {
    Done(Result<(), Error<'p>>),
    /// A newer call is missing; the process is back where it was.
    WithOlderCalls(Host),
}

fn attempt<'p>(
    calls: Calls,
    (host, cwd): (Host, Option<&[u8]>),
    plan: &'p Plan<'_>,
    room: &mut Room,
    ledger: &mut Ledger<'p>,
) -> Attempt<'p> {
    let namespace = match host.unshare() {
        Ok(namespace) => namespace,
        Err(error) => return Attempt::Done(Err(error)),
    };
    let Err(error) = polyinstantiate(calls, (&namespace, cwd), plan, room, ledger) else {
        namespace.keep();
        return Attempt::Done(Ok(()));
    };
    let aftermath = namespace.lost_cwd().map_or(Aftermath::Unchanged, |_| Aftermath::AtRoot);
    let left = namespace.leave();
    // All that outlives a namespace. An error is on its way already that matters more.
    close::remove_new(calls, ledger.temporaries());
    match (left, error.why) {
        (Ok(host), Why::CallMissing) => Attempt::WithOlderCalls(host),
        (Ok(_), _) => Attempt::Done(Err(Error { aftermath, ..error })),
        (Err(errno), _) => {
            Attempt::Done(Err(Error { aftermath: Aftermath::Stranded(errno), ..error }))
        }
    }
}

/// All parents are opened before the first mount, which may hide them; polydirs before them where
/// nothing stands against it, else in the order of the rules, since one may lie in another.
fn polyinstantiate<'p>(
    calls: Calls,
    (namespace, cwd): (&PrivateNamespace, Option<&[u8]>),
    plan: &'p Plan<'_>,
    Room { polydirs, parents }: &mut Room,
    ledger: &mut Ledger<'p>,
) -> Result<(), Error<'p>> {
    namespace.stop_propagation()?;
    if calls == Calls::Classic {
        // Where they name an open file by its number.
        let proc = Object::Thing("/proc/self/fd");
        let there = access(c"/proc/self/fd", AccessFlags::F_OK);
        there.map_err(|errno| Error::new("open", proc, Why::Os(errno)))?;
    }
    let root = Object::Thing("the root directory");
    let api = MountApi::new(calls).map_err(|why| Error::new("look at", root, why))?;
    Polydir::open_all(api, plan, polydirs);
    if polydirs.is_empty() {
        if namespace.is_nested() {
            nesting::step_out(api, plan)?;
        }
        nesting::uncover_for_asker(api, plan)?;
    }
    for (n, (decision, work)) in plan.work().enumerate() {
        let polydir = polydirs.get(n).map(|polydir| (&decision.polydir, &polydir.dir));
        parents.push(open_parent(api, work, polydir, ledger)?);
    }
    let mut around_cwd = cwd.and_then(|cwd| uncovered_cwd(api, plan, cwd));
    let mut opened = polydirs.drain(..);
    for ((decision, work), parent) in plan.work().zip(parents.iter()) {
        let path = &decision.polydir;
        let refuse = |verb| move |why| Error::new(verb, Object::Path("polydir", path), why);
        let polydir = match opened.next() {
            Some(polydir) => polydir,
            None => Polydir::open(api, path, work, ledger).map_err(refuse("open"))?,
        };
        if polydir.dir.linked && ledger.has_covered_by(&polydir.dir.stat) {
            ledger.note(Object::Path("polydir", path), Event::AlreadyCovered);
            continue;
        }
        if let Some(uid) = polydir.renamed_by(plan.account.uid) {
            ledger.note(Object::Path("polydir", path), Event::AnothersPolydir { uid });
        }
        let is_around_cwd = cwd.is_some_and(|cwd| polydir.contains(path, cwd));
        let covering = Covering { api, plan, path, work, polydir };
        let Covered { cover, new } = covering.cover(parent.as_ref(), ledger)?;
        covering.prepare(new, ledger)?;
        if plan.is_undone_at_close() {
            ledger.mounted(path, api.stat(&cover).map_err(refuse("look at"))?);
        }
        if is_around_cwd {
            around_cwd = Some((path, cover.into()));
        }
    }
    match around_cwd {
        // By descriptor: a path could be bent by a link of the user's.
        Some((path, fd)) => fchdir(&fd)
            .map_err(|errno| Error::new("enter", Object::Path("polydir", path), errno.into())),
        None => Ok(()),
    }
}

/// The uncovered polydir that the working directory was in, whose old root is gone from view.
fn uncovered_cwd<'p>(
    api: MountApi,
    plan: &'p Plan<'_>,
    cwd: &[u8],
) -> Option<(&'p AbsPath, OwnedFd)> {
    let mut uncovered = plan.decisions.iter().filter_map(|decision| decision.uncover.as_ref());
    let path = uncovered.find(|path| path.contains(cwd))?;
    Some((path, api.open_top(path).ok()?.into()))
}

fn open_parent<'p>(
    api: MountApi,
    work: &'p Work,
    polydir: Option<(&AbsPath, &Dir)>,
    ledger: &mut Ledger<'p>,
) -> Result<Option<InstanceParent>, Error<'p>> {
    let Place::Directory { parent: path, rule, .. } = &work.place else { return Ok(None) };
    let above = polydir.filter(|(polydir, _)| polydir.as_bytes() == path.above());
    let above = above.map(|(_, dir)| dir);
    InstanceParent::open(api, path, *rule, work.is_labelled(), above, ledger)
        .map(Some)
        .map_err(|why| Error::new("open", Object::Path("instance parent", path), why))
}
