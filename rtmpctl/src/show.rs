//! `rtmpctl show`: the rules of all files, in normal form.

use rtmp_core::conf::{Fault, Rule, Rules};
use rtmp_core::path::Shown;
use serde_json::{Value, json};

use crate::cli::ShowArgs;
use crate::diagnostic::shown;
use crate::json;
use crate::normal::Line;
use crate::outcome::{Failure, Outcome, Status};
use crate::paint::Paint;
use crate::tree::Tree;

/// Reads, and prints what was read.
pub fn run(asked: &ShowArgs, paint: Paint) -> Result<Outcome, Failure> {
    let tree = Tree::open(asked.looking.root.as_deref())?;
    let sources = tree.sources(&asked.files)?;
    let rules = Rules::parse(&sources);
    let files: Vec<_> = sources.iter().map(|source| source.path.as_path()).collect();
    let mut rows: Vec<_> =
        rules.rules.iter().map(Row::rule).chain(rules.faults.iter().map(Row::Fault)).collect();
    rows.sort_by_key(|row| {
        let origin = row.origin();
        (files.iter().position(|file| *file == origin.file), origin.line)
    });
    let is_obeyed = rows.iter().all(|row| matches!(row, Row::Rule(..)));
    let text = if asked.looking.json { to_json(&rows) } else { to_text(&rows, paint) };
    Ok(Outcome { text, status: if is_obeyed { Status::Clean } else { Status::Findings } })
}

enum Row<'a, 't> {
    Rule(&'a Rule<'t>, Line),
    /// A rule with a word that no line can hold. No file can have one.
    Inexpressible(&'a Rule<'t>, String),
    Fault(&'a Fault<'t>),
}

impl<'a, 't> Row<'a, 't> {
    fn rule(rule: &'a Rule<'t>) -> Self {
        match Line::of(rule) {
            Ok(line) => Self::Rule(rule, line),
            Err(why) => Self::Inexpressible(rule, why.to_string()),
        }
    }

    fn origin(&self) -> rtmp_core::conf::Origin<'t> {
        match self {
            Self::Rule(rule, _) | Self::Inexpressible(rule, _) => rule.origin,
            Self::Fault(fault) => fault.origin,
        }
    }
}

fn to_text(rows: &[Row<'_, '_>], paint: Paint) -> Vec<u8> {
    let mut text = Vec::new();
    let mut file = None;
    let widths = widths(rows);
    for row in rows {
        let origin = row.origin();
        if file.replace(origin.file) != Some(origin.file) {
            text.extend_from_slice(format!("# {}\n", shown(origin.file)).as_bytes());
        }
        match row {
            Row::Rule(_, line) => {
                let line = padded(line, &widths);
                // Bytes that would drive a terminal are none of its business.
                match paint.on_terminal() {
                    true => text.extend_from_slice(Shown(&line).to_string().as_bytes()),
                    false => text.extend_from_slice(&line),
                }
            }
            Row::Inexpressible(_, why) => {
                text.extend_from_slice(not_shown(origin.line, why).as_bytes())
            }
            Row::Fault(fault) => {
                text.extend_from_slice(not_shown(origin.line, &fault.message).as_bytes());
            }
        }
        text.push(b'\n');
    }
    text
}

fn not_shown(line: usize, why: &str) -> String {
    format!("# line {line}: {why}")
}

fn width(field: &[u8]) -> usize {
    Shown(field).to_string().chars().count()
}

/// The widest of each field, the last one apart. A very long one does not push the others away.
fn widths(rows: &[Row<'_, '_>]) -> Vec<usize> {
    const WIDEST: usize = 40;
    let mut widths = vec![0; 3];
    for row in rows {
        if let Row::Rule(_, line) = row {
            for (widest, field) in widths.iter_mut().zip(line.fields()) {
                *widest = (*widest).max(width(field).min(WIDEST));
            }
        }
    }
    widths
}

fn padded(line: &Line, widths: &[usize]) -> Vec<u8> {
    let mut text = Vec::new();
    let mut owed = 0;
    for (index, field) in line.fields().enumerate() {
        text.extend(std::iter::repeat_n(b' ', owed));
        text.extend_from_slice(field);
        let widest = widths.get(index).copied().unwrap_or_default();
        owed = widest.saturating_sub(width(field)) + 1;
    }
    text
}

fn to_json(rows: &[Row<'_, '_>]) -> Vec<u8> {
    let rules = rows.iter().filter_map(|row| match row {
        Row::Rule(rule, line) => Some(rule_to_json(rule, line)),
        Row::Inexpressible(..) | Row::Fault(_) => None,
    });
    let faults = rows.iter().filter_map(|row| match row {
        Row::Fault(fault) => Some(fault_to_json(row, &fault.message)),
        Row::Inexpressible(_, why) => Some(fault_to_json(row, why)),
        Row::Rule(..) => None,
    });
    let (rules, faults): (Vec<_>, Vec<_>) = (rules.collect(), faults.collect());
    json::answer("show", json!({ "rules": rules, "faults": faults }))
}

fn rule_to_json(rule: &Rule<'_>, line: &Line) -> Value {
    json!({
        "file": json::path(rule.origin.file),
        "line": rule.origin.line,
        "polydir": json::bytes(rule.polydir.as_bytes()),
        "prefix": json::bytes(rule.backing.prefix().as_bytes()),
        "method": json::bytes(&line.method),
        "list": line.list.as_deref().map(json::bytes),
        "text": json::bytes(&line.text()),
    })
}

fn fault_to_json(row: &Row<'_, '_>, message: &str) -> Value {
    let origin = row.origin();
    json!({
        "file": json::path(origin.file),
        "line": origin.line,
        "column": origin.column,
        "message": message,
    })
}
