//! What is wrong with a configuration, or odd about it. Each lint looks at one thing, changes
//! nothing, and returns what it found.

pub mod beside;
mod lists;
mod order;
mod places;
mod services;
mod words;

use rtmp_core::conf::{Backing, Rule, Rules, Source};
use rtmp_core::path::AbsPath;
use rtmp_core::plan::ParentRule;

use crate::diagnostic::Finding;
use crate::people::People;
use crate::service::Service;
use crate::tree::Tree;

/// What is looked at.
#[derive(Debug)]
pub struct Subject<'a, 't> {
    /// The rules.
    pub rules: &'a Rules<'t>,
    /// The files they come from.
    pub texts: &'a [&'t Source],
    /// The file system.
    pub tree: &'a Tree,
    /// The users and groups.
    pub people: People<'a>,
    /// How far to look.
    pub scope: Scope,
    /// The PAM services; empty unless this is the whole configuration.
    pub services: &'t [Service],
}

/// How far to look.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// Whether this is the whole configuration, not some files.
    pub whole: bool,
    /// Whether to say what pam_namespace.so does with it.
    pub beside_pam_namespace: bool,
}

impl Scope {
    /// The whole configuration, for itself.
    pub const WHOLE: Self = Self { whole: true, beside_pam_namespace: false };
}

/// Everything that is found.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    [
        words::findings(subject),
        lists::findings(subject),
        lists::for_root(subject),
        order::findings(subject),
        places::findings(subject),
        services::findings(subject),
        if subject.scope.beside_pam_namespace { beside::findings(subject) } else { Vec::new() },
    ]
    .concat()
}

/// Whether every service tells the module to accept any instance parent.
pub fn accept_any_parent(services: &[Service]) -> bool {
    let mut options =
        services.iter().flat_map(Service::our_calls).map(|call| call.options()).peekable();
    options.peek().is_some() && options.all(|options| options.ignore_instance_parent_mode)
}

/// A text that is the same for every user.
fn is_literal(text: &[u8]) -> bool {
    !["$HOME", "$USER", "%{"]
        .iter()
        .any(|variable| text.windows(variable.len()).any(|part| part == variable.as_bytes()))
}

/// The polydir, if it is the same for every user.
pub fn polydir(rule: &Rule<'_>) -> Option<AbsPath> {
    let text = rule.polydir.as_bytes();
    is_literal(text).then(|| AbsPath::new(text).ok()).flatten()
}

/// The instance parent and what these services want it to be, if it is the same for every user.
pub fn required_parent(rule: &Rule<'_>, services: &[Service]) -> Option<(AbsPath, ParentRule)> {
    let (path, must) = parent(rule)?;
    let is_any = must == ParentRule::Hidden && accept_any_parent(services);
    Some((path, if is_any { ParentRule::Any } else { must }))
}

/// The instance parent and what it must be, if there is one and it is the same for every user.
fn parent(rule: &Rule<'_>) -> Option<(AbsPath, ParentRule)> {
    let text = rule.backing.prefix().as_bytes();
    let (text, rule) = match rule.backing {
        Backing::Tmpfs { .. } => return None,
        // The last component names the box.
        Backing::Template { .. } => (without_final_slashes(text), ParentRule::Listed),
        Backing::Prefix { .. } | Backing::Tmpdir { .. } => (text, ParentRule::Hidden),
    };
    let slash = text.iter().rposition(|&b| b == b'/')?;
    let text = text.get(..=slash)?;
    is_literal(text).then(|| AbsPath::new(text).ok().map(|path| (path, rule))).flatten()
}

fn without_final_slashes(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|&b| b != b'/').map_or(0, |at| at + 1);
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_parent_is_what_stands_before_the_last_slash() {
        for (line, want) in [
            ("/tmp /tmp-inst/ user", Some("/tmp-inst Hidden")),
            ("/tmp /inst/pfx- user", Some("/inst Hidden")),
            ("/tmp /tmp-inst user", Some("/ Hidden")),
            ("/tmp /i/$USER user", Some("/i Hidden")),
            ("/tmp /t/%{UID} user", Some("/t Listed")),
            ("/tmp /t/%{UID}/ user", Some("/t Listed")),
            ("/tmp /t/a-%{UID} user", Some("/t Listed")),
            ("/tmp /i/ tmpdir", Some("/i Hidden")),
            ("/tmp /i/$USER/ user", None),
            ("/tmp /t/%{GID}/%{UID} user", None),
            ("/tmp tmpfs tmpfs", None),
        ] {
            let mut rules = Rules::default();
            rules.add(Path::new("c"), line.as_bytes());
            let found = rules.rules.first().and_then(parent);
            let found = found.map(|(path, rule)| format!("{path} {rule:?}"));
            assert_eq!(found.as_deref(), want, "{line}");
        }
    }
}
