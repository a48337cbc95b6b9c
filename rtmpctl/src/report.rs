//! Findings, as a command reports them.

use std::fmt::Write;
use std::path::PathBuf;

use rtmp_core::conf::Source;
use serde_json::json;

use crate::diagnostic::{Finding, Severity};
use crate::json;
use crate::outcome::{Outcome, Status};
use crate::paint::Paint;

/// What was found.
pub struct Report<'t> {
    command: &'static str,
    counted: (usize, &'static str),
    /// The configuration's; PAM's are only shown where something is found in them.
    files: Vec<PathBuf>,
    findings: Vec<Finding<'t>>,
    texts: Vec<&'t Source>,
}

impl<'t> Report<'t> {
    /// Findings in the order of their places; what has none comes last. `counted`: what was looked at,
    /// and how many.
    pub fn new(
        command: &'static str,
        counted: (usize, &'static str),
        files: Vec<PathBuf>,
        mut findings: Vec<Finding<'t>>,
        texts: Vec<&'t Source>,
    ) -> Self {
        let rank = |finding: &Finding<'t>| {
            let place = finding.origin.map(|origin| {
                let file = texts.iter().position(|source| source.path == origin.file);
                (file.unwrap_or(usize::MAX), origin.line, origin.column)
            });
            (place.is_none(), place, finding.severity, finding.message.clone())
        };
        findings.sort_by_cached_key(rank);
        // A file that many services include is looked at with each of them.
        findings.dedup();
        Self { command, counted, files, findings, texts }
    }

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

    /// As text or as JSON.
    pub fn outcome(&self, json: bool, paint: Paint) -> Outcome {
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
        let (count, name) = self.counted;
        // Writing to a String cannot fail.
        writeln!(text, "{}: {counts}", counted(count, name)).unwrap_or_default();
        text
    }

    fn to_json(&self) -> Vec<u8> {
        let (count, name) = self.counted;
        json::answer(
            self.command,
            json!({
                "files": self.files.iter().map(|path| json::path(path)).collect::<Vec<_>>(),
                format!("{name}s"): count,
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
