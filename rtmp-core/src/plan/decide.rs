//! One rule and one login make one decision.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::ffi::CString;

use super::{Creation, Decision, Inner, ParentRule, Place, Refusal, Verdict, Why, Within, Work};
use crate::accounts::{Account, Surroundings, Unanswered};
use crate::conf::{self, Backing, BindFlags, Create, Fault, Init, Key, Rule, Word};
use crate::init::{self, Preparation, Script};
use crate::instance_name::{self, Hole, Naming};
use crate::options::{Options, Unmount};
use crate::path::{self, AbsPath, Decimal, Name, NameFault};
use crate::selinux::{Label, NoContext, Selinux, Subject};

/// One login, and what was found out about it so far.
pub(super) struct Login<'a, H> {
    pub(super) account: &'a Account,
    /// Who asks for the session, where instances of theirs are to be uncovered.
    pub(super) asker: Option<&'a Account>,
    pub(super) options: &'a Options,
    pub(super) host: &'a H,
    pub(super) groups: OnceCell<Result<Vec<u32>, Unanswered>>,
    pub(super) default_script: OnceCell<Option<Script>>,
    pub(super) selinux: Cell<Option<Selinux>>,
    pub(super) subject: OnceCell<Result<Subject, NoContext>>,
}

impl<H: Surroundings> Login<'_, H> {
    /// What one rule means.
    pub fn decide<'t>(&self, rule: &Rule<'t>) -> Result<Decision<'t>, Refusal<'t>> {
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
        let paths = script_paths(&rule.init).map_err(|(word, message)| fault(word, message))?;
        let uncover = match self.asker {
            Some(asker) => self.uncovering(asker, rule, &fault)?,
            None => None,
        };
        let verdict = match self.exemption(self.account, rule)? {
            Some(why) => Verdict::Exempt(why),
            None if self.options.unmount == Unmount::Only => Verdict::Exempt(Why::UnmountOnly),
            None => {
                let init = Preparation::of(self.script(paths), &polydir, self.account);
                let label = self.label(rule)?;
                Verdict::Private(Work { place, label, flags: flags(&rule.backing), create, init })
            }
        };
        Ok(Decision { rule: rule.origin, polydir, uncover, verdict })
    }

    /// The polydir as the user who asks has it, if it is to be uncovered.
    #[cold]
    fn uncovering<'t>(
        &self,
        asker: &Account,
        rule: &Rule<'t>,
        fault: &impl Fn(&Word<'_>, String) -> Refusal<'t>,
    ) -> Result<Option<AbsPath>, Refusal<'t>> {
        if self.exemption(asker, rule)?.is_some() {
            return Ok(None);
        }
        let path = conf::polydir_path(&expand(&rule.polydir, asker))
            .map_err(|why| fault(&rule.polydir, format!("polydir \"{}\" {why}", rule.polydir)))?;
        Ok(Some(path))
    }

    fn expand<'w>(&self, word: &'w Word<'_>) -> Cow<'w, [u8]> {
        expand(word, self.account)
    }

    fn expand_template<'w>(&self, word: &'w Word<'_>) -> Cow<'w, [u8]> {
        let (uid, gid) = (Decimal::of(self.account.uid), Decimal::of(self.account.gid));
        let (user, home) = (self.account.name.as_bytes(), &self.account.home);
        replace(
            word.as_bytes(),
            &[
                (b"%{UID}", uid.as_bytes()),
                (b"%{GID}", gid.as_bytes()),
                (b"%{USER}", user),
                (b"%{HOME}", home),
                (b"$HOME", home),
                (b"$USER", user),
            ],
        )
    }

    fn place(&self, backing: &Backing<'_>, polydir: &AbsPath) -> Result<Place, String> {
        let rule = match backing {
            Backing::Template { .. } => ParentRule::Listed,
            Backing::Prefix { .. } | Backing::Tmpdir { .. } | Backing::Tmpfs { .. }
                if self.options.ignore_instance_parent_mode =>
            {
                ParentRule::Any
            }
            Backing::Prefix { .. } | Backing::Tmpdir { .. } | Backing::Tmpfs { .. } => {
                ParentRule::Hidden
            }
        };
        let (parent, within) = match backing {
            Backing::Prefix { prefix, key, .. } => self.named(prefix, *key)?,
            Backing::Template { template, flat, key, .. } => {
                self.boxed(template, (!flat).then_some(*key), polydir)?
            }
            Backing::Tmpdir { prefix, .. } => {
                let (parent, name) = self.split(prefix, b"")?;
                let name = CString::new(name).map_err(|_| "holds a NUL byte".to_owned())?;
                (parent, Within::Temporary(name))
            }
            Backing::Tmpfs { prefix, options } => {
                if self.expand(prefix).windows(2).any(|pair| matches!(pair, b"..")) {
                    return Err(format!("instance prefix \"{prefix}\" must not contain .."));
                }
                return Ok(Place::Tmpfs(options.clone()));
            }
        };
        Ok(Place::Directory { parent, rule, within })
    }

    /// The first of these scripts that is there. Of the default ones every rule asks.
    fn script(&self, paths: Scripts) -> Option<Script> {
        match paths {
            Scripts::Default => {
                let find = || init::default_paths().find_map(|path| self.host.script(path));
                self.default_script.get_or_init(find).clone()
            }
            Scripts::Named(path) => self.host.script(path),
            Scripts::None => None,
        }
    }

    /// Whether an instance is named by its context; `shared`: by nothing else.
    fn by_context(&self, key: Key) -> Option<bool> {
        match key {
            Key::Context { shared } | Key::Level { shared } if self.host.labels() => Some(shared),
            Key::Context { .. } | Key::Level { .. } | Key::User => None,
        }
    }

    fn label<'t>(&self, rule: &Rule<'t>) -> Result<Label, Refusal<'t>> {
        if !self.host.labels() {
            return Ok(Label::None);
        }
        let (label, method): (fn(_) -> _, _) = match rule.backing.key() {
            Some(Key::User) | None => return Ok(Label::Polydir),
            Some(Key::Level { .. }) => (Label::Level, "level"),
            Some(Key::Context { .. }) => (Label::Member, "context"),
        };
        if matches!(rule.backing, Backing::Template { flat: true, .. }) {
            let origin = rule.origin.at(rule.backing.prefix().column());
            let message = format!(
                "flat has one instance for all contexts of a user, and {method} one for each"
            );
            return Err(Refusal::Line(Fault { origin, message }));
        }
        let ask = || self.host.subject(self.options.context, &self.account.name);
        match self.subject.get_or_init(ask) {
            Ok(subject) => Ok(label(subject.clone())),
            Err(NoContext::NotSet) => Err(Refusal::NoExecContext(rule.origin)),
            Err(NoContext::Os(errno)) => {
                Err(Refusal::NoContext { origin: rule.origin, errno: *errno })
            }
        }
    }

    fn named(&self, prefix: &Word<'_>, key: Key) -> Result<(AbsPath, Within), String> {
        let (user, gen_hash) = (self.account.name.as_bytes(), self.options.gen_hash);
        if let Some(shared) = self.by_context(key) {
            let (parent, start) = self.split(prefix, b"")?;
            let after = if shared { Vec::new() } else { [b"_", user].concat() };
            let (before, filled) = (Vec::new(), OnceCell::new());
            let hole = Hole { start, before, after, gen_hash, filled };
            return Ok((parent, Within::Named(Naming::WithContext(hole))));
        }
        let (parent, name) = self.split(prefix, &instance_name::fit(user.into(), gen_hash))?;
        let name = Name::new(name).map_err(|why| format!("the instance's name {why}"))?;
        Ok((parent, Within::Named(Naming::Known(name))))
    }

    /// `key`: what tells apart the instances in a box; `None`: the box is the instance.
    fn boxed(
        &self,
        template: &Word<'_>,
        key: Option<Key>,
        polydir: &AbsPath,
    ) -> Result<(AbsPath, Within), String> {
        let wrong = |why: &dyn std::fmt::Display| format!("template \"{template}\" {why}");
        let parted = AbsPath::parted(&self.expand_template(template));
        let parted = parted.map_err(|why| wrong(&why))?;
        let (parent, user_box) = parted.ok_or_else(|| wrong(&NameFault))?;
        let Some(key) = key else { return Ok((parent, Within::Boxed { user_box, name: None })) };
        let name = if self.by_context(key).is_some() {
            let before = [&instance_name::escaped(polydir)[..], b"_"].concat();
            let (start, after, filled) = (Vec::new(), Vec::new(), OnceCell::new());
            Naming::WithContext(Hole { start, before, after, gen_hash: false, filled })
        } else {
            let name = instance_name::in_box(polydir);
            let name = name.map_err(|why| format!("the instance's name {why}"))?;
            Naming::Known(Inner::new(&user_box, name))
        };
        Ok((parent, Within::Boxed { user_box, name: Some(name) }))
    }

    /// The instance parent and the name in it: a prefix and a name, joined and parted again at the
    /// last slash. A prefix need not end in a slash.
    fn split(&self, prefix: &Word<'_>, name: &[u8]) -> Result<(AbsPath, Vec<u8>), String> {
        let wrong = |why| format!("instance prefix \"{prefix}\" {why}");
        let path = self.expand(prefix);
        AbsPath::check(&path).map_err(wrong)?;
        // A name has no slash.
        let (parent, start) = path::at_last_slash(&path);
        Ok((AbsPath::new(parent).map_err(wrong)?, [start, name].concat()))
    }

    #[cold]
    fn creation<'r, 't>(&self, create: &'r Create<'t>) -> Result<Creation, (&'r Word<'t>, String)> {
        let missing = |what: &str, word: &Word<'_>| format!("there is no {what} \"{word}\"");
        let (mut uid, mut gid) = (self.account.uid, self.account.gid);
        if let Some(word) = &create.owner {
            let name = CString::new(word.as_bytes()).map_err(|_| (word, missing("user", word)))?;
            let owner = self.host.user(&name).map_err(|e| (word, e.to_string()))?;
            let owner = owner.ok_or_else(|| (word, missing("user", word)))?;
            (uid, gid) = (owner.uid, owner.gid);
        }
        if let Some(word) = &create.group {
            let name = CString::new(word.as_bytes()).map_err(|_| (word, missing("group", word)))?;
            let group = self.host.group(&name).map_err(|e| (word, e.to_string()))?;
            gid = group.ok_or_else(|| (word, missing("group", word)))?;
        }
        Ok(Creation { mode: create.mode.map(|mode| mode & 0o7777), uid, gid })
    }
}

/// `$HOME` and `$USER` in a polydir or prefix.
fn expand<'w>(word: &'w Word<'_>, who: &Account) -> Cow<'w, [u8]> {
    replace(word.as_bytes(), &[(b"$HOME", &who.home), (b"$USER", who.name.as_bytes())])
}

fn replace<'w>(mut text: &'w [u8], variables: &[(&[u8], &[u8])]) -> Cow<'w, [u8]> {
    // A variable starts with one of these.
    let start = |text: &[u8]| text.iter().position(|b| matches!(b, b'$' | b'%'));
    let mut next = start(text);
    if next.is_none() {
        return text.into();
    }
    let mut expanded = Vec::with_capacity(text.len() + 32);
    while let Some(at) = next {
        let (plain, rest) = text.split_at(at);
        expanded.extend_from_slice(plain);
        let found = variables.iter().find(|(name, _)| rest.starts_with(name));
        let (len, value) = match found {
            Some((name, value)) => (name.len(), *value),
            None => (1, rest.get(..1).unwrap_or_default()),
        };
        expanded.extend_from_slice(value);
        text = rest.get(len..).unwrap_or_default();
        next = start(text);
    }
    expanded.extend_from_slice(text);
    expanded.into()
}

/// Where a rule's script is looked for.
enum Scripts {
    None,
    Default,
    Named(AbsPath),
}

fn script_paths<'r, 't>(init: &'r Init<'t>) -> Result<Scripts, (&'r Word<'t>, String)> {
    match init {
        Init::None => Ok(Scripts::None),
        Init::Default => Ok(Scripts::Default),
        Init::Script(word) => init::named_path(word.as_bytes())
            .map(Scripts::Named)
            .map_err(|why| (word, format!("script \"{word}\" {why}"))),
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
