//! What rules do to each other: a polydir twice, one in another, and two paths to one directory.

use rtmp_core::conf::{List, Rule};
use rtmp_core::path::AbsPath;

use super::{Subject, parent, polydir};
use crate::diagnostic::{Finding, Severity, file_and_line};
use crate::tree::{Last, Look};

/// Each rule against each earlier one, and `/tmp` against `/var/tmp`.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let rules = &subject.rules.rules;
    let pairs = rules
        .iter()
        .enumerate()
        .flat_map(|(index, later)| rules.iter().take(index).map(move |earlier| (earlier, later)));
    let pairs = pairs.filter(|(earlier, later)| !are_for_different_users(earlier, later));
    let mut findings: Vec<_> =
        pairs.filter_map(|(earlier, later)| pair(subject, earlier, later)).collect();
    if subject.whole && !rules.is_empty() {
        findings.extend(forgotten(subject, "/tmp", "/var/tmp"));
        findings.extend(forgotten(subject, "/var/tmp", "/tmp"));
    }
    findings
}

fn pair<'t>(
    subject: &Subject<'_, 't>,
    earlier: &Rule<'t>,
    later: &Rule<'t>,
) -> Option<Finding<'t>> {
    let line = file_and_line(earlier.origin);
    let finding = |lint, message: String| {
        let origin = later.origin.at(later.polydir.column());
        Some(Finding::new(Severity::Warning, lint, origin, message))
    };
    let (Some(first), Some(second)) = (polydir(earlier), polydir(later)) else {
        // What holds variables is the same at least where it is written the same.
        let same = earlier.polydir.as_bytes() == later.polydir.as_bytes();
        let message = format!("{} has a rule already ({line}); this one covers it", later.polydir);
        return same.then(|| finding("twice", message)).flatten();
    };
    if first == second {
        finding("twice", format!("{second} has a rule already ({line}); this one covers it"))
    } else if second.contains(first.as_bytes()) {
        finding("hides", format!("{second} covers {first} ({line}), which is then hidden"))
            .map(|finding| finding.with("put this rule first"))
    } else if first.contains(second.as_bytes()) {
        let message = format!(
            "{second} is looked for in the instance of {first} ({line}), and a new one is empty; the login is refused"
        );
        later.create.is_none().then(|| finding("nested", message)).flatten().map(|finding| {
            finding.with("add create to the method, or let namespace.init make the directory")
        })
    } else {
        same_directory(subject, (earlier, &first), (later, &second))
    }
}

fn same_directory<'t>(
    subject: &Subject<'_, 't>,
    (earlier, first): (&Rule<'t>, &AbsPath),
    (later, second): (&Rule<'t>, &AbsPath),
) -> Option<Finding<'t>> {
    let tree = subject.tree;
    let identity = |path: &AbsPath| tree.look(path, Last::Through).ok().map(|look| look.identity);
    if identity(first)? != identity(second)? {
        return None;
    }
    let line = file_and_line(earlier.origin);
    let origin = later.origin.at(later.polydir.column());
    let finding =
        |severity, message| Some(Finding::new(severity, "same-directory", origin, message));
    let is_link = |path| tree.look(path, Last::Itself).is_ok_and(|look: Look| look.is_link());
    if is_link(second) || is_link(first) {
        let message = format!("{second} and {first} ({line}) are one directory, covered once");
        return finding(Severity::Note, message);
    }
    let parents = parent(earlier).zip(parent(later));
    let one_parent = parents.is_some_and(|((one, _), (other, _))| {
        one == other || identity(&one).is_some() && identity(&one) == identity(&other)
    });
    let are_templates = [earlier, later]
        .iter()
        .all(|rule| matches!(rule.backing, rtmp_core::conf::Backing::Template { flat: false, .. }));
    if one_parent && !are_templates {
        let message = format!(
            "{second} is the same directory as {first} ({line}), and so is the instance parent: a user has one instance for both"
        );
        return finding(Severity::Warning, message)
            .map(|finding| finding.with("a %{UID} template keeps them apart"));
    }
    finding(Severity::Note, format!("{second} is the same directory as {first} ({line})"))
}

/// One of the two places that everybody writes has a rule, and the other has none.
fn forgotten<'t>(subject: &Subject<'_, 't>, listed: &str, other: &str) -> Option<Finding<'t>> {
    let tree = subject.tree;
    let has_rule = |path: &AbsPath| {
        subject.rules.rules.iter().any(|rule| polydir(rule).as_ref() == Some(path))
    };
    let (listed, other) =
        (AbsPath::new(listed.as_bytes()).ok()?, AbsPath::new(other.as_bytes()).ok()?);
    if !has_rule(&listed) || has_rule(&other) {
        return None;
    }
    let look = tree.look(&other, Last::Through).ok()?;
    let same = tree.look(&listed, Last::Through).is_ok_and(|found| found.identity == look.identity);
    let is_link = |path| tree.look(path, Last::Itself).is_ok_and(|look| look.is_link());
    Some(match (same, is_link(&other) || is_link(&listed)) {
        (true, true) => return None,
        (true, false) => {
            let message = format!(
                "{other} is the same directory as {listed} and has no rule: everybody still meets there"
            );
            Finding::nowhere(Severity::Warning, "same-directory", message)
        }
        (false, _) => {
            let message = format!("{other} has no rule: all users share it");
            Finding::nowhere(Severity::Note, "no-rule", message)
        }
    })
}

/// `~bob` and `bob`: nobody gets both.
fn are_for_different_users(one: &Rule<'_>, other: &Rule<'_>) -> bool {
    match (&one.list, &other.list) {
        (List::Only(_), List::AllBut(_)) | (List::AllBut(_), List::Only(_)) => {}
        (List::Only(_), List::Only(_)) | (List::AllBut(_), List::AllBut(_)) => return false,
    }
    let words = |rule: &Rule<'_>| {
        rule.list.entries().iter().map(|entry| entry.word().as_bytes().to_vec()).collect::<Vec<_>>()
    };
    words(one) == words(other)
}
