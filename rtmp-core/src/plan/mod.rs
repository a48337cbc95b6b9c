//! What this login gets: rules and a login make decisions. Nothing is touched.

mod decide;
mod exempt;

use std::cell::{Cell, OnceCell};
use std::ffi::CString;

use nix::errno::Errno;

use crate::accounts::{Account, Surroundings, Unanswered};
use crate::conf::{BindFlags, Fault, Origin, Rules, TmpfsOptions, Word};
use crate::init::Preparation;
use crate::instance_name::Naming;
use crate::options::Options;
use crate::path::{AbsPath, Name};
use crate::selinux::{Label, Selinux};
use decide::Login;

/// Everything that was decided for one login, in the order of the rules.
#[derive(Debug)]
pub struct Plan<'t> {
    /// Who logs in.
    pub account: Account,
    /// One decision for each rule.
    pub decisions: Vec<Decision<'t>>,
    /// Lines that `ignore_config_error` passed over.
    pub ignored: Vec<Fault<'t>>,
    /// `unmount_on_close`: opening notes which mounts it makes.
    pub unmount_on_close: bool,
}

/// What one rule means for this login.
#[derive(Debug, PartialEq, Eq)]
pub struct Decision<'t> {
    /// The rule's line.
    pub rule: Origin<'t>,
    /// The polydir, its variables expanded.
    pub polydir: AbsPath,
    /// `unmnt_remnt`, `unmnt_only`: the polydir of the user who asks, which is uncovered first.
    pub uncover: Option<AbsPath>,
    /// What happens to it.
    pub verdict: Verdict<'t>,
}

/// What happens to a polydir.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict<'t> {
    /// The user keeps the real one.
    Exempt(Why<'t>),
    /// An instance takes its place.
    Private(Work),
}

/// Why a user keeps the real polydir.
#[derive(Debug, PartialEq, Eq)]
pub enum Why<'t> {
    /// This entry of the list matches.
    Listed(Word<'t>),
    /// No entry of a `~` list matches.
    NotListed,
    /// `shared` without SELinux: there is no context to share an instance by.
    SharedWithoutSelinux,
    /// `unmnt_only`: nothing is mounted.
    UnmountOnly,
}

/// Everything that opening needs to know about one polydir.
#[derive(Debug, PartialEq, Eq)]
pub struct Work {
    /// Where the instance is.
    pub place: Place,
    /// Its SELinux context.
    pub label: Label,
    /// Flags to set on its mount.
    pub flags: BindFlags,
    /// How the polydir is made, if it may be.
    pub create: Option<Creation>,
    /// What prepares the instance.
    pub init: Preparation,
}

impl Work {
    /// Whether what is made for it is labelled.
    pub fn is_labelled(&self) -> bool {
        self.label != Label::None
    }
}

/// Where an instance is.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// A directory in an instance parent.
    Directory {
        /// The instance parent.
        parent: AbsPath,
        /// What the instance parent must be.
        rule: ParentRule,
        /// Where in it.
        within: Within,
    },
    /// A new tmpfs.
    Tmpfs(TmpfsOptions),
}

/// What an instance parent must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParentRule {
    /// Root's, mode 000: `pam_namespace(8)`. The sticky, setgid and setuid bits do not count.
    Hidden,
    /// Root's, and nobody else can write it: a template's. The boxes in it keep others out.
    Listed,
    /// Any: `ignore_instance_parent_mode`. The instance is checked instead.
    Any,
}

/// Where in an instance parent an instance is.
#[derive(Debug, PartialEq, Eq)]
pub enum Within {
    /// Under this name: `pam_namespace`'s layout.
    Named(Naming<Name>),
    /// In the user's box, or the box itself: a template's layout.
    Boxed {
        /// The user's box.
        user_box: Name,
        /// The instance in the box; `None`: the box is the instance.
        name: Option<Naming<Inner>>,
    },
    /// Under this and six letters that nobody else has, until the session ends: `tmpdir`.
    Temporary(CString),
}

/// An instance in a box.
#[derive(Debug, PartialEq, Eq)]
pub struct Inner {
    /// Its name.
    pub name: Name,
    /// The box's name, a slash, and its name.
    pub path: CString,
}

impl Inner {
    /// The instance of that name in a box.
    pub fn new(user_box: &Name, name: Name) -> Self {
        let (above, below) = (user_box.as_bytes(), name.as_bytes());
        // Room for the slash and the NUL.
        let mut path = Vec::with_capacity(above.len() + below.len() + 2);
        path.extend_from_slice(above);
        path.push(b'/');
        path.extend_from_slice(below);
        // Two names hold no NUL.
        Self { name, path: CString::new(path).unwrap_or_default() }
    }
}

/// How a missing polydir is made: its last component only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Creation {
    /// The mode; `None`: 0777 less the caller's umask.
    pub mode: Option<u32>,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
}

/// A login that cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum Refusal<'t> {
    /// A line cannot be obeyed.
    #[error("{0}")]
    Line(Fault<'t>),
    /// The name service fails where a list depends on it.
    #[error("{origin}: unable to tell whether \"{entry}\" matches: {error}")]
    Unanswered {
        /// The entry's place.
        origin: Origin<'t>,
        /// The entry.
        entry: Word<'t>,
        /// Why.
        error: Unanswered,
    },
    /// `require_selinux` and no SELinux.
    #[error("SELinux is required by require_selinux and is disabled")]
    SelinuxDisabled,
    /// A context names the instance, and the session has none yet.
    #[error(
        "{0}: the methods level and context need the session's SELinux context, and none is set: in the PAM service, pam_rtmp.so must come after \"pam_selinux.so open\""
    )]
    NoExecContext(Origin<'t>),
    /// A context names the instance, and it cannot be told.
    #[error("{origin}: unable to tell the session's SELinux context: {}", .errno.desc())]
    NoContext {
        /// The line.
        origin: Origin<'t>,
        /// Why.
        errno: Errno,
    },
    /// A context would name the instance, and this build cannot read it.
    #[error(
        "{0}: the methods level and context need SELinux support, which this build of pam_rtmp.so lacks, and SELinux is enabled"
    )]
    SelinuxUnsupported(Origin<'t>),
}

impl<'t> Plan<'t> {
    /// Decides what each rule means for this login. `asker`: who asks for it, where
    /// `unmnt_remnt` or `unmnt_only` makes that matter.
    ///
    /// # Errors
    ///
    /// A bad line, unless `ignore_config_error`; a name service that gives no answer where a `~`
    /// list depends on it; SELinux that is missing or cannot be used.
    pub fn new(
        rules: Rules<'t>,
        account: Account,
        asker: Option<&Account>,
        options: &Options,
        host: &impl Surroundings,
    ) -> Result<Self, Refusal<'t>> {
        if options.require_selinux && host.selinux() == Selinux::Disabled {
            return Err(Refusal::SelinuxDisabled);
        }
        let mut ignored = Vec::new();
        let mut pass_over = |fault: Fault<'t>| {
            if options.ignore_config_error {
                ignored.push(fault);
                Ok(())
            } else {
                Err(Refusal::Line(fault))
            }
        };
        rules.faults.into_iter().try_for_each(&mut pass_over)?;
        let login = Login {
            account: &account,
            asker,
            options,
            host,
            groups: OnceCell::new(),
            default_script: OnceCell::new(),
            selinux: Cell::new(None),
            subject: OnceCell::new(),
        };
        let mut decisions = Vec::with_capacity(rules.rules.len());
        for rule in &rules.rules {
            match login.decide(rule) {
                Ok(decision) => decisions.push(decision),
                Err(Refusal::Line(fault)) => pass_over(fault)?,
                Err(refusal) => return Err(refusal),
            }
        }
        drop(login);
        Ok(Self { account, decisions, ignored, unmount_on_close: options.unmount_on_close })
    }

    /// Whether a private namespace is needed at all.
    pub fn has_work(&self) -> bool {
        self.decisions.iter().any(|decision| decision.uncover.is_some())
            || self.work().next().is_some()
    }

    /// Whether close_session will want to know what was mounted.
    pub fn is_undone_at_close(&self) -> bool {
        self.unmount_on_close || self.has_temporaries()
    }

    /// Whether an instance is to be removed when the session ends.
    fn has_temporaries(&self) -> bool {
        self.work().any(|(_, work)| {
            matches!(work.place, Place::Directory { within: Within::Temporary(_), .. })
        })
    }

    /// The polydirs that get an instance, in the order in which they are mounted.
    pub fn work(&self) -> impl Iterator<Item = (&Decision<'t>, &Work)> + Clone {
        self.decisions.iter().filter_map(|decision| match &decision.verdict {
            Verdict::Private(work) => Some((decision, work)),
            Verdict::Exempt(_) => None,
        })
    }
}

#[cfg(test)]
mod tests;
