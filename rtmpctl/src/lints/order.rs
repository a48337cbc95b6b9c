//! What rules do to each other: a polydir twice, one in another, and two paths to one directory.

use rtmp_core::conf::{Backing, List, Rule};
use rtmp_core::path::AbsPath;

use super::{Subject, parent, polydir};
use crate::diagnostic::{Finding, Severity, file_and_line};
use crate::tree::{Last, Tree};

/// A rule and where its polydir is.
struct Spot<'r, 't> {
    rule: &'r Rule<'t>,
    /// `None`: not the same for every user.
    path: Option<AbsPath>,
    identity: Option<(u64, u64)>,
    is_link: bool,
}

/// Each rule against the earlier ones, and `/tmp` against `/var/tmp`.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let rules = &subject.rules.rules;
    let spots: Vec<_> = rules.iter().map(|rule| Spot::of(subject.tree, rule)).collect();
    let each = spots.iter().enumerate().filter_map(|(index, later)| {
        // The nearest one that matters is enough to say.
        let earlier = spots.iter().take(index).rev();
        let mut others = earlier.filter(|other| !are_for_different_users(other.rule, later.rule));
        others.find_map(|earlier| pair(subject.tree, earlier, later))
    });
    let mut findings: Vec<_> = each.collect();
    if subject.scope.whole && !rules.is_empty() {
        findings.extend(forgotten(subject, "/tmp", "/var/tmp"));
        findings.extend(forgotten(subject, "/var/tmp", "/tmp"));
    }
    findings
}

impl<'r, 't> Spot<'r, 't> {
    fn of(tree: &Tree, rule: &'r Rule<'t>) -> Self {
        let path = polydir(rule);
        let look = |last| path.as_ref().and_then(|path| tree.look(path, last).ok());
        let identity = look(Last::Through).map(|look| look.identity);
        let is_link = look(Last::Itself).is_some_and(|look| look.is_link());
        Self { rule, path, identity, is_link }
    }
}

fn pair<'t>(tree: &Tree, earlier: &Spot<'_, 't>, later: &Spot<'_, 't>) -> Option<Finding<'t>> {
    let line = || file_and_line(earlier.rule.origin);
    let origin = later.rule.origin.at(later.rule.polydir.column());
    let warning =
        |lint, message: String| Some(Finding::new(Severity::Warning, lint, origin, message));
    let (Some(first), Some(second)) = (&earlier.path, &later.path) else {
        // What holds variables is the same at least where it is written the same.
        let same = earlier.rule.polydir.as_bytes() == later.rule.polydir.as_bytes();
        let polydir = &later.rule.polydir;
        let message = || format!("{polydir} has a rule already ({}); this one covers it", line());
        return same.then(|| warning("twice", message())).flatten();
    };
    if first == second {
        warning("twice", format!("{second} has a rule already ({}); this one covers it", line()))
    } else if second.contains(first.as_bytes()) {
        warning("hides", format!("{second} covers {first} ({}), which is then hidden", line()))
            .map(|finding| finding.with("put this rule first"))
    } else if first.contains(second.as_bytes()) {
        let message = format!(
            "{second} is looked for in the instance of {first} ({}), and a new one is empty; the login is refused",
            line()
        );
        let finding = later.rule.create.is_none().then(|| warning("nested", message)).flatten();
        finding.map(|finding| {
            finding.with("add create to the method, or let namespace.init make the directory")
        })
    } else if earlier.identity.is_some() && earlier.identity == later.identity {
        let (severity, message) = same_directory(tree, earlier, later, (first, second));
        let finding = Finding::new(severity, "same-directory", origin, message);
        Some(match severity {
            Severity::Warning => finding.with("a %{UID} template keeps them apart"),
            Severity::Error | Severity::Unknown | Severity::Note => finding,
        })
    } else {
        None
    }
}

fn same_directory(
    tree: &Tree,
    earlier: &Spot<'_, '_>,
    later: &Spot<'_, '_>,
    (first, second): (&AbsPath, &AbsPath),
) -> (Severity, String) {
    let line = file_and_line(earlier.rule.origin);
    if earlier.is_link || later.is_link {
        let message = format!("{second} and {first} ({line}) are one directory, covered once");
        return (Severity::Note, message);
    }
    let identity = |path: &AbsPath| tree.look(path, Last::Through).ok().map(|look| look.identity);
    let parents = parent(earlier.rule).zip(parent(later.rule));
    let one_parent = parents.is_some_and(|((one, _), (other, _))| {
        one == other || identity(&one).is_some() && identity(&one) == identity(&other)
    });
    let are_templates = [earlier, later]
        .iter()
        .all(|spot| matches!(spot.rule.backing, Backing::Template { flat: false, .. }));
    let same = format!("{second} is the same directory as {first} ({line})");
    if one_parent && !are_templates {
        let more = "and so is the instance parent: a user has one instance for both";
        return (Severity::Warning, format!("{same}, {more}"));
    }
    (Severity::Note, same)
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
