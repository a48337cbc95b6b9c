//! Whose view it is to be, and the proof that it is theirs.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use rtmp_core::accounts::{Account, System};
use rtmp_core::path::{Name, Shown};

use super::namespace::{Inside, Namespace};
use super::unstarted::Unstarted;
use crate::outcome::Failure;
use crate::people::People;
use crate::service;
use crate::sessions::judge::Judge;
use crate::sessions::sight::Sight;
use crate::sessions::{Process, Sessions, process, table};
use crate::tree::Tree;

/// Who is meant on the command line.
#[derive(Debug)]
pub enum Subject {
    /// A process, and its directory in `/proc`.
    Process(Process, OwnedFd),
    /// A user.
    User(Account),
}

impl Subject {
    /// Finds the process of this number, or the user of this name. Digits alone are a process.
    pub fn find(whose: &OsStr) -> Result<Self, Unstarted> {
        let text = whose.as_bytes();
        if text.iter().all(u8::is_ascii_digit) && !text.is_empty() {
            // No process has a number that does not fit.
            return Self::process(table::number(text).unwrap_or(i32::MAX));
        }
        let nobody = || Unstarted::NoSuchUser(whose.to_owned());
        let name = Name::new(text).map_err(|_| nobody())?;
        let found = Account::find(name, &System)
            .map_err(|error| Failure::Unanswered(Shown(text).to_string(), error))?;
        found.map(Self::User).ok_or_else(nobody)
    }

    /// The process of this number.
    pub fn process(pid: i32) -> Result<Self, Unstarted> {
        match process::find(pid) {
            Ok((process, dir)) => Ok(Self::Process(process, dir)),
            Err(Errno::ENOENT) => Err(Unstarted::Pin(pid, Errno::ESRCH)),
            Err(errno) => Err(Unstarted::Pin(pid, errno)),
        }
    }

    /// The user.
    pub fn uid(&self) -> u32 {
        match self {
            Self::Process(process, _) => process.uid,
            Self::User(account) => account.uid,
        }
    }

    /// Puts this process into the view.
    pub fn enter(&self) -> Result<Inside, Unstarted> {
        match self {
            Self::Process(process, dir) => Namespace::of(process.pid, dir)?.enter(),
            Self::User(account) => enter_session(account),
        }
    }
}

/// The view that some process has and that this user's plan describes. It is looked for in the mount
/// tables of all processes, the namespace is held, and once it is entered our own mount table has to
/// say the same.
fn enter_session(account: &Account) -> Result<Inside, Unstarted> {
    let tree = Tree::open(None)?;
    let people = People::of(&tree);
    let (sources, services) = (tree.sources(&[])?, service::all(&tree)?);
    let sessions = Sessions::look()?;
    let mut judge = Judge::new(&tree, &people, &sources, &services, &sessions);
    let no_plan = |why| Unstarted::NoPlan(account.name.clone(), why);
    let mut foreign = None;
    for (place, table, _) in sessions.by_view() {
        // No chroot: we would be at the root of the namespace and not at its.
        let is_theirs =
            place.root == b"/" && is_private(&judge.sights(account.uid, table).map_err(no_plan)?);
        if !is_theirs {
            continue;
        }
        let residents = sessions.processes.iter().filter(|p| p.place.as_ref() == Ok(place));
        for resident in residents {
            let held = resident.open().map_err(|errno| Unstarted::Pin(resident.pid, errno));
            match held.and_then(|dir| Namespace::of(resident.pid, &dir)) {
                Ok(namespace) => {
                    let inside = namespace.enter()?;
                    let sights = judge.sights(account.uid, &inside.mounts()?).map_err(no_plan)?;
                    return match is_private(&sights) {
                        true => Ok(inside),
                        false => Err(Unstarted::Elsewhere(resident.pid)),
                    };
                }
                // It has ended; another may be left.
                Err(Unstarted::Pin(_, Errno::ESRCH | Errno::ENOENT)) => {}
                Err(why) => foreign = Some(why),
            }
        }
    }
    Err(foreign.unwrap_or_else(|| Unstarted::NoSession(account.name.clone())))
}

/// Whether something is private for the user, and everything is as planned.
fn is_private(sights: &[Sight]) -> bool {
    sights.iter().any(|sight| sight.is_private) && sights.iter().all(Sight::is_as_planned)
}
