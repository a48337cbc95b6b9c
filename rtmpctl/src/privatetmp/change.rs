//! `rtmpctl privatetmp enable` and `disable`: a plan for all units that are named, and then all of it
//! or nothing.

use std::fmt::Write;
use std::io;
use std::path::PathBuf;

use nix::unistd::geteuid;

use super::advice;
use super::dropin::{DropIn, Found};
use super::services::{Effect, Services};
use super::systemctl::{Systemd, Unwilling};
use super::units::Unit;
use crate::cli::PrivateTmpChange;
use crate::diagnostic::shown;
use crate::outcome::{Failure, Outcome, Status, reason};
use crate::paint::Paint;
use crate::record::Record;
use crate::sessions::Sessions;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A private `/tmp`.
    Enable,
    /// What the unit's own files say.
    Disable,
}

/// What is to become of one unit.
struct Step {
    unit: Unit,
    drop_in: DropIn,
    verdict: Verdict,
    /// What others would miss.
    warnings: Vec<String>,
}

/// Whether there is something to do.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Write or remove the drop-in.
    Do,
    /// It is that way already.
    Already(String),
    /// It must not, or cannot be.
    Refused(String),
}

/// Why a change could not be made. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
pub enum Undone {
    /// Not root.
    #[error("only root can change units; --dry-run says what would be done")]
    NotRoot,
    /// The drop-in.
    #[error("unable to {0} {path}: {why}; nothing was changed", path = shown(.1), why = reason(.2))]
    File(&'static str, PathBuf, io::Error),
    /// systemd does not like it.
    #[error("with the drop-in systemd-analyze says: {0}; it was removed again")]
    Rejected(String),
    /// systemd could not be told.
    #[error("{0}; the drop-ins are as they were before")]
    Systemd(Unwilling),
}

/// Plans, says so, and unless it is a dry run does it.
pub fn run(change: Change, asked: &PrivateTmpChange, paint: Paint) -> Result<Outcome, Failure> {
    let systemd = Systemd::find()?;
    let steps = plan(&systemd, change, &asked.units)?;
    let mut text = String::new();
    for step in &steps {
        step.say(&mut text, change, asked.restart, paint).unwrap_or_default();
    }
    let to_do: Vec<_> = steps.iter().filter(|step| step.verdict == Verdict::Do).collect();
    let is_refused = steps.iter().any(|step| matches!(step.verdict, Verdict::Refused(_)));
    let mut status = if is_refused { Status::Findings } else { Status::Clean };
    if is_refused || asked.dry_run || to_do.is_empty() {
        let why = if asked.dry_run { " (--dry-run)" } else { "" };
        text += &format!("Nothing was done{why}.\n");
        return Ok(Outcome { text: text.into_bytes(), status });
    }
    make(&systemd, change, &to_do)?;
    if asked.restart {
        status = restart(&systemd, &to_do, &mut text, paint);
    } else {
        text += "Done; what runs keeps its /tmp until it is restarted.\n";
    }
    Ok(Outcome { text: text.into_bytes(), status })
}

fn restart(systemd: &Systemd, steps: &[&Step], text: &mut String, paint: Paint) -> Status {
    let mut status = Status::Clean;
    for Step { unit, .. } in steps {
        let said = match systemd.restart(&unit.id) {
            Ok(()) => "restarted".to_owned(),
            Err(why) => {
                status = Status::Findings;
                paint.red(&why.to_string())
            }
        };
        *text += &format!("{}: {said}\n", unit.id);
    }
    status
}

fn plan(systemd: &Systemd, change: Change, names: &[String]) -> Result<Vec<Step>, Failure> {
    let units = systemd.services(names)?;
    let sessions = Sessions::look()?;
    let services = Services::of(&sessions);
    let holdings = services.holdings();
    let mut steps = Vec::new();
    for unit in units {
        let drop_in = DropIn::of(&unit.id);
        let found = drop_in.found().map_err(|why| Undone::File("read", drop_in.path(), why))?;
        let (verdict, warnings) = match change {
            Change::Enable => {
                let effect = services.effect(&unit);
                let is_hosts = matches!(effect, Effect::Hosts | Effect::Partly);
                let risks = if is_hosts { advice::risks(&unit, &holdings) } else { Vec::new() };
                (enable(&unit, &drop_in, found, is_hosts), risks)
            }
            Change::Disable => (disable(&unit, &drop_in, found), Vec::new()),
        };
        steps.push(Step { unit, drop_in, verdict, warnings });
    }
    Ok(steps)
}

/// `is_hosts`: it runs, and with the host's.
fn enable(unit: &Unit, drop_in: &DropIn, found: Found, is_hosts: bool) -> Verdict {
    if unit.load != "loaded" {
        return Verdict::Refused(format!("systemd says it is {}", unit.load));
    }
    if unit.transient {
        return Verdict::Refused("it has no unit file: systemd-run made it".to_owned());
    }
    if let Some(why) = unit.spawns_sessions() {
        return Verdict::Refused(why);
    }
    let owed = if is_hosts { "; what runs began before: restart it" } else { "" };
    match found {
        Found::Anothers => Verdict::Refused(format!("{} is not ours", shown(&drop_in.path()))),
        Found::Ours => Verdict::Already(format!("{} is there{owed}", shown(&drop_in.path()))),
        Found::Nothing if unit.is_private() => {
            Verdict::Already(format!("PrivateTmp={} is loaded{owed}", unit.private_tmp.word()))
        }
        Found::Nothing => Verdict::Do,
    }
}

fn disable(unit: &Unit, drop_in: &DropIn, found: Found) -> Verdict {
    match found {
        Found::Ours => Verdict::Do,
        Found::Anothers => Verdict::Refused(format!("{} is not ours", shown(&drop_in.path()))),
        Found::Nothing if unit.is_private() => {
            let files = unit.fragment.iter().chain(&unit.drop_ins);
            let files: Vec<_> = files.map(|file| shown(file).to_string()).collect();
            let files = files.join(", ");
            Verdict::Refused(format!("its PrivateTmp= is not from rtmpctl; see {files}"))
        }
        Found::Nothing => Verdict::Already("there is no drop-in of ours".to_owned()),
    }
}

/// All drop-ins, and then one reload; if anything fails, all are again as they were.
fn make(systemd: &Systemd, change: Change, steps: &[&Step]) -> Result<(), Failure> {
    if !geteuid().is_root() {
        return Err(Undone::NotRoot.into());
    }
    let mut record = Record::open()?;
    let units: Vec<_> = steps.iter().map(|step| step.unit.id.as_str()).collect();
    record.write(change.name(), &units.join(" "))?;
    let mut made = Vec::new();
    let all = steps.iter().try_for_each(|step| {
        made.push(*step);
        step.make(systemd, change)
    });
    let loaded = all.and_then(|()| systemd.reload().map_err(Undone::Systemd));
    loaded.map_err(|why| {
        for step in made {
            step.undo(change);
        }
        // If it fails again nobody has been told of what is not there any more.
        systemd.reload().unwrap_or_default();
        why.into()
    })
}

impl Change {
    fn name(self) -> &'static str {
        match self {
            Self::Enable => "privatetmp enable",
            Self::Disable => "privatetmp disable",
        }
    }
}

impl Step {
    fn make(&self, systemd: &Systemd, change: Change) -> Result<(), Undone> {
        let path = self.drop_in.path();
        if change == Change::Disable {
            return self.drop_in.remove().map_err(|why| Undone::File("remove", path, why));
        }
        // It complains about much that is not ours: only what is new counts.
        let before = systemd.verify(&self.unit.id).map_err(Undone::Systemd)?;
        self.drop_in.write().map_err(|why| Undone::File("write", path, why))?;
        let mut after = systemd.verify(&self.unit.id).map_err(Undone::Systemd)?;
        after.retain(|line| !before.contains(line));
        if after.is_empty() { Ok(()) } else { Err(Undone::Rejected(after.join("; "))) }
    }

    /// As it was before. What cannot be undone could not be done either.
    fn undo(&self, change: Change) {
        match change {
            Change::Enable => self.drop_in.remove().unwrap_or_default(),
            Change::Disable => self.drop_in.write().unwrap_or_default(),
        }
    }

    fn say(
        &self,
        text: &mut String,
        change: Change,
        restart: bool,
        paint: Paint,
    ) -> std::fmt::Result {
        let (unit, path) = (&self.unit.id, self.drop_in.path());
        match &self.verdict {
            Verdict::Refused(why) => writeln!(text, "{unit}: {}: {why}", paint.red("refused"))?,
            Verdict::Already(why) => writeln!(text, "{unit}: nothing to do: {why}")?,
            Verdict::Do => {
                let verb = if change == Change::Enable { "write" } else { "remove" };
                let analyze =
                    if change == Change::Enable { "systemd-analyze verify, " } else { "" };
                let end = match restart {
                    true => "systemctl restart",
                    false => "no restart: --restart does it",
                };
                writeln!(text, "{unit}: {verb} {}", shown(&path))?;
                writeln!(text, "    then {analyze}systemctl daemon-reload, {end}")?;
            }
        }
        let warnings = self.warnings.iter().filter(|_| self.verdict == Verdict::Do);
        for warning in warnings {
            writeln!(text, "    {}: {warning}", paint.yellow("warning"))?;
        }
        Ok(())
    }
}

impl From<Undone> for Failure {
    fn from(why: Undone) -> Self {
        Self::Units(why)
    }
}
