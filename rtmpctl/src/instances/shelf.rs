//! An instance parent, and what the names in it mean by the rules.

use std::ffi::CStr;

use rtmp_core::conf::{Backing, Key, Rule};
use rtmp_core::instance_name::in_box;
use rtmp_core::path::AbsPath;

use super::{Names, Owner};
use crate::lints;

/// An instance parent that is the same for every user, and the rules that keep instances there.
#[derive(Debug)]
pub struct Shelf<'r> {
    /// The directory.
    pub parent: AbsPath,
    layouts: Vec<Layout<'r>>,
}

/// What one rule makes of a name.
#[derive(Debug)]
struct Layout<'r> {
    polydir: &'r [u8],
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A box, or with `flat` an instance, that belongs to its user.
    Owned {
        /// What it is called.
        name: Template,
        /// How the instances of this polydir start; `None`: `flat`.
        inner: Option<Vec<u8>>,
    },
    /// A name that starts so and ends with the user's.
    Named { start: Vec<u8>, key: Key },
    /// A `tmpdir` instance of a session.
    Temporary { start: Vec<u8> },
}

/// The last component of a `%{UID}` template. In a parent that holds other things as well, only what
/// it makes of its owner is an instance.
#[derive(Debug, PartialEq, Eq)]
struct Template {
    before: Vec<u8>,
    by: By,
    after: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Number,
    Name,
}

/// What a name in an instance parent means.
pub struct Meaning {
    /// Which polydir it stands for; of a box that is told by what is in it.
    pub polydir: Option<Vec<u8>>,
    /// Whose it is.
    pub owner: Owner,
    /// The level or context.
    pub level: Option<Vec<u8>>,
    /// Whether the instances are in it.
    pub is_box: bool,
}

impl<'r> Shelf<'r> {
    /// The instance parents of these rules, and a sentence for each rule whose parent depends on
    /// the user.
    pub fn of_rules(rules: &'r [Rule<'r>]) -> (Vec<Self>, Vec<String>) {
        let (mut shelves, mut passed_over) = (Vec::<Self>::new(), Vec::new());
        for rule in rules {
            if matches!(rule.backing, Backing::Tmpfs { .. }) {
                continue;
            }
            let Some((parent, _)) = lints::required_parent(rule, &[]) else {
                passed_over.push(format!(
                    "{}: {} is another directory for each user and not looked into",
                    rule.origin,
                    rule.backing.prefix()
                ));
                continue;
            };
            let Some(kind) = Kind::of(rule) else {
                let prefix = rule.backing.prefix();
                passed_over
                    .push(format!("{}: whose is what cannot be told from {prefix}", rule.origin));
                continue;
            };
            let layout = Layout { polydir: rule.polydir.as_bytes(), kind };
            match shelves.iter_mut().find(|shelf| shelf.parent == parent) {
                Some(shelf) => shelf.layouts.push(layout),
                None => shelves.push(Self { parent, layouts: vec![layout] }),
            }
        }
        (shelves, passed_over)
    }

    /// What a name means; `None`: nothing by any rule. `is_ours`: nothing else is kept in the parent,
    /// so that a name which is nobody's was somebody's once.
    pub fn meaning(
        &self,
        unit: &CStr,
        uid: u32,
        is_ours: bool,
        names: &Names<'_>,
    ) -> Option<Meaning> {
        let unit = unit.to_bytes();
        self.layouts.iter().find_map(|layout| {
            let polydir = Some(layout.polydir.to_vec());
            match &layout.kind {
                Kind::Owned { name, inner } => {
                    let owner = names.of_uid(uid);
                    name.is_of(unit, uid, &owner, names).then(|| Meaning {
                        polydir: polydir.filter(|_| inner.is_none()),
                        owner,
                        level: None,
                        is_box: inner.is_some(),
                    })
                }
                Kind::Named { start, key } => {
                    let (owner, level) = named(unit.strip_prefix(start.as_slice())?, *key, names);
                    let is_instance = is_ours || matches!(owner, Owner::User { .. });
                    is_instance.then_some(Meaning { polydir, owner, level, is_box: false })
                }
                Kind::Temporary { start } => {
                    let letters = unit.strip_prefix(start.as_slice())?;
                    let is_temporary =
                        letters.len() == 6 && letters.iter().all(u8::is_ascii_alphanumeric);
                    let owner = Owner::Unknown { uid: None };
                    is_temporary.then_some(Meaning { polydir, owner, level: None, is_box: false })
                }
            }
        })
    }

    /// Which polydir an instance in a box stands for, and its context's level.
    pub fn in_box(&self, inner: &CStr) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        self.layouts.iter().find_map(|layout| {
            let Kind::Owned { inner: Some(start), .. } = &layout.kind else { return None };
            let rest = inner.to_bytes().strip_prefix(start.as_slice())?;
            let level = match rest.split_first() {
                None => None,
                Some((b'_', context)) => Some(level(context)),
                Some(_) => return None,
            };
            Some((layout.polydir.to_vec(), level))
        })
    }
}

impl Kind {
    fn of(rule: &Rule<'_>) -> Option<Self> {
        let text = rule.backing.prefix().as_bytes();
        Some(match &rule.backing {
            Backing::Template { flat, .. } => {
                let path = AbsPath::new(text).ok()?;
                let polydir = lints::polydir(rule).filter(|_| !flat);
                let inner = polydir.and_then(|path| in_box(&path).ok());
                let inner = inner.map(|name| name.as_bytes().to_vec());
                Self::Owned { name: Template::parse(path.name()?.to_bytes())?, inner }
            }
            Backing::Prefix { key, .. } => Self::Named { start: start(text), key: *key },
            Backing::Tmpdir { .. } | Backing::Tmpfs { .. } => {
                Self::Temporary { start: start(text) }
            }
        })
    }
}

/// What follows the last slash of a prefix.
fn start(prefix: &[u8]) -> Vec<u8> {
    prefix.rsplit(|&b| b == b'/').next().unwrap_or_default().to_vec()
}

impl Template {
    /// `None`: it has another variable, or several.
    fn parse(text: &[u8]) -> Option<Self> {
        let variables =
            [(&b"%{UID}"[..], By::Number), (b"%{USER}", By::Name), (b"$USER", By::Name)];
        let is_plain = |text: &[u8]| !text.contains(&b'%') && !text.contains(&b'$');
        variables.into_iter().find_map(|(variable, by)| {
            let at = text.windows(variable.len()).position(|part| part == variable)?;
            let (before, after) = (text.get(..at)?, text.get(at + variable.len()..)?);
            let (before, after) = (before.to_vec(), after.to_vec());
            (is_plain(&before) && is_plain(&after)).then_some(Self { before, by, after })
        })
    }

    /// Whether a directory of this owner's is called what the template makes of the owner.
    fn is_of(&self, unit: &[u8], uid: u32, owner: &Owner, names: &Names<'_>) -> bool {
        let middle = unit.strip_prefix(self.before.as_slice());
        let Some(middle) = middle.and_then(|rest| rest.strip_suffix(self.after.as_slice())) else {
            return false;
        };
        match (self.by, owner) {
            (By::Number, _) => middle == uid.to_string().as_bytes(),
            (By::Name, Owner::User { name, .. }) => middle == name,
            // Whoever has the name now has another number.
            (By::Name, Owner::Deleted { .. }) => {
                matches!(names.of_name(middle), Owner::Deleted { .. })
            }
            (By::Name, Owner::Unknown { .. } | Owner::Nobody) => false,
        }
    }
}

/// `alice`, `CONTEXT_alice`, or with `shared` `CONTEXT`.
fn named(name: &[u8], key: Key, names: &Names<'_>) -> (Owner, Option<Vec<u8>>) {
    let is_hash = name.len() == 32 && name.iter().all(u8::is_ascii_hexdigit);
    match (key, names.of_name(name)) {
        (_, owner @ Owner::User { .. }) => (owner, None),
        // gen_hash, or a name that was too long: 47 bytes, an underscore and a hash.
        _ if is_hash || name.len() == 80 => (Owner::Unknown { uid: None }, None),
        (Key::User, owner) => (owner, None),
        (Key::Context { shared } | Key::Level { shared }, owner) => {
            let is_context = name.iter().filter(|&&b| b == b':').count() >= 3;
            let underscore = name.iter().rposition(|&b| b == b'_').filter(|_| is_context);
            match underscore {
                _ if is_context && shared => (Owner::Unknown { uid: None }, Some(level(name))),
                Some(at) => {
                    let (context, user) = name.split_at(at);
                    (names.of_name(user.get(1..).unwrap_or_default()), Some(level(context)))
                }
                // Without SELinux these methods name instances by the user alone.
                None => (owner, None),
            }
        }
    }
}

/// The level of a context `user:role:type:level`; what is no such context as it is.
fn level(context: &[u8]) -> Vec<u8> {
    context.splitn(4, |&b| b == b':').nth(3).unwrap_or(context).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_names_its_user_once() {
        let template = |before: &[u8], by, after: &[u8]| {
            Some(Template { before: before.into(), by, after: after.into() })
        };
        for (text, want) in [
            (&b"%{UID}"[..], template(b"", By::Number, b"")),
            (b"a-%{USER}.d", template(b"a-", By::Name, b".d")),
            (b"$USER", template(b"", By::Name, b"")),
            (b"%{GID}-%{UID}", None),
            (b"%{UID}%{UID}", None),
            (b"%{GID}", None),
        ] {
            assert_eq!(Template::parse(text), want, "{text:?}");
        }
    }

    #[test]
    fn the_level_is_the_fourth_part_of_a_context() {
        assert_eq!(level(b"user_u:object_r:tmp_t:s0:c1,c2"), b"s0:c1,c2");
        assert_eq!(level(b"s0"), b"s0");
    }
}
