//! What `clean` is to remove.

use std::ffi::{CStr, CString};

use rtmp_core::accounts::Account;
use rtmp_core::path::AbsPath;
use rtmp_core::session::stock::Stock;

use crate::cli::CleanArgs;
use crate::instances::{self, Instance, Owner, State, size};
use crate::list::{ago, now};
use crate::sessions::Sessions;
use crate::sessions::table::rest_of;

/// What an interrupted login left behind is younger than this while the login may still go on, and
/// what one moved aside may still be missed by somebody: seconds.
const DRAFT_AGE: i64 = 86_400;

/// What is removed as a whole: a name in an instance parent. Of a template that is the user's box,
/// with the instances in it.
#[derive(Debug)]
pub struct Unit {
    /// The instance parent.
    pub parent: AbsPath,
    /// The name.
    pub name: CString,
    /// Whose it is.
    pub owner: Owner,
    /// How it stands.
    pub state: State,
    /// When something in it was last read, written or changed, in seconds since 1970.
    pub used: i64,
    /// Why it is not removed although it was asked for.
    pub kept: Option<String>,
}

impl Unit {
    /// Its path.
    pub fn path(&self) -> Vec<u8> {
        let parent = if self.parent.is_root() { &b""[..] } else { self.parent.as_bytes() };
        [parent, b"/", self.name.to_bytes()].concat()
    }

    /// `remove /tmp/user_tmpl/1777: orphan, uid 1777, last used 61d ago`.
    pub fn sentence(&self, verb: &str) -> String {
        let whose = match (self.owner.name(), self.owner.uid()) {
            (Some(name), Some(uid)) => format!(", {} (uid {uid})", instances::shown(name)),
            (Some(name), None) => format!(", {}", instances::shown(name)),
            (None, Some(uid)) => format!(", uid {uid}"),
            (None, None) => String::new(),
        };
        let (path, state) = (instances::shown(&self.path()), self.state.word());
        format!("{verb} {path}: {state}{whose}, last used {} ago", ago(now() - self.used))
    }
}

/// The units that every condition holds for. Without a condition, drafts alone.
pub fn choose(
    found: &[Instance],
    sessions: &Sessions,
    asked: &CleanArgs,
    passed_over: &mut Vec<String>,
) -> Vec<Unit> {
    let is_same = |a: &Instance, b: &Instance| a.parent == b.parent && a.unit == b.unit;
    let mut units = Vec::new();
    for parts in found.chunk_by(is_same) {
        let Some(first) = parts.first() else { continue };
        let state = state(parts);
        let is_asked = match state {
            State::Draft => asked.user.is_none(),
            State::Active | State::Idle | State::Orphan | State::Unknown => {
                (asked.orphans || asked.age.is_some() || asked.user.is_some())
                    && (!asked.orphans || state == State::Orphan)
                    && asked.user.as_ref().is_none_or(|user| instances::is_of(&first.owner, user))
            }
        };
        if !is_asked {
            continue;
        }
        let used = parts.iter().map(|part| part.used).max().unwrap_or_default();
        let (parent, name) = (first.parent.clone(), first.unit.clone());
        let mut unit = Unit { parent, name, owner: first.owner.clone(), state, used, kept: None };
        let least = if state == State::Draft { Some(DRAFT_AGE) } else { asked.age };
        match last_use(&unit, least) {
            Ok(Some(used)) => unit.used = used,
            // Too young, as far as the age counts.
            Ok(None) => continue,
            Err(why) => {
                let path = instances::shown(&unit.path());
                passed_over.push(format!("unable to look into {path}: {why}"));
                continue;
            }
        }
        let beside = parts.iter().find_map(|part| part.beside.as_deref());
        unit.kept = why_kept(&unit, beside, sessions);
        units.push(unit);
    }
    units
}

/// Active if a part of it is.
fn state(parts: &[Instance]) -> State {
    let mut states = parts.iter().map(Instance::state);
    let first = states.next().unwrap_or(State::Unknown);
    states.fold(first, |all, state| match (all, state) {
        (State::Active, _) | (_, State::Active) => State::Active,
        (State::Unknown, _) | (_, State::Unknown) => State::Unknown,
        (all, _) => all,
    })
}

/// When something in it was last used; `None`: less than so many seconds ago. The whole of it is
/// only looked at where the top alone is old enough.
fn last_use(unit: &Unit, least: Option<i64>) -> Result<Option<i64>, rtmp_core::session::Why> {
    let Some(least) = least else { return Ok(Some(unit.used)) };
    let latest = now() - least;
    if unit.used > latest {
        return Ok(None);
    }
    let stock = Stock::open(&unit.parent)?;
    let top = stock.open_in(stock.parent(), &unit.name)?;
    let used = size::below(&stock, top, &mut |_| ())?.used.max(unit.used);
    Ok((used <= latest).then_some(used))
}

fn why_kept(unit: &Unit, beside: Option<&CStr>, sessions: &Sessions) -> Option<String> {
    match unit.state {
        State::Active => return Some("a process is in it".to_owned()),
        State::Unknown => return Some("whether a process is in it cannot be seen".to_owned()),
        State::Idle | State::Orphan | State::Draft => {}
    }
    if let Some(beside) = beside {
        let beside = instances::shown(beside.to_bytes());
        return Some(format!("{beside} in it is no instance; look at it and remove it by hand"));
    }
    let path = unit.path();
    let holds = |place: &[u8]| rest_of(place, &path).is_some();
    if let Some(uid) = unit.owner.uid() {
        // A template may put a box, or with flat the instance, where homes are.
        match Account::of_uid(uid) {
            Ok(Some(account)) if holds(&account.home) => {
                return Some("a home directory is in it".to_owned());
            }
            _ => {}
        }
    }
    let mut targets = sessions.host()?.mounts().iter().map(|mount| &mount.target);
    let inside = targets.find(|target| holds(target))?;
    Some(format!("something is mounted on {}", instances::shown(inside)))
}
