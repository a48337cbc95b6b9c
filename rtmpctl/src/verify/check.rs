//! The promises, each looked at.

use std::path::Path;

use nix::errno::Errno;
use rtmp_core::init::Preparation;
use rtmp_core::instance_name::Naming;
use rtmp_core::path::{AbsPath, Shown};
use rtmp_core::plan::{ParentRule, Place, Within, Work};
use rtmp_core::selinux::{Label, Selinux};
use rtmp_core::session::DraftName;

use super::guest::{Guest, Seen};
use super::{Visitor, stage};
use crate::ground;
use crate::instances::shown;
use crate::outcome::Failure;
use crate::record;
use crate::sessions::judge::{self, Class, Judge, Judged};
use crate::sessions::{Location, Table};
use crate::standing::Standing;
use crate::tree::{Last, Tree};

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Processes that run see what the rules say.
    Running,
    /// A session opens.
    Opens,
    /// It sees the user's own instance in place of the polydir.
    OwnInstance,
    /// Its polydir has the owner and mode that it had.
    OwnerAndMode,
    /// No flag of the polydir's mount is lost, and those of the rule are set.
    Flags,
    /// Its polydir has the SELinux context that it had.
    Label,
    /// What one user writes there, another does not see.
    UnseenByOther,
    /// Nor is it in the host's polydir.
    UnseenOnHost,
    /// It is in the instance.
    KeptInInstance,
    /// Another user, who has no session, cannot reach it there.
    Unreachable,
    /// The instance parent is root's and closed to others, and so is the box of its user.
    ParentAndBox,
    /// A user whom the rules exempt stays on the host's.
    Exempt,
    /// Nothing that a session mounts is seen outside of it.
    NoMountOutside,
    /// All that was made for this is gone again.
    NothingLeft,
}

impl Promise {
    /// For JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Opens => "opens",
            Self::OwnInstance => "own-instance",
            Self::OwnerAndMode => "owner-and-mode",
            Self::Flags => "flags",
            Self::Label => "label",
            Self::UnseenByOther => "unseen-by-other",
            Self::UnseenOnHost => "unseen-on-host",
            Self::KeptInInstance => "kept-in-instance",
            Self::Unreachable => "unreachable",
            Self::ParentAndBox => "parent-and-box",
            Self::Exempt => "exempt",
            Self::NoMountOutside => "no-mount-outside",
            Self::NothingLeft => "nothing-left",
        }
    }

    /// For text.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Running => "processes that run see what the rules say",
            Self::Opens => "a session opens",
            Self::OwnInstance => "it sees the user's own instance",
            Self::OwnerAndMode => "owner and mode are the polydir's",
            Self::Flags => "the mount has the polydir's flags and the rule's",
            Self::Label => "the SELinux context is the polydir's",
            Self::UnseenByOther => "another session does not see what is written",
            Self::UnseenOnHost => "the host's polydir does not have it",
            Self::KeptInInstance => "the instance has it",
            Self::Unreachable => "another user cannot reach it there",
            Self::ParentAndBox => "the instance parent and the box are closed",
            Self::Exempt => "an exempt user stays on the host's",
            Self::NoMountOutside => "no mount is seen outside of the sessions",
            Self::NothingLeft => "nothing is left behind",
        }
    }
}

/// How a promise fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// PASS.
    Kept,
    /// FAIL: what was found.
    Broken(String),
    /// There is nothing to look at: why.
    Skipped(String),
}

/// One promise, looked at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub promise: Promise,
    /// Of what: `alice /tmp`.
    pub about: String,
    /// How it fared.
    pub verdict: Verdict,
}

impl Check {
    /// Kept, or broken.
    pub fn new(promise: Promise, about: String, found: Result<(), String>) -> Self {
        let verdict = found.map_or_else(Verdict::Broken, |()| Verdict::Kept);
        Self { promise, about, verdict }
    }

    fn skipped(promise: Promise, about: String, why: impl Into<String>) -> Self {
        Self { promise, about, verdict: Verdict::Skipped(why.into()) }
    }
}

/// The host, and the stage before anybody came.
pub struct Host<'a> {
    /// Its files.
    pub tree: &'a Tree,
    /// Its mounts, as the stage had them.
    pub before: Table,
}

/// The processes that run.
pub fn running(judged: &[Judged<'_>]) -> Vec<Check> {
    let broken = |judged: &&Judged<'_>| {
        let sees_anothers = |sight: &judge::Sight| {
            sight.is_private && matches!(sight.seen, judge::Seen::Anothers(_))
        };
        judged.class == Class::Stale || judged.sights.iter().any(sees_anothers)
    };
    let wrong = judged.iter().filter(broken).map(|judged| {
        let process = judged.process;
        let name = Shown(&process.name).to_string();
        let is_stale = judged.class == Class::Stale;
        let what = if is_stale { "is not private" } else { "sees another user's instance" };
        format!("{} {name} of {} {what}", process.pid, record::user(process.uid))
    });
    let wrong: Vec<_> = wrong.collect();
    let unseen = judged.iter().filter(|judged| judged.class == Class::Unseen).count();
    let found = if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) };
    let about = format!("{} processes", judged.len() - unseen);
    vec![Check::new(Promise::Running, about, found)]
}

/// The sessions of all visitors.
pub fn sessions(
    host: &Host<'_>,
    judge: &mut Judge<'_>,
    visitors: &[Visitor<'_>],
    guests: &mut [Guest],
) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for (index, visitor) in visitors.iter().enumerate() {
        let name = visitor.account.name.to_string();
        let Some((guest, mut others)) = apart(guests, index) else { continue };
        let table = match &guest.mounts {
            Ok(table) => table.clone(),
            Err(why) => {
                checks.push(Check::new(Promise::Opens, name, Err(why.clone())));
                continue;
            }
        };
        checks.push(Check::new(Promise::Opens, name.clone(), Ok(())));
        let sights = judge.sights(visitor.account.uid, &table).map_err(Failure::Unverifiable)?;
        for sight in sights.iter().filter(|sight| !sight.is_private) {
            let about = format!("{name} {}", sight.polydir);
            checks.push(Check::new(Promise::Exempt, about, as_planned(sight)));
        }
        for (decision, work) in visitor.plan.work() {
            let polydir = &decision.polydir;
            let about = format!("{name} {polydir}");
            let sight = sights.iter().find(|sight| sight.polydir == *polydir);
            let found = sight.map_or_else(|| Err("no rule".to_owned()), as_planned);
            checks.push(Check::new(Promise::OwnInstance, about.clone(), found));
            let look = Look { host, visitor, polydir, work, about, table: &table };
            checks.extend([look.owner_and_mode(guest), look.flags(), look.label(guest)]);
            checks.push(look.parent_and_box());
            checks.extend(look.canary(guest, &mut others));
        }
    }
    checks.push(Check::new(Promise::NoMountOutside, String::new(), no_mount_outside(host)?));
    Ok(checks)
}

/// One guest, and the others.
fn apart(guests: &mut [Guest], index: usize) -> Option<(&mut Guest, Vec<&mut Guest>)> {
    let (before, rest) = guests.split_at_mut_checked(index)?;
    let (guest, after) = rest.split_first_mut()?;
    Some((guest, before.iter_mut().chain(after).filter(|other| other.mounts.is_ok()).collect()))
}

fn as_planned(sight: &judge::Sight) -> Result<(), String> {
    if sight.is_as_planned() {
        return Ok(());
    }
    let at =
        |at: &Location| format!("{} of the file system {}", shown(&at.path), shown(&at.device));
    Err(match &sight.seen {
        judge::Seen::Own(found) => format!("it sees an instance, {}", at(found)),
        judge::Seen::Hosts => "it sees the host's".to_owned(),
        judge::Seen::Anothers(found) => format!("it sees another's instance, {}", at(found)),
        judge::Seen::Other(found) => format!("it sees {}", at(found)),
        judge::Seen::Nothing => "it sees nothing there".to_owned(),
    })
}

fn no_mount_outside(host: &Host<'_>) -> Result<Result<(), String>, Failure> {
    let now = stage::mounts()?;
    let is_new = |mount: &&crate::sessions::table::Mount| !host.before.mounts().contains(mount);
    let new: Vec<_> = now.mounts().iter().filter(is_new).map(|m| shown(&m.target)).collect();
    Ok(if new.is_empty() { Ok(()) } else { Err(format!("new on {}", new.join(", "))) })
}

/// One polydir of one visitor, as the visitor's session has it.
struct Look<'a, 't> {
    host: &'a Host<'a>,
    visitor: &'a Visitor<'t>,
    polydir: &'a AbsPath,
    work: &'a Work,
    about: String,
    /// The session's mounts.
    table: &'a Table,
}

impl Look<'_, '_> {
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
        match (rtmp_core::selinux::state(), &self.work.label) {
            (Selinux::Disabled, _) => return self.skip(promise, "SELinux is disabled"),
            (Selinux::Enabled, Label::Polydir) => {}
            (Selinux::Enabled, _) => return self.skip(promise, "the method gives it another"),
        }
        let host = self.host.tree.open_for_context(self.polydir);
        let host = host.and_then(|dir| {
            use std::os::fd::AsFd;
            rtmp_core::selinux::context_of(dir.as_fd())
        });
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
        let path = Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(
            canary.as_bytes(),
        ));
        let found = super::probe::as_nobody(|| std::fs::symlink_metadata(path).map(drop));
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
pub fn instance(place: &Place) -> Option<AbsPath> {
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
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(std::process::id());
    DraftName::new(random.to_ne_bytes()).as_cstr().to_bytes().to_vec()
}

fn why(errno: Errno) -> String {
    format!("{} ({errno:?})", errno.desc())
}
