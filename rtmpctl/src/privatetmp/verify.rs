//! `rtmpctl privatetmp verify`: whether the processes of a service see other directories than process
//! 1 does, by what they find there and by their mount tables.

use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::fstatat;
use rtmp_core::path::Shown;
use serde_json::{Value, json};

use super::services::{DIRECTORIES, Services};
use super::systemctl::Systemd;
use crate::cli::PrivateTmpVerify;
use crate::json;
use crate::outcome::{Failure, Outcome, Status, in_words};
use crate::paint::Paint;
use crate::sessions::table::Location;
use crate::sessions::{Process, Sessions};

/// What one process has in place of one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    pid: i32,
    /// The file system, and the number in it.
    identity: (u64, u64),
    /// The same by the mount table.
    location: Location,
}

/// What is said of one service and one directory.
#[derive(Debug)]
pub enum Verdict {
    /// All of its processes see this one, which is not process 1's; so many they are.
    Private(Sight, usize),
    /// This one sees process 1's.
    Hosts(Sight),
    /// They do not see the same.
    Different(Sight, Sight),
    /// It could not be told: why.
    Unseen(String),
}

struct Row {
    unit: String,
    directory: &'static str,
    verdict: Verdict,
}

/// Looks at every process of these services, or of all that run and are to be private.
pub fn run(asked: &PrivateTmpVerify, paint: Paint) -> Result<Outcome, Failure> {
    let units = Systemd::find()?.services(&asked.units)?;
    let is_named = !asked.units.is_empty();
    let sessions = Sessions::look()?;
    let services = Services::of(&sessions);
    let mut rows = Vec::new();
    for unit in units.iter().filter(|unit| is_named || unit.is_private() && unit.is_active()) {
        let processes = services.processes(unit);
        rows.extend(DIRECTORIES.map(|directory| Row {
            unit: unit.id.clone(),
            directory,
            verdict: judge(&sessions, &processes, directory),
        }));
    }
    let has = |test: fn(&Verdict) -> bool| rows.iter().any(|row| test(&row.verdict));
    let status = if has(Verdict::is_wrong) {
        Status::Findings
    } else if has(|verdict| matches!(verdict, Verdict::Unseen(_))) {
        Status::CouldNotTell
    } else {
        Status::Clean
    };
    let text = if asked.json { to_json(&rows) } else { to_text(&rows, paint).into_bytes() };
    Ok(Outcome { text, status })
}

/// Compares what processes find with what process 1 finds.
fn judge(sessions: &Sessions, processes: &[&Process], directory: &str) -> Verdict {
    let unseen = |pid: i32, errno| {
        Verdict::Unseen(format!("unable to look into process {pid}: {}", in_words(errno)))
    };
    let first = sessions.processes.iter().find(|process| process.pid == 1);
    let hosts = match first.ok_or(Errno::ESRCH).and_then(|first| look(sessions, first, directory)) {
        Ok(hosts) => hosts,
        Err(errno) => return unseen(1, errno),
    };
    let mut seen = Vec::new();
    for process in processes {
        match look(sessions, process, directory) {
            Ok(sight) => seen.push(sight),
            // It has ended.
            Err(Errno::ESRCH | Errno::ENOENT) => {}
            Err(errno) => return unseen(process.pid, errno),
        }
    }
    let Some(one) = seen.first() else { return Verdict::Unseen("it does not run".to_owned()) };
    let is_hosts =
        |sight: &&Sight| sight.identity == hosts.identity || sight.location == hosts.location;
    if let Some(sight) = seen.iter().find(is_hosts) {
        return Verdict::Hosts(sight.clone());
    }
    match seen.iter().find(|other| other.identity != one.identity) {
        Some(other) => Verdict::Different(one.clone(), other.clone()),
        None => Verdict::Private(one.clone(), seen.len()),
    }
}

/// Through the process's own root directory, below a descriptor that is the process's.
fn look(sessions: &Sessions, process: &Process, directory: &str) -> Result<Sight, Errno> {
    let dir = process.open()?;
    let found = fstatat(&dir, format!("root{directory}").as_str(), AtFlags::empty())?;
    let location = sessions.view(process)?.location(directory.as_bytes());
    let location = location.ok_or(Errno::ENOENT)?;
    Ok(Sight { pid: process.pid, identity: (found.st_dev, found.st_ino), location })
}

impl Verdict {
    /// Whether it is not private though it should be.
    fn is_wrong(&self) -> bool {
        matches!(self, Self::Hosts(_) | Self::Different(..))
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Private(..) => "PASS",
            Self::Hosts(_) | Self::Different(..) => "FAIL",
            Self::Unseen(_) => "UNKNOWN",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::Private(sight, count) => {
                let plural = if *count == 1 { "" } else { "es" };
                format!("{}, in {count} process{plural}", sight.shown())
            }
            Self::Hosts(sight) => {
                format!("process {} sees what process 1 sees: {}", sight.pid, sight.shown())
            }
            Self::Different(one, other) => format!(
                "process {} sees {}, and process {} sees {}",
                one.pid,
                one.shown(),
                other.pid,
                other.shown()
            ),
            Self::Unseen(why) => why.clone(),
        }
    }

    fn sight(&self) -> Option<&Sight> {
        match self {
            Self::Private(sight, _) | Self::Hosts(sight) | Self::Different(sight, _) => Some(sight),
            Self::Unseen(_) => None,
        }
    }
}

impl Sight {
    fn shown(&self) -> String {
        let Location { device, path } = &self.location;
        format!("{} of {}, inode {}", Shown(path), Shown(device), self.identity.1)
    }
}

fn to_text(rows: &[Row], paint: Paint) -> String {
    let width = rows.iter().map(|row| row.unit.chars().count()).max().unwrap_or_default();
    let line = |row: &Row| {
        let Row { unit, directory, verdict } = row;
        let word = format!("{:7}", verdict.word());
        let word = if verdict.is_wrong() { paint.red(&word) } else { word };
        format!("{unit:width$}  {directory:8}  {word}  {}\n", verdict.sentence())
    };
    match rows {
        [] => "no service with PrivateTmp= runs\n".to_owned(),
        rows => rows.iter().map(line).collect(),
    }
}

fn to_json(rows: &[Row]) -> Vec<u8> {
    let row = |row: &Row| -> Value {
        let sight = row.verdict.sight();
        json!({
            "unit": row.unit,
            "directory": row.directory,
            "verdict": row.verdict.word(),
            "text": row.verdict.sentence(),
            "process": sight.map(|sight| sight.pid),
            "inode": sight.map(|sight| sight.identity.1),
            "path": sight.map(|sight| json::bytes(&sight.location.path)),
        })
    };
    let rows: Vec<_> = rows.iter().map(row).collect();
    json::answer("privatetmp verify", json!({ "directories": rows }))
}
