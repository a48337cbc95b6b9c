//! A change on trial: it goes by itself unless somebody who logged in after it says that it may stay.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use nix::unistd::{Pid, getpid, getsid, setsid};
use serde_json::{Value, json};

use super::backup::Backup;
use super::rehearsal::program;
use crate::outcome::Failure;

/// The note beside the backup, there as long as nobody has confirmed the change.
pub const NOTE: &str = "unconfirmed";

/// One login: what a process and its children, also those of sudo, have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Login {
    /// The kernel's audit session, which `pam_loginuid.so` begins and nothing leaves.
    audit: Option<u64>,
    /// The session leader (`setsid(2)`), and when it started, in ticks since boot.
    leader: (i32, u64),
}

impl Login {
    /// Whose login this process belongs to.
    pub fn current() -> Self {
        /// `AUDIT_SID_UNSET` (linux/audit.h).
        const UNSET: u64 = u32::MAX as u64;
        let text = fs::read_to_string("/proc/self/sessionid").unwrap_or_default();
        let audit = text.trim().parse().ok().filter(|id| *id != UNSET);
        let leader = getsid(None).map_or(0, Pid::as_raw);
        Self { audit, leader: (leader, started(leader)) }
    }

    /// Why this login is not one that came after a change which the other one made.
    fn is_no_news_to(self, other: Self, changed: u64) -> Option<&'static str> {
        let is_known = self.leader.0 != 0;
        if self.audit.is_some() && self.audit == other.audit
            || is_known && self.leader == other.leader
        {
            Some("this is the login that made the change")
        } else if is_known && self.leader.1 < changed {
            Some("this login is older than the change")
        } else {
            None
        }
    }
}

/// Field 22 of `proc_pid_stat(5)`; what stands before is a name in brackets that may hold anything.
fn started(pid: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().nth(19).and_then(|ticks| ticks.parse().ok()).unwrap_or(0)
}

/// What the note says: which change it is, who made it, and when.
pub fn note() -> String {
    let Login { audit, leader: (pid, start) } = Login::current();
    json!({ "change": this_change(), "audit": audit, "leader": [pid, start], "at": now() })
        .to_string()
}

/// A name for the change that this process makes: no other process has its number and start.
fn this_change() -> String {
    format!("{}.{}", std::process::id(), now())
}

fn now() -> u64 {
    started(getpid().as_raw())
}

/// Whether a change still waits to be confirmed.
pub fn is_open(backup: &Backup, change: &str) -> bool {
    read(backup).ok().flatten().is_some_and(|note| note.get("change") == Some(&change.into()))
}

fn read(backup: &Backup) -> Result<Option<Value>, Failure> {
    let path = backup.note(NOTE);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(serde_json::from_str(&text).ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Read(path, error)),
    }
}

/// Takes the note away, if this is a login that came through the new stacks.
pub fn confirm(backup: &Backup) -> Result<Result<(), String>, Failure> {
    let Some(note) = read(backup)? else {
        return Ok(Err("there is no change that waits to be confirmed".to_owned()));
    };
    let number = |value: Option<&Value>| value.and_then(Value::as_u64);
    let leader = note.get("leader");
    let pid = leader.and_then(|leader| leader.get(0)).and_then(Value::as_i64);
    let other = Login {
        audit: number(note.get("audit")),
        leader: (
            pid.and_then(|pid| i32::try_from(pid).ok()).unwrap_or(0),
            number(leader.and_then(|leader| leader.get(1))).unwrap_or(0),
        ),
    };
    let changed = number(note.get("at")).unwrap_or(0);
    if let Some(why) = Login::current().is_no_news_to(other, changed) {
        return Ok(Err(format!("{why}: log in anew, and confirm there")));
    }
    let path = backup.note(NOTE);
    match fs::remove_file(&path) {
        Ok(()) => Ok(Ok(())),
        Err(error) => Err(Failure::Act(format!("remove {}", path.display()), error)),
    }
}

/// Sees to it that `rtmpctl disable --unconfirmed` is run when the time is over, whatever becomes of
/// this login: systemd does it where it runs, else a process in a session of its own.
pub fn start_watch(patience: Duration) -> Result<(), Failure> {
    let fail =
        |error| Failure::Act("start the process that takes the change back".to_owned(), error);
    let own = std::env::current_exe().map_err(fail)?;
    if Path::new("/run/systemd/system").is_dir() {
        let mut timer = program("systemd-run");
        timer.args(["--quiet", "--collect", "--timer-property=AccuracySec=100ms"]);
        timer.arg(format!("--on-active={}s", patience.as_secs()));
        timer.arg(&own).args(["disable", "--unconfirmed", &this_change()]);
        timer.stdout(Stdio::null()).stderr(Stdio::null());
        if timer.status().is_ok_and(|status| status.success()) {
            return Ok(());
        }
    }
    let mut watch = program(&own.to_string_lossy());
    watch.args([
        "disable",
        "--unconfirmed",
        &this_change(),
        "--after",
        &patience.as_secs().to_string(),
    ]);
    watch.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null());
    watch.spawn().map(drop).map_err(fail)
}

/// Waits, out of reach of the terminal's hangup.
pub fn wait(patience: Duration) {
    // It fails for a group's leader, whom no terminal hangs up on either.
    let _apart = setsid();
    thread::sleep(patience);
}
