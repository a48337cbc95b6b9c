//! `rtmpctl disable`.

use super::backup::{self, Backup, Way};
use super::enable::{Agreed, agreed};
use super::grace;
use super::rehearsal::{Profile, auth_update, remembers};
use super::report::{End, Report};
use super::trial;
use crate::cli::DisableArgs;
use crate::outcome::{Failure, Outcome};
use crate::paint::Paint;
use crate::record::Record;
use crate::stacks::{Files, Host, callers, changed};
use crate::tree::Tree;
use rtmp_core::path::Shown;

/// Takes the module out of the session stacks.
pub fn run(asked: &DisableArgs, paint: Paint) -> Result<Outcome, Failure> {
    let how = &asked.how;
    if let Some(patience) = asked.after {
        grace::wait(patience);
    }
    let tree = Tree::open(how.looking.root.as_deref())?;
    let _lock = backup::lock(&tree)?;
    let backup = Backup::read(&tree)?;
    let now = Files::read(&tree)?;
    let host = Host::of(&now);
    let mut report = Report { host: host.described(), ..Report::default() };
    let end =
        |report: &Report<'_>, end| Ok(report.outcome("disable", end, how.looking.json, paint));

    if asked.unconfirmed.as_ref().is_some_and(|change| !grace::is_open(&backup, change)) {
        return end(&report, End::Nothing("The change was confirmed.".to_owned()));
    }
    let mut then = backup.restored(&now);
    if host == Host::AuthUpdate && tree.is_host() && remembers(&then, "pam_rtmp.so") {
        // Not as `enable` left it: what pam-auth-update remembers, it has to forget itself.
        then = auth_update(None, &then, Profile::Neither)?.0;
    }
    report.changes = now.changes(&then);
    let left = callers(&then)?;
    report.left = left.iter().map(|service| Shown(&service.name).to_string()).collect();
    let is_untried = asked.untried || asked.unconfirmed.is_some() || !tree.is_host();
    if !is_untried && !report.changes.is_empty() {
        let people = trial::people(&tree, &how.people)?;
        report.attempts = trial::sessions(&now, &then, &changed(&now, &then)?, &people, false)?;
        if let Some(why) = report.objection() {
            return end(&report, End::Refused(format!("{why}; --untried writes it nevertheless")));
        }
    }
    if report.changes.is_empty() {
        if !backup.is_empty() && !how.dry_run {
            backup.discard()?;
        }
        return end(
            &report,
            End::Nothing("No session stack in /etc/pam.d calls pam_rtmp.so.".to_owned()),
        );
    }
    if asked.unconfirmed.is_none() {
        match agreed(how, &report, paint)? {
            Agreed::Yes => {}
            Agreed::No(answer) => return end(&report, answer),
        }
    }
    let why = if asked.unconfirmed.is_some() { "not confirmed: " } else { "" };
    let record = Record::open()
        .and_then(|mut record| record.write("disable", &format!("{why}{}", report.paths())));
    // Where nobody can log in, the system log may be what is broken.
    report.remarks.extend(record.err().map(|failure| failure.to_string()));
    backup::write(&tree, &report.changes, Way::Out)?;
    backup.discard()?;
    end(
        &report,
        End::Written("Written. Sessions that are open stay private until they end.".to_owned()),
    )
}
