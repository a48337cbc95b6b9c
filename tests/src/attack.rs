//! Attackers who never tire, and logins that meet them.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::figures::report;
use crate::pam::{Code, Pam};
use crate::process::{self, Process, patience, slower};
use crate::world::{Blueprint, World};

/// How often a race is run: `short`, with `RTMP_LONG=1` a multiple of it, and on a slow machine a part.
pub fn rounds(short: u32) -> u32 {
    if std::env::var_os("RTMP_LONG").is_some() { short * 40 } else { short.div_ceil(slower()) }
}

/// A world lives for a minute, so a long race takes several. `life` gets the rounds to run in one
/// of them and returns what it counted; the sum is returned.
pub fn in_worlds(plan: &Blueprint, rounds: u32, life: impl Fn(&World, u32) -> Tally) -> Tally {
    const AT_ONCE: u32 = 2500;
    let mut all = Tally::default();
    let mut left = rounds;
    while left > 0 {
        let now = left.min(AT_ONCE);
        all.add(&plan.clone().run(|w| life(w, now)));
        left -= now;
    }
    all
}

/// What was counted in a race.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Tally {
    /// Logins tried.
    pub logins: u32,
    /// Logins that were refused.
    pub refused: u32,
    /// Logins after which something was as it must not be, and what it was, once each.
    pub won: Vec<String>,
    /// How many there were of those.
    pub wins: u32,
}

impl Tally {
    /// Counts a login.
    pub fn login(&mut self, code: Code) {
        self.logins += 1;
        self.refused += u32::from(code != Code::SUCCESS);
    }

    /// Counts a win of the attacker's.
    pub fn win(&mut self, what: String) {
        self.wins += 1;
        if self.won.len() < 4 && !self.won.contains(&what) {
            self.won.push(what);
        }
    }

    /// Says how it ended, outside of every world.
    pub fn report(&self, what: &str) {
        let Tally { logins, refused, wins, .. } = self;
        report(&format!("{what}: {logins} logins, {refused} refused, {wins} won by the attacker"));
    }

    fn add(&mut self, other: &Self) {
        self.logins += other.logins;
        self.refused += other.refused;
        self.wins += other.wins;
        self.won.extend(other.won.iter().cloned());
    }
}

/// Becomes the user and does this again and again, until it is dropped.
pub fn relentless(user: &str, mut act: impl FnMut()) -> Process<()> {
    let user = user.to_owned();
    process::start(move || {
        process::become_user(&user);
        loop {
            act();
        }
    })
}

/// Opens a session in a process of its own, looks around in it, and leaves it without closing.
pub fn knock<T: Serialize + DeserializeOwned>(
    user: &str,
    look: impl FnOnce() -> T,
) -> (Code, Option<T>) {
    process::apart(|| {
        let mut pam = Pam::start("rtmp", user).unwrap();
        let code = pam.open_session();
        (code, (code == Code::SUCCESS).then(look))
    })
}

/// Does this in a process of its own; `None` if it takes longer. The process is then killed.
pub fn within<T: Serialize + DeserializeOwned>(seconds: u32, act: impl FnOnce() -> T) -> Option<T> {
    let done = format!("/run/done-{}", std::process::id());
    let process = process::start(|| {
        let value = act();
        fs::write(&done, "").unwrap();
        value
    });
    let give_up = Instant::now() + Duration::from_secs(patience(seconds).into());
    while fs::metadata(&done).is_err() && process.runs() {
        if Instant::now() > give_up {
            return None;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    // A process that panicked has written nothing.
    let _ = fs::remove_file(&done);
    Some(process.join())
}

/// Lets two names change places in one step. Fails silently: one of them may be gone.
pub fn exchange(one: &str, other: &str) {
    let _ = renameat2(AT_FDCWD, one, AT_FDCWD, other, RenameFlags::RENAME_EXCHANGE);
}

/// Something an attacker leads root to, and what it is like.
pub struct Canary {
    path: &'static str,
    was: String,
}

impl Canary {
    /// Remembers a directory.
    pub fn on(path: &'static str) -> Self {
        Canary { path, was: likeness(path) }
    }

    /// What has changed about it, if anything has.
    pub fn song(&self) -> Option<String> {
        let is = likeness(self.path);
        (is != self.was).then(|| format!("{} was {}, is {is}", self.path, self.was))
    }
}

/// Owner, group, mode, number and entries of a directory.
fn likeness(path: &str) -> String {
    let found = fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut names: Vec<_> = fs::read_dir(Path::new(path))
        .map(|entries| entries.flatten().map(|entry| entry.file_name()).collect())
        .unwrap_or_default();
    names.sort();
    format!("{:o} {}:{} {} {names:?}", found.mode(), found.uid(), found.gid(), found.ino())
}
