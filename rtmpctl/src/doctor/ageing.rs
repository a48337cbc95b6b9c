//! Who removes old files from `/tmp`: systemd-tmpfiles, tmpreaper. They must not take the instance
//! parents, or the boxes in them, from under sessions that are open.

use rtmp_core::conf::Source;
use rtmp_core::path::AbsPath;

use super::Subject;
use super::text::{self, Line};
use crate::diagnostic::{Finding, Severity};
use crate::lints;
use crate::tree::Tree;

/// The files of `tmpfiles.d(5)`.
pub fn tmpfiles(tree: &Tree) -> Vec<Source> {
    let dirs = ["/etc/tmpfiles.d", "/run/tmpfiles.d", "/usr/lib/tmpfiles.d"];
    text::files(tree, &text::fragments(tree, &dirs, b".conf"))
}

/// What is found for each instance parent.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let parents = subject.rules.rules.iter().filter_map(|rule| {
        let (path, _) = lints::required_parent(rule, subject.services)?;
        Some(path.to_string())
    });
    let mut parents: Vec<_> = parents.collect();
    parents.sort();
    parents.dedup();
    parents
        .iter()
        .flat_map(|parent| {
            [
                aged(&subject.neighbours.ageing, parent),
                reaped(&subject.neighbours.tmpreaper, parent),
            ]
        })
        .flatten()
        .collect()
}

/// One line of `tmpfiles.d(5)`: type, path, mode, user, group, age.
struct Rule<'t> {
    line: Line<'t>,
    path: &'t str,
    /// `None`: what is there stays.
    age: Option<&'t str>,
}

impl<'t> Rule<'t> {
    fn of(line: Line<'t>) -> Option<Self> {
        let mut words = line.text.split_whitespace();
        let (kind, path) = (words.next()?, words.next()?.trim_matches('"'));
        let age = words.nth(3).filter(|age| *age != "-");
        let ages = kind.starts_with(['d', 'D', 'e', 'v', 'q', 'Q', 'C']);
        Some(Self { path, age: age.filter(|_| ages), line })
    }
}

/// The rule nearest to the parent decides: a directory with a rule of its own is left alone by those
/// above it (tmpfiles.d(5), "Age").
fn aged<'t>(sources: &'t [Source], parent: &str) -> Option<Finding<'t>> {
    let rules = text::lines(sources).filter_map(Rule::of);
    let around = rules.filter(|rule| covers(rule.path, parent));
    // Of two for one path, what keeps it is there to correct the other.
    let nearest = around.max_by_key(|rule| (rule.path.split('/').count(), rule.age.is_none()))?;
    let age = nearest.age?;
    let message = format!(
        "systemd-tmpfiles removes from {parent} what was not used for {age}, open sessions or not"
    );
    let note = format!(
        "in /etc/tmpfiles.d: \"x {parent}\", and for the age of what is in the instances \"e {parent}/*/* - - - {age}\""
    );
    Some(Finding::new(Severity::Warning, "ageing", nearest.line.origin, message).with(note))
}

/// Whether a path, its components perhaps patterns, is this one or above it.
fn covers(pattern: &str, path: &str) -> bool {
    let parts = |text: &str| {
        text.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (pattern, path) = (parts(pattern), parts(path));
    pattern.len() <= path.len()
        && pattern.iter().zip(&path).all(|(pattern, part)| matches(pattern, part))
}

/// `glob(7)`'s `*` and `?`; a bracket is taken as it is.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pattern = pattern.chars();
    match pattern.next() {
        None => text.is_empty(),
        Some('*') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| matches(pattern.as_str(), text.get(at..).unwrap_or_default()))
        }
        Some(first) => {
            let mut rest = text.chars();
            rest.next().is_some_and(|other| first == '?' || first == other)
                && matches(pattern.as_str(), rest.as_str())
        }
    }
}

/// Debian's tmpreaper: shell assignments, with these defaults.
fn reaped<'t>(sources: &'t [Source], parent: &str) -> Option<Finding<'t>> {
    let own = sources.first()?;
    let value = |key: &str| {
        text::lines(sources).filter_map(|line| Some((line.origin, line.value(key)?))).last()
    };
    let (origin, dirs) = value("TMPREAPER_DIRS")
        .unwrap_or((rtmp_core::conf::Origin { file: &own.path, line: 1, column: 1 }, "/tmp/."));
    let dir = dirs
        .split_whitespace()
        .map(|dir| dir.trim_end_matches('.'))
        .find(|dir| covers(dir, parent))?;
    let kept = value("TMPREAPER_PROTECT_EXTRA").is_some_and(|(_, kept)| kept.contains(parent));
    AbsPath::new(parent.as_bytes()).ok().filter(|_| !kept)?;
    let message =
        format!("tmpreaper removes old files below {dir}, and with them what is in {parent}");
    let note = format!("add '{parent}/*' to TMPREAPER_PROTECT_EXTRA");
    Some(Finding::new(Severity::Warning, "tmpreaper", origin, message).with(note))
}
