//! What this login gets: rules and a login make decisions. Nothing is touched.

use std::cell::OnceCell;
use std::ffi::CString;

use crate::accounts::{Account, Accounts, Unanswered};
use crate::conf::{
    self, Backing, BindFlags, Create, Entry, Fault, Init, Key, List, Origin, Rule, Rules, Word,
};
use crate::instance_name;
use crate::options::Options;
use crate::path::{AbsPath, Name};

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
}

/// Everything that opening needs to know about one polydir.
#[derive(Debug, PartialEq, Eq)]
pub struct Work {
    /// Where the instance is.
    pub place: Place,
    /// Flags to set on its mount.
    pub flags: BindFlags,
    /// How the polydir is made, if it may be.
    pub create: Option<Creation>,
    /// Which script prepares the instance.
    pub init: Preparation,
}

/// Where an instance is.
#[derive(Debug, PartialEq, Eq)]
pub enum Place {
    /// `PARENT/NAME`: `pam_namespace`'s layout.
    Prefix {
        /// The instance parent.
        parent: AbsPath,
        /// The instance.
        name: Name,
        /// `ignore_instance_parent_mode`: any parent will do, so the instance is checked instead.
        any_parent: bool,
    },
    /// `PARENT/BOX/NAME`, or `PARENT/BOX` alone.
    Template {
        /// The instance parent.
        parent: AbsPath,
        /// The user's box.
        user_box: Name,
        /// The instance in the box; `None`: the box is the instance.
        name: Option<Name>,
    },
}

impl Place {
    /// The instance parent.
    pub fn parent(&self) -> &AbsPath {
        match self {
            Self::Prefix { parent, .. } | Self::Template { parent, .. } => parent,
        }
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

/// Which script prepares an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preparation {
    /// `/etc/security/namespace.init`, if it is there.
    Default,
    /// This one.
    Script(AbsPath),
    /// None.
    None,
}

/// Whether the kernel runs with SELinux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selinux {
    /// No policy is loaded.
    Disabled,
    /// A policy is loaded, whether it enforces or not.
    Enabled,
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
    /// A context would name the instance, and this build cannot read it.
    #[error(
        "{0}: the methods level and context need SELinux support, which this build of pam_rtmp.so lacks, and SELinux is enabled"
    )]
    SelinuxUnsupported(Origin<'t>),
}

impl<'t> Plan<'t> {
    /// Decides what each rule means for this login.
    ///
    /// # Errors
    ///
    /// A bad line, unless `ignore_config_error`; a name service that gives no answer where a `~`
    /// list depends on it; SELinux that is missing or cannot be used.
    pub fn new(
        rules: Rules<'t>,
        account: Account,
        options: &Options,
        accounts: &impl Accounts,
        selinux: impl Fn() -> Selinux,
    ) -> Result<Self, Refusal<'t>> {
        if options.require_selinux && selinux() == Selinux::Disabled {
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
        let login =
            Login { account: &account, options, accounts, selinux, groups: OnceCell::new() };
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

    /// The polydirs that get an instance, in the order in which they are mounted.
    pub fn work(&self) -> impl Iterator<Item = (&Decision<'t>, &Work)> + Clone {
        self.decisions.iter().filter_map(|decision| match &decision.verdict {
            Verdict::Private(work) => Some((decision, work)),
            Verdict::Exempt(_) => None,
        })
    }
}

struct Login<'a, A, S> {
    account: &'a Account,
    options: &'a Options,
    accounts: &'a A,
    selinux: S,
    groups: OnceCell<Result<Vec<u32>, Unanswered>>,
}

impl<A: Accounts, S: Fn() -> Selinux> Login<'_, A, S> {
    fn decide<'t>(&self, rule: &Rule<'t>) -> Result<Decision<'t>, Refusal<'t>> {
        let fault = |word: &Word<'_>, message: String| {
            Refusal::Line(Fault { origin: rule.origin.at(word.column()), message })
        };
        let polydir = conf::polydir_path(&self.expand(&rule.polydir))
            .map_err(|why| fault(&rule.polydir, format!("polydir \"{}\" {why}", rule.polydir)))?;
        let place =
            self.place(&rule.backing, &polydir).map_err(|why| fault(rule.backing.prefix(), why))?;
        let create = rule
            .create
            .as_ref()
            .map(|create| self.creation(create))
            .transpose()
            .map_err(|(word, message)| fault(word, message))?;
        let init = preparation(&rule.init).map_err(|(word, message)| fault(word, message))?;
        let verdict = match self.exemption(rule)? {
            Some(why) => Verdict::Exempt(why),
            None => Verdict::Private(Work { place, flags: flags(&rule.backing), create, init }),
        };
        Ok(Decision { rule: rule.origin, polydir, verdict })
    }

    /// Why the rule does not apply, if it does not.
    fn exemption<'t>(&self, rule: &Rule<'t>) -> Result<Option<Why<'t>>, Refusal<'t>> {
        let matching = self.matching(rule)?;
        match (&rule.list, matching) {
            (List::AllBut(_), Some(entry)) => return Ok(Some(Why::Listed(entry.word().clone()))),
            (List::Only(_), None) => return Ok(Some(Why::NotListed)),
            (List::AllBut(_), None) | (List::Only(_), Some(_)) => {}
        }
        let shared = match rule.backing.key() {
            Some(Key::Context { shared } | Key::Level { shared }) => shared,
            Some(Key::User) | None => return Ok(None),
        };
        match (self.selinux)() {
            Selinux::Enabled => Err(Refusal::SelinuxUnsupported(rule.origin)),
            Selinux::Disabled if shared => Ok(Some(Why::SharedWithoutSelinux)),
            Selinux::Disabled => Ok(None),
        }
    }

    /// The entry of the rule's list that this login matches. Entries that need no name service
    /// come first.
    fn matching<'r, 't>(&self, rule: &'r Rule<'t>) -> Result<Option<&'r Entry<'t>>, Refusal<'t>> {
        let entries = rule.list.entries();
        if let Some(entry) = entries.iter().find(|entry| self.is_plainly(entry)) {
            return Ok(Some(entry));
        }
        for entry in entries {
            let answer = match (entry, &rule.list) {
                // An exempt name is the user of that name, so that a login does not pay for a
                // look-up of every name in the list. Whoever shares a number with a listed name,
                // root apart, is private.
                (Entry::User(word), List::AllBut(_)) if is_plain_name(word.as_bytes()) => Ok(false),
                (Entry::User(word), _) => self.is_user(word.as_bytes()),
                (Entry::Group(word), _) => self.is_in_group(word.skip(1).as_bytes()),
                (Entry::Uids(..), _) => Ok(false),
            };
            match (answer, &rule.list) {
                (Ok(true), _) => return Ok(Some(entry)),
                (Ok(false), _) => {}
                // Private is the safe answer to "is this user exempt?".
                (Err(_), List::AllBut(_)) => {}
                (Err(error), List::Only(_)) => {
                    return Err(Refusal::Unanswered {
                        origin: rule.origin.at(entry.word().column()),
                        entry: entry.word().clone(),
                        error,
                    });
                }
            }
        }
        Ok(None)
    }

    fn is_plainly(&self, entry: &Entry<'_>) -> bool {
        match entry {
            Entry::User(word) if word.as_bytes() == b"root" => self.account.uid == 0,
            Entry::User(word) => {
                word.as_bytes() == self.account.name.as_bytes()
                    || word.as_bytes() == self.account.passwd_name
            }
            Entry::Uids(_, range) => range.contains(&self.account.uid),
            Entry::Group(_) => false,
        }
    }

    fn is_user(&self, name: &[u8]) -> Result<bool, Unanswered> {
        let Ok(name) = CString::new(name) else { return Ok(false) };
        Ok(self.accounts.user(&name)?.is_some_and(|found| found.uid == self.account.uid))
    }

    fn is_in_group(&self, name: &[u8]) -> Result<bool, Unanswered> {
        let Ok(name) = CString::new(name) else { return Ok(false) };
        let Some(gid) = self.accounts.group(&name)? else { return Ok(false) };
        let groups = self
            .groups
            .get_or_init(|| self.accounts.groups_of(self.account.name.as_cstr(), self.account.gid));
        Ok(gid == self.account.gid || groups.as_ref().map_err(|e| *e)?.contains(&gid))
    }

    /// `$HOME` and `$USER` in a polydir or prefix, `%{…}` in a template.
    fn expand(&self, word: &Word<'_>) -> Vec<u8> {
        self.replace(
            word.as_bytes(),
            &[(b"$HOME", &self.account.home), (b"$USER", self.account.name.as_bytes())],
        )
    }

    fn expand_template(&self, word: &Word<'_>) -> Vec<u8> {
        let (uid, gid) = (self.account.uid.to_string(), self.account.gid.to_string());
        self.replace(
            word.as_bytes(),
            &[
                (b"%{UID}", uid.as_bytes()),
                (b"%{GID}", gid.as_bytes()),
                (b"%{USER}", self.account.name.as_bytes()),
                (b"%{HOME}", &self.account.home),
                (b"$HOME", &self.account.home),
                (b"$USER", self.account.name.as_bytes()),
            ],
        )
    }

    fn replace(&self, mut text: &[u8], variables: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut expanded = Vec::with_capacity(text.len() + 32);
        while let Some((&byte, rest)) = text.split_first() {
            let variable = variables.iter().find(|(name, _)| text.starts_with(name));
            match variable {
                Some((name, value)) => {
                    expanded.extend_from_slice(value);
                    text = text.get(name.len()..).unwrap_or_default();
                }
                None => {
                    expanded.push(byte);
                    text = rest;
                }
            }
        }
        expanded
    }

    fn place(&self, backing: &Backing<'_>, polydir: &AbsPath) -> Result<Place, String> {
        let any_parent = self.options.ignore_instance_parent_mode;
        match backing {
            Backing::Prefix { prefix, .. } => {
                let user = instance_name::fit(self.account.name.as_bytes(), self.options.gen_hash);
                let (parent, name) = self.split(prefix, &user)?;
                let name = Name::new(&name).map_err(|why| format!("the instance's name {why}"))?;
                Ok(Place::Prefix { parent, name, any_parent })
            }
            Backing::Template { template, flat, .. } => {
                let path = AbsPath::new(&self.expand_template(template))
                    .map_err(|why| format!("template \"{template}\" {why}"))?;
                let wrong = |why: &dyn std::fmt::Display| format!("template \"{template}\" {why}");
                let parent = AbsPath::new(path.above()).map_err(|why| wrong(&why))?;
                let user_box = path.name().map_or(&b""[..], std::ffi::CStr::to_bytes);
                let user_box = Name::new(user_box).map_err(|why| wrong(&why))?;
                let name = (!flat)
                    .then(|| instance_name::in_box(polydir))
                    .transpose()
                    .map_err(|why| format!("the instance's name {why}"))?;
                Ok(Place::Template { parent, user_box, name })
            }
            Backing::Tmpdir { .. } => {
                Err("the method tmpdir is not available in this version".into())
            }
            Backing::Tmpfs { .. } => {
                Err("the method tmpfs is not available in this version".into())
            }
        }
    }

    /// The instance parent and the name in it: a prefix and a name, joined and parted again at the
    /// last slash. A prefix need not end in a slash.
    fn split(&self, prefix: &Word<'_>, name: &[u8]) -> Result<(AbsPath, Vec<u8>), String> {
        let wrong = |why| format!("instance prefix \"{prefix}\" {why}");
        let mut path = self.expand(prefix);
        AbsPath::new(&path).map_err(wrong)?;
        path.extend_from_slice(name);
        let slash = path.iter().rposition(|&b| b == b'/').unwrap_or(0);
        let name = path.split_off(slash + 1);
        Ok((AbsPath::new(&path).map_err(wrong)?, name))
    }

    fn creation<'r, 't>(&self, create: &'r Create<'t>) -> Result<Creation, (&'r Word<'t>, String)> {
        let missing = |what: &str, word: &Word<'_>| format!("there is no {what} \"{word}\"");
        let (mut uid, mut gid) = (self.account.uid, self.account.gid);
        if let Some(word) = &create.owner {
            let name = CString::new(word.as_bytes()).map_err(|_| (word, missing("user", word)))?;
            let owner = self.accounts.user(&name).map_err(|e| (word, e.to_string()))?;
            let owner = owner.ok_or_else(|| (word, missing("user", word)))?;
            (uid, gid) = (owner.uid, owner.gid);
        }
        if let Some(word) = &create.group {
            let name = CString::new(word.as_bytes()).map_err(|_| (word, missing("group", word)))?;
            let group = self.accounts.group(&name).map_err(|e| (word, e.to_string()))?;
            gid = group.ok_or_else(|| (word, missing("group", word)))?;
        }
        Ok(Creation { mode: create.mode.map(|mode| mode & 0o7777), uid, gid })
    }
}

fn flags(backing: &Backing<'_>) -> BindFlags {
    match backing {
        Backing::Prefix { flags, .. }
        | Backing::Template { flags, .. }
        | Backing::Tmpdir { flags, .. } => *flags,
        Backing::Tmpfs { options, .. } => options.flags,
    }
}

/// `iscript=`: a relative path is one in `namespace.d`.
fn preparation<'r, 't>(init: &'r Init<'t>) -> Result<Preparation, (&'r Word<'t>, String)> {
    match init {
        Init::Default => Ok(Preparation::Default),
        Init::None => Ok(Preparation::None),
        Init::Script(word) => {
            let name = word.as_bytes();
            let path = if name.starts_with(b"/") {
                AbsPath::new(name)
            } else {
                AbsPath::new(&[b"/etc/security/namespace.d/", name].concat())
            };
            path.map(Preparation::Script).map_err(|why| (word, format!("script \"{word}\" {why}")))
        }
    }
}

/// Whether a name is one that a local user would have: no directory service spells it differently.
fn is_plain_name(name: &[u8]) -> bool {
    name.iter()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
