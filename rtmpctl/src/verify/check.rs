//! What runs, the sessions of the visitors, and what is outside of them.

use rtmp_core::path::Shown;

use super::guest::Guest;
use super::look::Look;
use super::promise::{Check, Promise};
use super::{Visitor, stage};
use crate::instances::shown;
use crate::outcome::Failure;
use crate::record;
use crate::sessions::judge::{Judge, Judged};
use crate::sessions::sight::{Class, Seen, Sight};
use crate::sessions::{Location, Table};
use crate::tree::Tree;

/// The host, and the stage before anybody came.
pub struct Host<'a> {
    /// Its files.
    pub tree: &'a Tree,
    /// Its mounts, as the stage had them.
    pub before: Table,
}

/// The processes that run.
pub fn running(judged: &[Judged<'_>]) -> Vec<Check> {
    let broken = |judged: &&Judged<'_>| {
        let sees_anothers =
            |sight: &Sight| sight.is_private && matches!(sight.seen, Seen::Anothers(_));
        judged.class == Class::Stale || judged.sights.iter().any(sees_anothers)
    };
    let wrong = judged.iter().filter(broken).map(|judged| {
        let process = judged.process;
        let name = Shown(&process.name).to_string();
        let is_stale = judged.class == Class::Stale;
        let what = if is_stale { "is not private" } else { "sees another user's instance" };
        format!("{} {name} of {} {what}", process.pid, record::user(process.uid))
    });
    let wrong: Vec<_> = wrong.collect();
    let unseen = judged.iter().filter(|judged| judged.class == Class::Unseen).count();
    let found = if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) };
    let about = format!("{} processes", judged.len() - unseen);
    vec![Check::new(Promise::Running, about, found)]
}

/// The sessions of all visitors.
pub fn sessions(
    host: &Host<'_>,
    judge: &mut Judge<'_>,
    visitors: &[Visitor<'_>],
    guests: &mut [Guest],
) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    for (index, visitor) in visitors.iter().enumerate() {
        let name = visitor.account.name.to_string();
        let Some((guest, mut others)) = apart(guests, index) else { continue };
        let table = match &guest.mounts {
            Ok(table) => table.clone(),
            Err(why) => {
                checks.push(Check::new(Promise::Opens, name, Err(why.clone())));
                continue;
            }
        };
        checks.push(Check::new(Promise::Opens, name.clone(), Ok(())));
        let sights = judge.sights(visitor.account.uid, &table).map_err(Failure::Unverifiable)?;
        for sight in sights.iter().filter(|sight| !sight.is_private) {
            let about = format!("{name} {}", sight.polydir);
            checks.push(Check::new(Promise::Exempt, about, as_planned(sight)));
        }
        for (decision, work) in visitor.plan.work() {
            let polydir = &decision.polydir;
            let about = format!("{name} {polydir}");
            let sight = sights.iter().find(|sight| sight.polydir == *polydir);
            let found = sight.map_or_else(|| Err("no rule".to_owned()), as_planned);
            checks.push(Check::new(Promise::OwnInstance, about.clone(), found));
            let look = Look { host, visitor, polydir, work, about, table: &table };
            checks.extend(look.checks(guest, &mut others));
        }
    }
    checks.push(Check::new(Promise::NoMountOutside, String::new(), no_mount_outside(host)?));
    Ok(checks)
}

/// One guest, and the others.
fn apart(guests: &mut [Guest], index: usize) -> Option<(&mut Guest, Vec<&mut Guest>)> {
    let (before, rest) = guests.split_at_mut_checked(index)?;
    let (guest, after) = rest.split_first_mut()?;
    Some((guest, before.iter_mut().chain(after).filter(|other| other.mounts.is_ok()).collect()))
}

fn as_planned(sight: &Sight) -> Result<(), String> {
    if sight.is_as_planned() {
        return Ok(());
    }
    let at =
        |at: &Location| format!("{} of the file system {}", shown(&at.path), shown(&at.device));
    Err(match &sight.seen {
        Seen::Own(found) => format!("it sees an instance, {}", at(found)),
        Seen::Hosts => "it sees the host's".to_owned(),
        Seen::Anothers(found) => format!("it sees another's instance, {}", at(found)),
        Seen::Other(found) => format!("it sees {}", at(found)),
        Seen::Nothing => "it sees nothing there".to_owned(),
    })
}

fn no_mount_outside(host: &Host<'_>) -> Result<Result<(), String>, Failure> {
    let now = stage::mounts()?;
    let is_new = |mount: &&crate::sessions::table::Mount| !host.before.mounts().contains(mount);
    let new: Vec<_> = now.mounts().iter().filter(is_new).map(|m| shown(&m.target)).collect();
    Ok(if new.is_empty() { Ok(()) } else { Err(format!("new on {}", new.join(", "))) })
}
