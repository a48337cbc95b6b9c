//! One user, one `/tmp`, from wherever they come: a session that is opened inside another private
//! session, `su - bob` in alice's shell, must find bob's own instance, and not make one inside
//! alice's.

use nix::errno::Errno;

use super::cover::detach;
use super::dir::Ground;
use super::error::{Error, Object, Why};
use super::walk::MountApi;
use crate::path::AbsPath;
use crate::plan::{Place, Plan, Within};
use crate::sys;

/// How many sessions deep one may be.
const DEPTH: usize = 64;

/// Detaches, in our own copy of the mount table, the instances that cover the plan's polydirs.
/// Only a mount that is proved to be an instance of the same rule: its root within its file system
/// lies in the rule's instance parent. Everything else stays, be it a job's own `/tmp` or systemd's
/// `PrivateTmp=`.
#[cold]
pub fn step_out<'p>(api: MountApi, plan: &'p Plan<'_>) -> Result<(), Error<'p>> {
    for _ in 0..DEPTH {
        let mut stepped = false;
        for (decision, work) in plan.work() {
            let path = &decision.polydir;
            let refuse = |why| Error::new("uncover", Object::Path("polydir", path), why);
            let Place::Directory { parent, within, .. } = &work.place else { continue };
            if !may_be_covered(path, &plan.account.home) {
                continue;
            }
            stepped |= uncover_once(api, path, |root| is_instance(root, parent, within))
                .map_err(refuse)?;
        }
        if !stepped {
            break;
        }
    }
    Ok(())
}

/// A glance, to be done with most polydirs in one call: one that is no mount's root is covered by
/// nothing. In a home the way may lead through a file system of the user's, which is asked nothing.
fn may_be_covered(path: &AbsPath, home: &[u8]) -> bool {
    path.as_bytes().starts_with(home)
        || sys::glance(path.as_cstr()).map_or(true, |found| found.mount_root)
}

/// `unmnt_remnt`, `unmnt_only`: detaches what covers the polydirs of the user who asks, if it is
/// not the host's own.
pub fn uncover_for_asker<'p>(api: MountApi, plan: &'p Plan<'_>) -> Result<(), Error<'p>> {
    for path in plan.decisions.iter().filter_map(|decision| decision.uncover.as_ref()) {
        let refuse = |why| Error::new("uncover", Object::Path("polydir", path), why);
        for _ in 0..DEPTH {
            if !uncover_once(api, path, |_| !is_the_hosts(api, path)).map_err(refuse)? {
                break;
            }
        }
    }
    Ok(())
}

/// Whether process 1 sees the same directory there.
fn is_the_hosts(api: MountApi, path: &AbsPath) -> bool {
    // Nothing is asked of a file system that a user may have mounted.
    let Ok(here) = api.open(path) else { return true };
    if here.ground == Ground::Soft {
        return true;
    }
    let Ok(first) = AbsPath::new(&[b"/proc/1/root", path.as_bytes()].concat()) else { return true };
    nix::sys::stat::lstat(first.as_cstr()).is_ok_and(|found| here.stat.is_same(&found))
}

#[cold]
#[inline(never)]
fn uncover_once(
    api: MountApi,
    path: &AbsPath,
    may_go: impl Fn(&[u8]) -> bool,
) -> Result<bool, Why> {
    let top = match api.top(path) {
        Ok(top) => top,
        Err(Why::CallMissing) => return Err(Why::CallMissing),
        // There may be none yet, or opening it for good says what is wrong with it.
        Err(_) => return Ok(false),
    };
    if !top.mount_root {
        return Ok(false);
    }
    match sys::mount_record(top.mount) {
        Ok(record) if may_go(record.root.as_bytes()) => {}
        Ok(_) | Err(Errno::ENOENT) => return Ok(false),
        Err(errno) => return Err(Why::Os(errno)),
    }
    match detach(&top.fd) {
        Ok(()) => Ok(true),
        // The polydir lies in that mount, but is not its root.
        Err(Errno::EINVAL) => Ok(false),
        Err(errno) => Err(Why::Os(errno)),
    }
}

/// Whether a path within a file system is that of an instance: `…/PARENT/NAME` or
/// `…/PARENT/BOX/NAME`, where PARENT has the instance parent's name. The path that leads to the
/// parent from the outside may be another.
fn is_instance(root: &[u8], parent: &AbsPath, within: &Within) -> bool {
    let root = root.strip_suffix(b"//deleted").unwrap_or(root);
    let below_parent = match within {
        Within::Named(_) | Within::Temporary(_) | Within::Boxed { name: None, .. } => 1,
        Within::Boxed { name: Some(_), .. } => 2,
    };
    let Some(parent) = parent.name() else { return false };
    root.rsplit(|&b| b == b'/').nth(below_parent) == Some(parent.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance_name::Naming;
    use crate::path::Name;
    use crate::plan::Inner;

    #[test]
    fn an_instance_is_known_by_where_it_lies_in_its_file_system() {
        let name = |name: &[u8]| Name::new(name).unwrap_or_else(|_| unreachable!());
        let parent = |path: &[u8]| AbsPath::new(path).unwrap_or_else(|_| unreachable!());
        let inner = Naming::Known(Inner::new(&name(b"1002"), name(b"tmp")));
        let template = Within::Boxed { user_box: name(b"1002"), name: Some(inner) };
        let prefix = Within::Named(Naming::Known(name(b"bob")));
        for (root, in_template, in_prefix) in [
            ("/tmp/user_tmpl/1001/tmp", true, false),
            ("/user_tmpl/1001/tmp", true, false),
            ("/srv/disk/user_tmpl/1001/tmp//deleted", true, false),
            ("/user_tmpl/1001", false, false),
            ("/tmp-inst/alice", false, true),
            ("/x/tmp-inst/alice//deleted", false, true),
            ("/tmp-inst", false, false),
            ("/", false, false),
            ("/tmp/systemd-private-1-x.service-2/tmp", false, false),
        ] {
            let is = |dir: &[u8], within| is_instance(root.as_bytes(), &parent(dir), within);
            let found = (is(b"/tmp/user_tmpl", &template), is(b"/tmp-inst", &prefix));
            assert_eq!(found, (in_template, in_prefix), "{root}");
        }
    }
}
