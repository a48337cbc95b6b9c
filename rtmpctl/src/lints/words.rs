//! What a line says: faults, remarks, and words that mean something else than they seem to.

use rtmp_core::conf::{Backing, Remark, Rule, Words};
use rtmp_core::path::Shown;

use super::Subject;
use crate::diagnostic::{Finding, Severity, line_of};
use crate::normal::{Line, flag_names};

/// What tmpfs(5) takes besides nodev, noexec and nosuid.
const TMPFS_OPTIONS: [&str; 16] = [
    "size",
    "nr_blocks",
    "nr_inodes",
    "mode",
    "uid",
    "gid",
    "huge",
    "mpol",
    "noswap",
    "inode32",
    "inode64",
    "quota",
    "usrquota",
    "grpquota",
    "ro",
    "rw",
];

/// Faults and remarks of the parser, and what the rules say besides.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let rules = subject.rules;
    let faults = rules.faults.iter().map(Finding::from);
    let remarks = rules.remarks.iter().map(|remark| remarked(subject, remark));
    let others = rules.rules.iter().flat_map(|rule| {
        [spelling(subject, rule), noexec(rule)].into_iter().flatten().chain(tmpfs_options(rule))
    });
    faults.chain(remarks).chain(others).collect()
}

fn remarked<'t>(subject: &Subject<'_, 't>, remark: &Remark<'t>) -> Finding<'t> {
    let finding = Finding::from(remark);
    let line = line_of(subject.texts, remark.origin).unwrap_or_default();
    let before = line.get(..remark.origin.column.saturating_sub(1)).unwrap_or_default();
    let list = before.trim_ascii_end();
    if list.len() < before.len() && list.ends_with(b",") {
        finding.with("a list has no blanks: write root,adm")
    } else {
        finding
    }
}

/// `level:level,root` and `level=root,root` in a template.
fn spelling<'t>(subject: &Subject<'_, 't>, rule: &Rule<'t>) -> Option<Finding<'t>> {
    let line = line_of(subject.texts, rule.origin)?;
    let mut words = Words::of(line);
    let method = words.nth(2)?;
    let end = words.column();
    // Exempt users who stand in the method's word.
    rule.list.entries().iter().find(|entry| entry.word().column() < end)?;
    let usual = Line::of(rule).ok()?.method_and_list();
    let message = format!("means: {}", Shown(&usual));
    Some(Finding::new(Severity::Note, "spelling", rule.origin.at(method.column()), message))
}

fn noexec<'t>(rule: &Rule<'t>) -> Option<Finding<'t>> {
    let flags = match &rule.backing {
        Backing::Prefix { flags, .. }
        | Backing::Template { flags, .. }
        | Backing::Tmpdir { flags, .. } => flags,
        Backing::Tmpfs { options, .. } => &options.flags,
    };
    flag_names(flags).find(|name| *name == "noexec")?;
    let message = format!(
        "noexec: nothing in {} can be run, which installers, build tools and editors' remote servers do",
        rule.polydir
    );
    Some(Finding::new(Severity::Note, "noexec", rule.origin, message))
}

fn tmpfs_options<'t>(rule: &Rule<'t>) -> Vec<Finding<'t>> {
    let Backing::Tmpfs { options, .. } = &rule.backing else { return Vec::new() };
    let data = options.data.to_bytes().split(|&b| b == b',').filter(|option| !option.is_empty());
    let name = |option: &[u8]| option.split(|&b| b == b'=').next().unwrap_or_default().to_vec();
    let is_known = |name: &[u8]| {
        TMPFS_OPTIONS.iter().any(|known| known.as_bytes() == name)
            || name.starts_with(b"usrquota_")
            || name.starts_with(b"grpquota_")
    };
    data.map(name)
        .filter(|name| !is_known(name))
        .map(|name| {
            let message = format!(
                "tmpfs(5) has no option \"{}\"; the kernel refuses it, and the login is refused",
                Shown(&name)
            );
            Finding::new(Severity::Warning, "tmpfs-option", rule.origin, message)
        })
        .collect()
}
