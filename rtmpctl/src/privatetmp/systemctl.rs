//! systemd, asked through its own programs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use super::units::{PROPERTIES, Unit};
use crate::outcome::{Failure, reason};

/// The service manager of this host.
#[derive(Debug)]
pub struct Systemd(());

/// What a program of systemd's said, if it did not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum Unwilling {
    /// Process 1 is another.
    #[error(
        "there is no systemd here to ask: {BOOTED} does not exist (sd_booted(3)), so it does not run \
         the services of this host"
    )]
    NotBooted,
    /// The program could not be run.
    #[error("unable to run {program}: {}", reason(.why))]
    Missing {
        /// Its name.
        program: String,
        /// Why.
        why: std::io::Error,
    },
    /// What is named is something else.
    #[error("{0} is not a service")]
    NoService(String),
    /// It failed.
    #[error("{command} failed: {words}")]
    Failed {
        /// The command line.
        command: String,
        /// Its standard error.
        words: String,
    },
}

/// Exists where systemd is process 1: `sd_booted(3)`.
const BOOTED: &str = "/run/systemd/system";

impl Systemd {
    /// Finds out whether systemd runs this host.
    pub fn find() -> Result<Self, Unwilling> {
        if Path::new(BOOTED).is_dir() { Ok(Self(())) } else { Err(Unwilling::NotBooted) }
    }

    /// Units by name or pattern, as they are loaded. A name without a suffix is a service's; an alias
    /// is the unit it stands for; one that does not exist is answered, too.
    pub fn show<S: AsRef<OsStr>>(&self, names: &[S]) -> Result<Vec<Unit>, Unwilling> {
        let mut command = Command::new("systemctl");
        // --all: without it a pattern leaves out what does not run.
        command.args(["show", "--all", "--no-pager", "--property", PROPERTIES, "--"]).args(names);
        Ok(Unit::all(&run(&mut command)?.stdout))
    }

    /// Services by name or pattern; all of them if none is named. Each once, in order of their names.
    pub fn services(&self, names: &[String]) -> Result<Vec<Unit>, Unwilling> {
        let all = ["*.service".to_owned()];
        let mut units = self.show(if names.is_empty() { &all } else { names })?;
        if let Some(other) = units.iter().find(|unit| !unit.id.ends_with(".service")) {
            return Err(Unwilling::NoService(other.id.clone()));
        }
        units.sort_by(|one, other| one.id.cmp(&other.id));
        units.dedup_by(|one, other| one.id == other.id);
        Ok(units)
    }

    /// What `systemd-analyze verify` has to say of a unit as it is on disk, line by line. It fails
    /// where there is something to say, so that is no failure here.
    pub fn verify(&self, unit: &str) -> Result<Vec<String>, Unwilling> {
        let mut command = Command::new("systemd-analyze");
        command.args(["verify", "--", unit]);
        let said = output(&mut command)?;
        Ok(String::from_utf8_lossy(&said.stderr).lines().map(str::to_owned).collect())
    }

    /// Reads all unit files anew.
    pub fn reload(&self) -> Result<(), Unwilling> {
        run(Command::new("systemctl").arg("daemon-reload")).map(drop)
    }

    /// Restarts a unit.
    pub fn restart(&self, unit: &str) -> Result<(), Unwilling> {
        run(Command::new("systemctl").args(["restart", "--", unit])).map(drop)
    }
}

fn output(command: &mut Command) -> Result<Output, Unwilling> {
    command.env("LC_ALL", "C").env("SYSTEMD_COLORS", "0").output().map_err(|why| {
        let program = command.get_program().to_string_lossy().into_owned();
        Unwilling::Missing { program, why }
    })
}

fn run(command: &mut Command) -> Result<Output, Unwilling> {
    let said = output(command)?;
    if said.status.success() {
        return Ok(said);
    }
    // Its name and its verb; the rest is long, and what is wrong with it is said.
    let words = [command.get_program()].into_iter().chain(command.get_args().take(1));
    let words: Vec<_> = words.map(OsStr::to_string_lossy).collect();
    let complaint = String::from_utf8_lossy(&said.stderr);
    let complaint: Vec<_> = complaint.lines().map(str::trim).collect();
    Err(Unwilling::Failed { command: words.join(" "), words: complaint.join("; ") })
}

impl From<Unwilling> for Failure {
    fn from(why: Unwilling) -> Self {
        Self::Systemd(why)
    }
}
