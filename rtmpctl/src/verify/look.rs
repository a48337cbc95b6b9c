//! One polydir of one visitor: each promise about it, looked at.

use std::ffi::OsStr;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use rtmp_core::init::Preparation;
use rtmp_core::instance_name::Naming;
use rtmp_core::path::AbsPath;
use rtmp_core::plan::{ParentRule, Place, Within, Work};
use rtmp_core::selinux::{self, Label, Selinux};
use rtmp_core::session::DraftName;

use super::check::Host;
use super::guest::{Guest, Seen};
use super::promise::{Check, Promise};
use super::{Visitor, probe};
use crate::ground;
use crate::instances::shown;
use crate::sessions::Table;
use crate::standing::Standing;
use crate::tree::Last;

/// One polydir of one visitor, as the visitor's session has it.
pub struct Look<'a, 't> {
    /// The stage.
    pub host: &'a Host<'a>,
    /// Whose session it is.
    pub visitor: &'a Visitor<'t>,
    /// Which.
    pub polydir: &'a AbsPath,
    /// What the plan does there.
    pub work: &'a Work,
    /// For the reader: `alice /tmp`.
    pub about: String,
    /// The session's mounts.
    pub table: &'a Table,
}

impl Look<'_, '_> {
    /// All that can be asked in the session of its `guest`, with the other sessions beside it.
    pub fn checks(&self, guest: &mut Guest, others: &mut [&mut Guest]) -> Vec<Check> {
        let mut checks = vec![self.owner_and_mode(guest), self.flags(), self.label(guest)];
        checks.push(self.parent_and_box());
        checks.extend(self.canary(guest, others));
        checks
    }

    fn check(&self, promise: Promise, found: Result<(), String>) -> Check {
        Check::new(promise, self.about.clone(), found)
    }

    fn skip(&self, promise: Promise, why: &str) -> Check {
        Check::skipped(promise, self.about.clone(), why)
    }

    fn owner_and_mode(&self, guest: &mut Guest) -> Check {
        let promise = Promise::OwnerAndMode;
        if matches!(self.work.init, Preparation::Script(_) | Preparation::Skeleton { .. }) {
            return self.skip(promise, "a script prepares the instance");
        }
        let seen = match guest.look(self.polydir.as_bytes()) {
            Ok(seen) => seen,
            Err(errno) => return self.check(promise, Err(why(errno))),
        };
        let is = format!("owner {}, mode {:04o}", seen.uid, seen.mode);
        let must = match &self.work.place {
            Place::Tmpfs(_) => return self.skip(promise, "mntopts= decides"),
            Place::Directory { within: Within::Boxed { name: None, .. }, .. } => {
                Ok((self.visitor.account.uid, 0o700))
            }
            Place::Directory { .. } => {
                let look = self.host.tree.look(self.polydir, Last::Through);
                look.map(|look| (look.uid, look.permissions()))
            }
        };
        let found = match must {
            Ok(must) if must == (seen.uid, seen.mode) => Ok(()),
            Ok((uid, mode)) => Err(format!("{is}; it must be owner {uid}, mode {mode:04o}")),
            Err(errno) => Err(why(errno)),
        };
        self.check(promise, found)
    }

    fn flags(&self) -> Check {
        let (here, there) = (
            self.table.around(self.polydir.as_bytes()),
            self.host.before.around(self.polydir.as_bytes()),
        );
        let Some((here, there)) = here.zip(there) else {
            return self.skip(Promise::Flags, "it is on no mount that can be seen");
        };
        let asked = self.work.flags;
        let must = [
            ("nosuid", asked.nosuid),
            ("nodev", asked.nodev),
            ("noexec", asked.noexec),
            ("ro", asked.read_only),
        ];
        let missing = must.into_iter().filter(|(flag, is_asked)| {
            let is_kept = *flag != "ro" && there.has(flag);
            (*is_asked || is_kept) && !here.has(flag)
        });
        let missing: Vec<_> = missing.map(|(flag, _)| flag).collect();
        let found = if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("without {}", missing.join(", ")))
        };
        self.check(Promise::Flags, found)
    }

    fn label(&self, guest: &mut Guest) -> Check {
        let promise = Promise::Label;
        match (selinux::state(), &self.work.label) {
            (Selinux::Disabled, _) => return self.skip(promise, "SELinux is disabled"),
            (Selinux::Enabled, Label::Polydir) => {}
            (Selinux::Enabled, _) => return self.skip(promise, "the method gives it another"),
        }
        let host = self.host.tree.open_for_context(self.polydir);
        let host = host.and_then(|dir| selinux::context_of(dir.as_fd()));
        let found = match (host, guest.context(self.polydir.as_bytes())) {
            (Ok(must), Ok(is)) if must.as_bytes() == is => Ok(()),
            (Ok(must), Ok(is)) => {
                Err(format!("{}; it must be {}", shown(&is), shown(must.as_bytes())))
            }
            (Err(errno), _) | (_, Err(errno)) => Err(why(errno)),
        };
        self.check(promise, found)
    }

    fn parent_and_box(&self) -> Check {
        let promise = Promise::ParentAndBox;
        let Place::Directory { parent, rule, within } = &self.work.place else {
            return self.skip(promise, "a tmpfs has none");
        };
        let parent_stands = match ground::parent(self.host.tree, parent, *rule) {
            Standing::Fine(_) => Ok(()),
            Standing::Missing => Err(format!("{parent} is missing")),
            Standing::Squat(why) | Standing::Refused(why) => Err(format!("{parent}: {why}")),
            Standing::Unseen(errno) => Err(format!("{parent}: {}", why(errno))),
        };
        let box_stands = || match (within, *rule) {
            (Within::Boxed { user_box, .. }, _) => {
                let path = below(parent, user_box.as_bytes()).ok_or("no such path".to_owned())?;
                let look = self.host.tree.look(&path, Last::Itself);
                let look = look.map_err(|errno| format!("{path}: {}", why(errno)))?;
                let must = (self.visitor.account.uid, 0o700);
                let is = (look.uid, look.permissions());
                let (uid, mode) = is;
                (is == must).then_some(()).ok_or(format!("{path}: owner {uid}, mode {mode:04o}"))
            }
            // ignore_instance_parent_mode: whether anybody can look is the administrator's affair.
            (
                Within::Named(_) | Within::Temporary(_),
                ParentRule::Hidden | ParentRule::Listed | ParentRule::Any,
            ) => Ok(()),
        };
        self.check(promise, parent_stands.and_then(|()| box_stands()))
    }

    /// What the user writes, and who sees it.
    fn canary(&self, guest: &mut Guest, others: &mut [&mut Guest]) -> Vec<Check> {
        let name = canary_name();
        let path = [self.polydir.as_bytes(), b"/", &name].concat();
        if let Err(errno) = guest.create(&path) {
            let found = Err(format!("the user cannot write there: {}", why(errno)));
            return vec![self.check(Promise::KeptInInstance, found)];
        }
        let seen_by_other =
            others.iter_mut().find_map(|other| nobody_sees(other.look(&path)).err());
        let mut checks = match others.is_empty() {
            true => vec![self.skip(Promise::UnseenByOther, "there is no other session")],
            false => vec![self.check(Promise::UnseenByOther, seen_by_other.map_or(Ok(()), Err))],
        };
        checks.push(self.check(Promise::UnseenOnHost, self.unseen_on_host(&path)));
        match instance(&self.work.place) {
            Some(instance) => {
                let canary = below(&instance, &name);
                let look = canary.as_ref().ok_or(Errno::ENAMETOOLONG);
                let look = look.and_then(|path| self.host.tree.look(path, Last::Itself));
                let found = look.map(drop).map_err(|errno| format!("{instance}: {}", why(errno)));
                checks.push(self.check(Promise::KeptInInstance, found));
                checks.push(self.unreachable(&instance, canary.as_ref()));
            }
            None => {
                let why = "its place is not known before the session";
                checks.push(self.skip(Promise::KeptInInstance, why));
            }
        }
        // What cannot be removed is found among what is left behind.
        guest.remove(&path).unwrap_or_default();
        checks
    }

    fn unseen_on_host(&self, path: &[u8]) -> Result<(), String> {
        let path = AbsPath::new(path).map_err(|fault| fault.to_string())?;
        match self.host.tree.look(&path, Last::Itself) {
            Err(Errno::ENOENT) => Ok(()),
            Ok(_) => Err(format!("{path} is there")),
            Err(errno) => Err(why(errno)),
        }
    }

    /// As a user whom nobody knows, with no session.
    fn unreachable(&self, instance: &AbsPath, canary: Option<&AbsPath>) -> Check {
        if matches!(self.work.place, Place::Directory { rule: ParentRule::Any, .. }) {
            let why = "ignore_instance_parent_mode: the administrator decides";
            return self.skip(Promise::Unreachable, why);
        }
        let Some(canary) = canary else { return self.skip(Promise::Unreachable, "no such path") };
        let path = Path::new(OsStr::from_bytes(canary.as_bytes()));
        let found = probe::as_nobody(|| fs::symlink_metadata(path).map(drop));
        let found = match found {
            Ok(Err(error)) if error.raw_os_error() == Some(Errno::EACCES as i32) => Ok(()),
            Ok(Err(error)) => Err(format!("{instance}: {error}")),
            Ok(Ok(())) => Err(format!("{canary} can be looked at")),
            Err(errno) => Err(why(errno)),
        };
        self.check(Promise::Unreachable, found)
    }
}

fn nobody_sees(look: Result<Seen, Errno>) -> Result<(), String> {
    match look {
        Err(Errno::ENOENT) => Ok(()),
        Ok(_) => Err("another session sees it".to_owned()),
        Err(errno) => Err(why(errno)),
    }
}

/// Where an instance is, if its name is known before the session.
fn instance(place: &Place) -> Option<AbsPath> {
    let Place::Directory { parent, within, .. } = place else { return None };
    match within {
        Within::Named(Naming::Known(name)) => below(parent, name.as_bytes()),
        Within::Boxed { user_box, name: None } => below(parent, user_box.as_bytes()),
        Within::Boxed { name: Some(Naming::Known(inner)), .. } => {
            below(parent, inner.path.to_bytes())
        }
        Within::Named(Naming::WithContext(_))
        | Within::Boxed { name: Some(Naming::WithContext(_)), .. }
        | Within::Temporary(_) => None,
    }
}

fn below(dir: &AbsPath, name: &[u8]) -> Option<AbsPath> {
    AbsPath::new(&[dir.as_bytes(), b"/", name].concat()).ok()
}

/// A name that nothing else has.
fn canary_name() -> Vec<u8> {
    let random = RandomState::new().hash_one(std::process::id());
    DraftName::new(random.to_ne_bytes()).as_cstr().to_bytes().to_vec()
}

fn why(errno: Errno) -> String {
    format!("{} ({errno:?})", errno.desc())
}
