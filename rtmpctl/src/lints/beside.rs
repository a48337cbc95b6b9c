//! Where `pam_namespace.so` does something else with a line: what docs/compatibility.md lists, as far
//! as a line can tell.

use rtmp_core::accounts::Surroundings;
use rtmp_core::conf::{Backing, BindFlags, Entry, Init, Rule, Word};
use rtmp_core::init::{self, Preparation};
use rtmp_core::path::AbsPath;

use super::{Subject, parent, places, polydir};
use crate::diagnostic::{Finding, Severity};

/// What is found in each rule, and how many differ.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let rules = &subject.rules.rules;
    let of_each = rules.iter().enumerate().map(|(index, rule)| {
        let earlier = rules.get(..index).unwrap_or_default();
        let of_list = rule.list.entries().iter().filter_map(|entry| of_entry(rule, entry));
        [of_backing(rule), of_flags(rule), of_script(subject, rule), of_parent(earlier, rule)]
            .into_iter()
            .flatten()
            .chain(of_slashes(rule))
            .chain(of_list)
            .collect::<Vec<_>>()
    });
    let of_each: Vec<_> = of_each.collect();
    let differ = of_each.iter().filter(|of_rule| !of_rule.is_empty()).count();
    let sum = format!("as in pam_namespace.so: {} of {} rules", rules.len() - differ, rules.len());
    let sum = Finding::nowhere(Severity::Note, LINT, sum);
    of_each.into_iter().flatten().chain([sum]).collect()
}

const LINT: &str = "pam_namespace";

fn differs<'t>(rule: &Rule<'t>, word: &Word<'t>, message: impl Into<String>) -> Finding<'t> {
    Finding::new(Severity::Note, LINT, rule.origin.at(word.column()), message)
}

fn of_backing<'t>(rule: &Rule<'t>) -> Option<Finding<'t>> {
    match &rule.backing {
        Backing::Template { template, .. } => Some(differs(
            rule,
            template,
            "pam_namespace.so takes %{…} as it is written, for the start of the instances' names",
        )),
        Backing::Tmpdir { prefix, .. } => Some(differs(
            rule,
            prefix,
            "tmpdir: pam_namespace.so leaves the instance behind; here it is removed when the session ends",
        )),
        Backing::Prefix { .. } | Backing::Tmpfs { .. } => None,
    }
}

fn of_flags<'t>(rule: &Rule<'t>) -> Option<Finding<'t>> {
    let flags = match &rule.backing {
        Backing::Prefix { flags, .. }
        | Backing::Template { flags, .. }
        | Backing::Tmpdir { flags, .. } => flags,
        Backing::Tmpfs { .. } => return None,
    };
    let message = "mntopts: pam_namespace.so has them for a tmpfs only; here they are set on the instance's mount";
    (*flags != BindFlags::default()).then(|| differs(rule, &rule.polydir, message))
}

fn of_entry<'t>(rule: &Rule<'t>, entry: &Entry<'t>) -> Option<Finding<'t>> {
    let (word, meaning) = match entry {
        Entry::User(_) => return None,
        Entry::Group(word) => (word, "the members of the group"),
        Entry::Uids(word, _) => (word, "the users with these numbers"),
    };
    let message = format!(
        "pam_namespace.so takes \"{word}\" for a name that nobody has and passes over it; here it means {meaning}"
    );
    Some(differs(rule, word, message))
}

fn of_slashes<'t>(rule: &Rule<'t>) -> Vec<Finding<'t>> {
    let is_unused = matches!(rule.backing, Backing::Tmpfs { .. });
    let prefix = Some(rule.backing.prefix()).filter(|_| !is_unused);
    let words = [Some(&rule.polydir), prefix].into_iter().flatten();
    let message = "pam_namespace.so refuses several slashes in a row, in some versions; here they count as one";
    let doubled = |word: &&Word<'t>| word.as_bytes().windows(2).any(|pair| pair == b"//");
    words.filter(doubled).map(|word| differs(rule, word, message)).collect()
}

fn of_script<'t>(subject: &Subject<'_, 't>, rule: &Rule<'t>) -> Option<Finding<'t>> {
    let (word, path) = match &rule.init {
        Init::None => return None,
        Init::Script(word) => (word, init::named_path(word.as_bytes()).ok()?),
        Init::Default => {
            let is_there = |path: &AbsPath| subject.people.script(path.clone()).is_some();
            (&rule.polydir, init::default_paths().find(is_there)?)
        }
    };
    let Preparation::Script(_) = places::preparation(subject, path.clone())?? else { return None };
    let message = format!(
        "script {path}: pam_namespace.so runs it with the caller's directory, umask and output; here it has /, 022 and /dev/null"
    );
    Some(differs(rule, word, message))
}

/// A parent in another rule's polydir: whose is it?
fn of_parent<'t>(earlier: &[Rule<'t>], rule: &Rule<'t>) -> Option<Finding<'t>> {
    let (path, _) = parent(rule)?;
    let covered = |polydir: &AbsPath| polydir.contains(path.as_bytes());
    let around = earlier.iter().filter_map(polydir).find(covered)?;
    let message = format!(
        "pam_namespace.so makes {path} anew in each user's instance of {around}; here it is the host's"
    );
    Some(differs(rule, rule.backing.prefix(), message))
}
