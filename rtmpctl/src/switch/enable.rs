//! `rtmpctl enable`.

use std::path::Path;

use super::backup::{self, Backup, Way};
use super::grace;
use super::question;
use super::rehearsal::{Profile, auth_update};
use super::report::{End, Report};
use super::trial;
use crate::cli::{EnableArgs, SwitchArgs};
use crate::doctor;
use crate::outcome::{Failure, Outcome};
use crate::paint::Paint;
use crate::record::Record;
use crate::stacks::{Files, Host, Refusal, Wish, changed, objection, planned};
use crate::tree::Tree;

/// Puts the module into the session stacks, if everybody still gets in.
pub fn run(asked: &EnableArgs, paint: Paint) -> Result<Outcome, Failure> {
    let SwitchArgs { looking, .. } = &asked.how;
    let tree = Tree::open(looking.root.as_deref())?;
    let now = Files::read(&tree)?;
    let host = Host::of(&now);
    let mut report = Report { host: host.described(), ..Report::default() };
    if asked.confirm {
        return confirm(&tree, &report, looking.json, paint);
    }
    let end = |report: &Report<'_>, end| Ok(report.outcome("enable", end, looking.json, paint));

    let wish = Wish { services: asked.services.clone(), non_interactive: asked.non_interactive };
    let then = match proposal(&tree, looking.root.as_deref(), &now, host, &wish)? {
        Ok(then) => then,
        Err(refusal) => return end(&report, refusal.into()),
    };
    report.changes = now.changes(&then);
    let services = changed(&now, &then)?;
    if let Some(refusal) = objection(&services) {
        return end(&report, refusal.into());
    }
    if report.changes.is_empty() {
        return end(&report, End::Nothing("Nothing is to be changed.".to_owned()));
    }
    if tree.is_host() {
        let people = trial::people(&tree, &asked.how.people)?;
        if people.len() < 2 {
            let why = "there is no user but root to try it with: name one with --as".to_owned();
            return end(&report, End::Refused(why));
        }
        report.attempts = trial::sessions(&now, &then, &services, &people, true)?;
    } else {
        report.remarks.push("with --root no session is tried".to_owned());
    }
    report.remarks.extend(doctor::beside(&tree)?);
    if let Some(why) = report.objection() {
        return end(&report, End::Refused(why));
    }
    match agreed(&asked.how, &report, paint)? {
        Agreed::Yes => {}
        Agreed::No(answer) => return end(&report, answer),
    }
    write(&tree, &report, asked)?;
    end(&report, End::Written(next(asked)))
}

/// The files with the module in them.
fn proposal(
    tree: &Tree,
    root: Option<&Path>,
    now: &Files,
    host: Host,
    wish: &Wish,
) -> Result<Result<Files, Refusal>, Failure> {
    if host != Host::AuthUpdate || !wish.services.is_empty() {
        return Ok(planned(now, host, wish));
    }
    let profile = if wish.non_interactive { Profile::All } else { Profile::Interactive };
    let refusal = |file: &str, found: &str, expected: &str| Refusal {
        file: file.into(),
        line: 0,
        found: found.to_owned(),
        expected: expected.to_owned(),
    };
    let file = Path::new("/usr/share/pam-configs").join(profile.name().unwrap_or_default());
    if tree.read(&file).is_err() {
        let found = "there is no such profile";
        return Ok(Err(refusal(
            &file.to_string_lossy(),
            found,
            "it comes with the package of pam_rtmp.so",
        )));
    }
    let (then, said) = auth_update(root, now, profile)?;
    let has_module = |files: &Files| {
        let text = |item: &crate::stacks::Item| String::from_utf8_lossy(&item.text).into_owned();
        files
            .get(Path::new("/etc/pam.d/common-session"))
            .is_some_and(|item| text(item).contains("pam_rtmp.so"))
    };
    if has_module(&then) {
        return Ok(Ok(then));
    }
    let found = format!("pam-auth-update leaves it as it is, saying: {}", one_line(&said));
    let expected = "take back what was changed there by hand, or use --services, which leaves common-session alone";
    Ok(Err(refusal("/etc/pam.d/common-session", &found, expected)))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the change is to be written.
pub(super) enum Agreed {
    Yes,
    No(End),
}

/// With `--yes`, or if somebody says so who has seen it.
pub(super) fn agreed(
    how: &SwitchArgs,
    report: &Report<'_>,
    paint: Paint,
) -> Result<Agreed, Failure> {
    if how.dry_run || how.looking.root.is_some() && !how.yes {
        return Ok(Agreed::No(End::DryRun));
    }
    if how.yes {
        return Ok(Agreed::Yes);
    }
    Ok(match question::answer(&report.to_text(paint), "Write it?")? {
        Some(true) => Agreed::Yes,
        Some(false) => Agreed::No(End::Nothing("Nothing is written.".to_owned())),
        None => Agreed::No(End::DryRun),
    })
}

fn write(tree: &Tree, report: &Report<'_>, asked: &EnableArgs) -> Result<(), Failure> {
    let _lock = backup::lock(tree)?;
    let mut backup = Backup::read(tree)?;
    Record::open()?.write("enable", &report.paths())?;
    let notes = match asked.patience {
        None => Vec::new(),
        Some(patience) => {
            // The watch is there before there is anything to take back.
            grace::start_watch(patience)?;
            vec![(grace::NOTE, grace::note())]
        }
    };
    backup.keep(&report.changes, &notes)?;
    backup::write(tree, &report.changes, Way::In)
}

fn next(asked: &EnableArgs) -> String {
    match asked.patience {
        None => "Written. Sessions that are open stay as they are; rtmpctl disable takes it back."
            .to_owned(),
        Some(patience) => format!(
            "Written, for {} seconds. Log in anew, and there: rtmpctl enable --confirm",
            patience.as_secs()
        ),
    }
}

fn confirm(tree: &Tree, report: &Report<'_>, json: bool, paint: Paint) -> Result<Outcome, Failure> {
    let _lock = backup::lock(tree)?;
    let backup = Backup::read(tree)?;
    let end = match grace::confirm(&backup)? {
        Ok(()) => {
            Record::open()?.write("enable", "confirmed")?;
            End::Written("Confirmed: it stays.".to_owned())
        }
        Err(why) => End::Refused(why),
    };
    Ok(report.outcome("enable", end, json, paint))
}
