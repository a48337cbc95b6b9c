//! A change that `rtmpctl enable` began.

use nix::errno::Errno;

use crate::diagnostic::{Finding, Severity};
use crate::outcome::Failure;
use crate::stacks::Files;
use crate::switch::{Backup, UNCONFIRMED};
use crate::tree::Tree;

/// Whether it was finished, and whether it was confirmed.
pub fn findings(tree: &Tree) -> Result<Vec<Finding<'static>>, Failure> {
    let backup = match Backup::read(tree) {
        Err(Failure::Root(_, Errno::EACCES)) => {
            let message = "what rtmpctl enable has changed is for root to see";
            return Ok(vec![Finding::nowhere(Severity::Unknown, "change", message)]);
        }
        backup => backup?,
    };
    let now = Files::read(tree)?;
    let mut findings = Vec::new();
    if backup.note(UNCONFIRMED).exists() {
        let message = "rtmpctl enable --try waits to be confirmed";
        let note = "rtmpctl enable --confirm in a new login, or rtmpctl disable";
        findings.push(Finding::nowhere(Severity::Note, "unconfirmed", message).with(note));
    }
    let changes = backup.before.changes(&backup.after);
    let is_old = |path| now.get(path) == backup.before.get(path);
    let old = changes.iter().filter(|change| is_old(change.path)).count();
    if old > 0 {
        let all = changes.len();
        let message =
            format!("rtmpctl enable was interrupted: {old} of {all} files are still the old ones");
        let note = "rtmpctl enable again, or rtmpctl disable";
        findings.push(Finding::nowhere(Severity::Warning, "interrupted", message).with(note));
    }
    Ok(findings)
}
