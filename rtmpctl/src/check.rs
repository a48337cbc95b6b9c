//! `rtmpctl check`: everything that is wrong, each with its place.

use std::fmt::Write;

use rtmp_core::conf::{Rules, Source, Sources};
use serde_json::json;

use crate::cli::CheckArgs;
use crate::diagnostic::{Finding, Severity};
use crate::json;
use crate::lints::{self, Subject};
use crate::outcome::{Failure, Outcome, Status};
use crate::paint::Paint;
use crate::people::People;
use crate::service::{self, Service};
use crate::tree::Tree;

/// Reads, looks, and reports.
pub fn run(asked: &CheckArgs, paint: Paint) -> Result<Outcome, Failure> {
    let tree = Tree::open(asked.looking.root.as_deref())?;
    let whole = asked.files.is_empty();
    let sources = match tree.sources(&asked.files) {
        Err(failure) if whole && failure.is_the_module_s() => {
            let message = format!("{failure}; the module refuses every login");
            let missing = Finding::nowhere(Severity::Error, "no-configuration", message);
            return Ok(Report { findings: vec![missing], files: 0, texts: Vec::new(), rules: 0 }
                .outcome(asked.looking.json, paint));
        }
        result => result?,
    };
    let services = if whole { service::all(&tree)? } else { Vec::new() };
    let report = examine(&tree, &sources, whole, &services);
    Ok(report.outcome(asked.looking.json, paint))
}

/// Everything that is found.
pub fn examine<'t>(
    tree: &Tree,
    sources: &'t Sources,
    whole: bool,
    services: &'t [Service],
) -> Report<'t> {
    let rules = Rules::parse(sources);
    let mut texts: Vec<&Source> = sources.iter().collect();
    let subject =
        Subject { rules: &rules, texts: &texts, tree, people: People::of(tree), whole, services };
    let mut findings = lints::findings(&subject);
    let rules = rules.rules.len();
    let files = texts.len();
    texts.extend(services.iter().flat_map(Service::files));
    let rank = |finding: &Finding<'t>| {
        let place = finding.origin.map(|origin| {
            let file = texts.iter().position(|source| source.path == origin.file);
            (file.unwrap_or(usize::MAX), origin.line, origin.column)
        });
        // What has no place comes last.
        (place.is_none(), place, finding.severity, finding.message.clone())
    };
    findings.sort_by_cached_key(rank);
    // A file that many services include is looked at with each of them.
    findings.dedup();
    Report { findings, files, texts, rules }
}

/// What was found.
pub struct Report<'t> {
    findings: Vec<Finding<'t>>,
    /// How many of the texts are configuration; the rest are PAM's.
    files: usize,
    texts: Vec<&'t Source>,
    rules: usize,
}

impl Report<'_> {
    /// How many findings of this severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    fn status(&self) -> Status {
        if self.count(Severity::Error) + self.count(Severity::Warning) > 0 {
            Status::Findings
        } else if self.count(Severity::Unknown) > 0 {
            Status::CouldNotTell
        } else {
            Status::Clean
        }
    }

    fn outcome(&self, json: bool, paint: Paint) -> Outcome {
        let text = if json { self.to_json() } else { self.to_text(paint).into_bytes() };
        Outcome { text, status: self.status() }
    }

    fn to_text(&self, paint: Paint) -> String {
        let findings = self.findings.iter().map(|finding| finding.to_text(&self.texts, paint));
        let mut text = findings.collect::<String>();
        let counts = [
            (Severity::Error, "error"),
            (Severity::Warning, "warning"),
            (Severity::Unknown, "unknown"),
            (Severity::Note, "note"),
        ];
        let counts = counts.map(|(severity, name)| (self.count(severity), name));
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> = counts.map(|(count, name)| counted(count, name)).collect();
        let counts =
            if counts.is_empty() { "nothing to report".to_owned() } else { counts.join(", ") };
        // Writing to a String cannot fail.
        writeln!(text, "{}: {counts}", counted(self.rules, "rule")).unwrap_or_default();
        text
    }

    fn to_json(&self) -> Vec<u8> {
        let files = self.texts.iter().take(self.files).map(|source| json::path(&source.path));
        json::answer(
            "check",
            json!({
                "files": files.collect::<Vec<_>>(),
                "rules": self.rules,
                "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
                "errors": self.count(Severity::Error),
                "warnings": self.count(Severity::Warning),
                "unknown": self.count(Severity::Unknown),
                "notes": self.count(Severity::Note),
            }),
        )
    }
}

fn counted(count: usize, name: &str) -> String {
    let plural = if count == 1 || name == "unknown" { "" } else { "s" };
    format!("{count} {name}{plural}")
}
