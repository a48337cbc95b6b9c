//! `rtmpctl verify`: real sessions, and whether each promise is kept in them.
//!
//! ```text
//!  plan ──▶ Guest, Guest ──▶ Look ──▶ Check, Check, ... ──▶ nothing is left
//!           two sessions that    what each sees, what
//!           nobody works in      the host shows
//! ```
//!
//! The sessions are opened by processes of their own ([`probe`]), from a copy of the host's mount
//! table: what the module might mount where it should not stays in that copy.

mod check;
mod guest;
mod look;
mod print;
pub mod probe;
mod promise;
mod stage;
mod traces;

use rtmp_core::accounts::Account;
use rtmp_core::conf::{Rules, Sources};
use rtmp_core::options::{Options, Unmount};
use rtmp_core::plan::Plan;

use crate::cli::VerifyArgs;
use crate::host;
use crate::outcome::{Failure, Outcome, Status};
use crate::paint::Paint;
use crate::people::People;
use crate::service::{self, Service};
use crate::sessions::Sessions;
use crate::sessions::judge::Judge;
use crate::tree::Tree;
use check::Host;
use guest::Guest;
use promise::{Check, Promise, Verdict};
use stage::Stage;
use traces::Traces;

/// A user whose session is opened, and what it is to be.
pub struct Visitor<'t> {
    account: Account,
    plan: Plan<'t>,
}

/// Looks at what runs, then opens sessions and looks at them, then takes everything away again.
pub fn run(asked: &VerifyArgs, paint: Paint) -> Result<Outcome, Failure> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Failure::NotRoot("open sessions"));
    }
    host::step_out();
    let tree = Tree::open(None)?;
    let (people, sources, services) = (People::of(&tree), tree.sources(&[])?, service::all(&tree)?);
    let sessions = Sessions::look()?;
    let mut judge = Judge::new(&tree, &people, &sources, &services, &sessions);
    let mut checks = check::running(&judge.all());
    let options = options(&tree, asked, &services)?;
    let visitors = visitors(asked, &sources, &people, &options)?;
    for visitor in &visitors {
        judge.expected(visitor.account.uid);
    }
    let traces = Traces::before(&tree, &visitors);
    let stage = Stage::set(asked.service.as_deref(), &services)?;
    let mut guests = Vec::new();
    for visitor in &visitors {
        guests.push(Guest::invite(&stage, visitor)?);
    }
    let host = Host { tree: &tree, before: stage.mounts.clone() };
    checks.extend(check::sessions(&host, &mut judge, &visitors, &mut guests)?);
    for guest in guests {
        guest.leave()?;
    }
    checks.push(Check::new(Promise::NothingLeft, String::new(), traces.remove()));
    let status = match () {
        () if checks.iter().any(|check| matches!(check.verdict, Verdict::Broken(_))) => {
            Status::Findings
        }
        () if !checks.iter().any(|check| check.verdict == Verdict::Kept) => Status::CouldNotTell,
        () => Status::Clean,
    };
    let text = match asked.json {
        true => print::to_json(&visitors, &checks),
        false => print::to_text(&stage, &visitors, &checks, paint).into_bytes(),
    };
    Ok(Outcome { text, status })
}

/// The options that the stack gives the module.
fn options(tree: &Tree, asked: &VerifyArgs, services: &[Service]) -> Result<Options, Failure> {
    let named = asked.service.as_ref().map(|name| Service::read(tree, name)).transpose()?;
    let mut calls = named.iter().chain(services).flat_map(Service::our_calls);
    // Nobody asks for these sessions, so there is nobody whose instances would be in the way.
    let options = calls.next().map(|call| call.options()).unwrap_or_default();
    Ok(Options { unmount: Unmount::Never, ..options })
}

/// The users that are named; two of them at least, the first that have something private.
fn visitors<'t>(
    asked: &VerifyArgs,
    sources: &'t Sources,
    people: &People<'_>,
    options: &Options,
) -> Result<Vec<Visitor<'t>>, Failure> {
    let plan = |account: Account| -> Result<Visitor<'t>, Failure> {
        let plan = Plan::new(Rules::parse(sources), account.clone(), None, options, people);
        let plan = plan.map_err(|refusal| Failure::Unverifiable(refusal.to_string()))?;
        Ok(Visitor { account, plan })
    };
    let mut visitors = Vec::new();
    for user in &asked.users {
        let account = people.account(user)?.map_err(Failure::Unverifiable)?;
        visitors.push(plan(account)?);
    }
    let has_work = |visitor: &&Visitor<'_>| visitor.plan.work().next().is_some();
    let mut missing = 2_usize.saturating_sub(visitors.iter().filter(has_work).count());
    for user in people.users() {
        /// `UID_MIN` and `UID_MAX` as login.defs(5) comes: people.
        const PEOPLE: std::ops::RangeInclusive<u32> = 1000..=60_000;
        let is_there = visitors.iter().any(|visitor| visitor.account.uid == user.uid);
        if missing == 0 || is_there || !PEOPLE.contains(&user.uid) {
            continue;
        }
        use std::os::unix::ffi::OsStrExt;
        let Ok(account) = people.account(std::ffi::OsStr::from_bytes(&user.name))? else {
            continue;
        };
        let visitor = plan(account)?;
        if has_work(&&visitor) {
            visitors.push(visitor);
            missing -= 1;
        }
    }
    match missing {
        0 => Ok(visitors),
        _ => Err(Failure::Unverifiable(
            "it takes two users whom the rules do not exempt; name them, or make one".to_owned(),
        )),
    }
}
