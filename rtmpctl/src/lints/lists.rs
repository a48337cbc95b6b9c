//! Whom a rule is for: names that nobody has, and root.

use std::ffi::CString;

use rtmp_core::accounts::{Account, Surroundings, Unanswered};
use rtmp_core::conf::{Entry, List, Rule, Rules, Word};
use rtmp_core::options::Options;
use rtmp_core::path::{Name, Shown};
use rtmp_core::plan::{Plan, Refusal, Verdict};

use super::Subject;
use crate::diagnostic::{Finding, Severity};

/// What is found in each list.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    subject.rules.rules.iter().flat_map(|rule| of_rule(subject, rule)).collect()
}

fn of_rule<'t>(subject: &Subject<'_, 't>, rule: &Rule<'t>) -> Vec<Finding<'t>> {
    let mut findings = Vec::new();
    let mut somebody = false;
    for entry in rule.list.entries() {
        let word = entry.word();
        let found = match entry {
            // The parser remarks on an empty name.
            Entry::User(word) if word.as_bytes().is_empty() => continue,
            Entry::User(word) => user(subject, rule, word),
            Entry::Group(word) => group(subject, word),
            Entry::Uids(..) => Ok((true, None)),
        };
        let (is_somebody, finding) = found.unwrap_or_else(|error| {
            let message = format!("unable to tell who \"{word}\" is: {error}");
            (true, Some((Severity::Unknown, message, None)))
        });
        somebody |= is_somebody;
        findings.extend(finding.map(|(severity, message, note)| {
            let place = rule.origin.at(word.column());
            Finding { note, ..Finding::new(severity, "list", place, message) }
        }));
    }
    let named =
        rule.list.entries().iter().map(Entry::word).find(|word| !word.as_bytes().is_empty());
    match (&rule.list, named) {
        (List::Only(_), Some(word)) if !somebody => {
            let place = rule.origin.at(word.column());
            let message = "nobody is in this list, so nobody is polyinstantiated";
            findings.push(Finding::new(Severity::Error, "nobody", place, message));
        }
        (List::Only(_) | List::AllBut(_), _) => {}
    }
    findings
}

/// Whether an entry is somebody, and what is to be said of it.
type Answer = Result<(bool, Option<(Severity, String, Option<String>)>), Unanswered>;

fn user(subject: &Subject<'_, '_>, rule: &Rule<'_>, word: &Word<'_>) -> Answer {
    let Ok(name) = CString::new(word.as_bytes()) else { return Ok((false, None)) };
    let people = &subject.people;
    let Some(found) = people.user(&name)? else {
        let nobody = |message: String, note: Option<String>| {
            Ok((false, Some((Severity::Warning, message, note))))
        };
        if people.group(&name)?.is_some() {
            let message = format!("\"{word}\" is a group and no user; the entry matches nobody");
            return nobody(message, Some(format!("write @{word} for the members of the group")));
        }
        let note = match word.as_bytes() {
            text if text.iter().all(u8::is_ascii_digit) => {
                Some(format!("write {word}:{word} for the user with this number"))
            }
            [b'~', ..] => Some("~ means something only at the start of the list".to_owned()),
            _ => None,
        };
        return nobody(format!("there is no user \"{word}\"; the entry matches nobody"), note);
    };
    let others = people.other_names(found.uid, word.as_bytes());
    if others.is_empty() {
        return Ok((true, None));
    }
    let others = others.iter().map(|name| format!("\"{}\"", Shown(name))).collect::<Vec<_>>();
    let (others, uid) = (others.join(", "), found.uid);
    // root is known by the number, other exempt users by the name.
    let (severity, means) = match &rule.list {
        List::AllBut(_) if word.as_bytes() == b"root" => (Severity::Note, "exempt as well"),
        List::AllBut(_) => (Severity::Warning, "not exempt"),
        List::Only(_) => (Severity::Note, "polyinstantiated as well"),
    };
    let message = format!("\"{word}\" shares user number {uid} with {others}: {means}");
    Ok((true, Some((severity, message, None))))
}

fn group(subject: &Subject<'_, '_>, word: &Word<'_>) -> Answer {
    let name = word.skip(1);
    let Ok(c_name) = CString::new(name.as_bytes()) else { return Ok((false, None)) };
    Ok(match subject.people.group(&c_name)? {
        Some(_) => (true, None),
        None => {
            let message = format!("there is no group \"{name}\"; the entry matches nobody");
            (false, Some((Severity::Warning, message, None)))
        }
    })
}

/// What root's login would get, from the module's own plan: which rules do not exempt root, and
/// faults that show only when a rule is applied to somebody.
pub fn for_root<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let Ok(name) = Name::new(b"root") else { return Vec::new() };
    let passwd_name = b"root".to_vec();
    let root = Account { name, passwd_name, uid: 0, gid: 0, home: b"/root".to_vec() };
    let options = Options { ignore_config_error: true, ..Options::default() };
    let mut rules = Rules::default();
    for source in subject.texts {
        rules.add(&source.path, &source.text);
    }
    match Plan::new(rules, root, None, &options, &subject.people) {
        Ok(plan) => {
            let faults = plan.ignored.iter().filter(|fault| !subject.rules.faults.contains(fault));
            let private = plan.decisions.iter().filter_map(|decision| match decision.verdict {
                Verdict::Private(_) => Some(decision.rule),
                Verdict::Exempt(_) => None,
            });
            let message = "root is not exempt: what refuses a login refuses root's too";
            let exposed = private
                .map(|origin| Finding::new(Severity::Warning, "root-not-exempt", origin, message));
            faults.map(Finding::from).chain(exposed).collect()
        }
        Err(Refusal::Line(fault)) => vec![Finding::from(&fault)],
        Err(Refusal::Unanswered { origin, entry, error }) => {
            let message = format!("unable to tell whether root is in \"{entry}\": {error}");
            vec![Finding::new(Severity::Unknown, "list", origin, message)]
        }
        Err(
            refusal @ (Refusal::SelinuxUnsupported(origin)
            | Refusal::NoExecContext(origin)
            | Refusal::NoContext { origin, .. }),
        ) => {
            // The sentence starts with the place, which a finding has already.
            let message = refusal.to_string();
            let message = message.strip_prefix(&format!("{origin}: ")).unwrap_or(&message);
            vec![Finding::new(Severity::Error, "selinux", origin, message)]
        }
        Err(refusal @ Refusal::SelinuxDisabled) => {
            vec![Finding::nowhere(Severity::Error, "selinux", refusal.to_string())]
        }
    }
}
