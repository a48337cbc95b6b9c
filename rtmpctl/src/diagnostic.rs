//! A finding, its place, and how both are printed.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rtmp_core::conf::{Fault, Origin, Remark, Source};
use rtmp_core::path::Shown;
use serde_json::{Value, json};

use crate::json;
use crate::paint::Paint;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Logins are refused, or a rule does nothing for anybody.
    Error,
    /// Obeyed, but hardly meant so, or open to attack.
    Warning,
    /// It could not be looked at.
    Unknown,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// Its name in text and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Note => "note",
        }
    }

    fn paint(self, paint: Paint, text: &str) -> String {
        match self {
            Self::Error => paint.red(text),
            Self::Warning | Self::Unknown => paint.yellow(text),
            Self::Note => paint.cyan(text),
        }
    }
}

/// Something found, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding<'t> {
    /// How much it matters.
    pub severity: Severity,
    /// Which lint found it; does not change when the sentence does.
    pub lint: &'static str,
    /// Where; `None`: nowhere in a file.
    pub origin: Option<Origin<'t>>,
    /// The sentence.
    pub message: String,
    /// What helps.
    pub note: Option<String>,
}

impl<'t> Finding<'t> {
    /// A finding at a place.
    pub fn new(
        severity: Severity,
        lint: &'static str,
        origin: Origin<'t>,
        message: impl Into<String>,
    ) -> Self {
        Self { severity, lint, origin: Some(origin), message: message.into(), note: None }
    }

    /// A finding about the system as a whole.
    pub fn nowhere(severity: Severity, lint: &'static str, message: impl Into<String>) -> Self {
        Self { severity, lint, origin: None, message: message.into(), note: None }
    }

    /// The same with something that helps.
    pub fn with(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// For JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "severity": self.severity.word(),
            "lint": self.lint,
            "file": self.origin.map(|origin| json::path(origin.file)),
            "line": self.origin.map(|origin| origin.line),
            "column": self.origin.map(|origin| origin.column),
            "message": self.message,
            "note": self.note,
        })
    }

    /// `file:line:column: severity: message`, the line, and a caret under the place.
    pub fn to_text(&self, texts: &[&Source], paint: Paint) -> String {
        let Self { severity, message, .. } = self;
        let mut text = format!("{}: {message}\n", severity.paint(paint, severity.word()));
        if let Some(origin) = self.origin {
            text = format!("{}: {text}", paint.bold(&place(origin)));
            if let Some(line) = line_of(texts, origin) {
                text += &excerpt(line, origin, &severity.paint(paint, "^"));
            }
        }
        if let Some(note) = &self.note {
            text += &format!("      = {note}\n");
        }
        text
    }
}

impl<'t> From<&Fault<'t>> for Finding<'t> {
    fn from(fault: &Fault<'t>) -> Self {
        Self::new(Severity::Error, "line", fault.origin, fault.message.clone())
    }
}

impl<'t> From<&Remark<'t>> for Finding<'t> {
    fn from(remark: &Remark<'t>) -> Self {
        Self::new(Severity::Warning, "word", remark.origin, remark.message.clone())
    }
}

/// `file:line:column`, with a file name that cannot drive the terminal.
fn place(origin: Origin<'_>) -> String {
    format!("{}:{}:{}", shown(origin.file), origin.line, origin.column)
}

/// `file:line`.
pub fn file_and_line(origin: Origin<'_>) -> String {
    format!("{}:{}", shown(origin.file), origin.line)
}

/// A path for a message.
pub fn shown(path: &Path) -> Shown<'_> {
    Shown(path.as_os_str().as_bytes())
}

/// A place's line in the files.
pub fn line_of<'t>(texts: &[&'t Source], origin: Origin<'_>) -> Option<&'t [u8]> {
    let source = texts.iter().find(|source| source.path == origin.file)?;
    source.text.split(|&b| b == b'\n').nth(origin.line.checked_sub(1)?)
}

/// The line and a caret. Columns count bytes, a caret stands under a character.
fn excerpt(line: &[u8], origin: Origin<'_>, caret: &str) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // One blank for one tab, so that the caret keeps its place.
    let shown = |bytes: &[u8]| {
        let bytes: Vec<u8> = bytes.iter().map(|&b| if b == b'\t' { b' ' } else { b }).collect();
        Shown(&bytes).to_string()
    };
    let before = line.get(..origin.column.saturating_sub(1)).unwrap_or(line);
    let indent = " ".repeat(shown(before).chars().count());
    format!("{:>5} | {}\n      | {indent}{caret}\n", origin.line, shown(line))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn text(line: &[u8], column: usize) -> String {
        let source = Source { path: PathBuf::from("c\n"), text: [b"#\n", line].concat() };
        let origin = Origin { file: Path::new("c\n"), line: 2, column };
        let finding = Finding::new(Severity::Error, "line", origin, "no").with("yes");
        finding.to_text(&[&source], Paint::default())
    }

    #[test]
    fn a_finding_shows_its_line_and_a_caret_under_the_place() {
        for (line, column, want) in [
            (&b"/tmp x"[..], 6, "/tmp x\n      |      ^"),
            (b"/tmp\tx", 6, "/tmp x\n      |      ^"),
            (b"/tmp", 5, "/tmp\n      |     ^"),
            (b"\xff\xc3\xa9 x\r", 5, "\\xff\u{e9} x\n      |       ^"),
            (b"\x1b[2J x", 6, "\\u{1b}[2J x\n      |           ^"),
            (b"short", 99, "short\n      |      ^"),
        ] {
            let want = format!("c\\n:2:{column}: error: no\n    2 | {want}\n      = yes\n");
            assert_eq!(text(line, column), want);
        }
    }

    #[test]
    fn a_finding_without_a_line_is_one_sentence() {
        let finding = Finding::nowhere(Severity::Note, "x", "so");
        assert_eq!(finding.to_text(&[], Paint::default()), "note: so\n");
    }
}
