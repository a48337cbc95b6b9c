//! `rtmpctl enter`, `exec` and `host`: a command in another mount namespace.
//!
//! ```text
//!  whose ──subject──▶ Namespace ──enter──▶ Inside ──prove──▶ record ──▶ the command, in our place
//!                     held by a            it is the one
//!                     descriptor
//! ```
//!
//! The command takes this process's place, so that its standard streams, terminal, signals and exit
//! status are its own.

mod namespace;
mod person;
mod start;
mod subject;
mod unstarted;

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::geteuid;

use crate::cli::{EnterArgs, ExecArgs, HostArgs};
use crate::record::{self, Record};
use person::Person;
use start::Start;
use subject::Subject;
pub use unstarted::Unstarted;

/// Runs a command in the mount namespace of process 1. Returns if it cannot be run.
pub fn host(asked: &HostArgs) -> Result<Infallible, Unstarted> {
    need_root()?;
    let mut record = Record::open()?;
    let start = Start::here();
    let inside = Subject::process(1)?.enter()?;
    start.again(&inside);
    record.write("host", &record::words(&asked.command))?;
    Err(run(&asked.command, None))
}

/// Puts this process into the mount namespace of process 1.
pub fn step_out() -> Result<(), Unstarted> {
    Subject::process(1)?.enter().map(drop)
}

/// Runs a shell in a user's view. Returns if it cannot be run.
pub fn enter(asked: &EnterArgs) -> Result<Infallible, Unstarted> {
    look_from("enter", &asked.user, asked.as_user, |person| {
        let own = || std::env::var_os("SHELL").filter(|shell| !shell.is_empty());
        let shell = person.map_or_else(own, |person| Some(person.shell.clone()));
        vec![shell.unwrap_or_else(|| "/bin/sh".into())]
    })
}

/// Runs a command in a user's or a process's view. Returns if it cannot be run.
pub fn exec(asked: &ExecArgs) -> Result<Infallible, Unstarted> {
    look_from("exec", &asked.whose, asked.as_user, |_| asked.command.clone())
}

fn look_from(
    act: &str,
    whose: &OsStr,
    as_user: bool,
    command: impl FnOnce(Option<&Person>) -> Vec<OsString>,
) -> Result<Infallible, Unstarted> {
    need_root()?;
    let mut record = Record::open()?;
    let start = Start::here();
    let subject = Subject::find(whose)?;
    let person = as_user.then(|| Person::find(subject.uid())).transpose()?;
    let inside = subject.enter()?;
    start.again(&inside);
    let command = command(person.as_ref());
    let (whom, pid) = (record::user(subject.uid()), inside.pid);
    let who = person.as_ref().map_or_else(|| "root".into(), |person| person.name.to_string_lossy());
    let words = record::words(&command);
    record.write(act, &format!("in the view of {whom}, of process {pid}, as {who}: {words}"))?;
    Err(run(&command, person.as_ref()))
}

fn need_root() -> Result<(), Unstarted> {
    if geteuid().is_root() { Ok(()) } else { Err(Unstarted::NotRoot) }
}

/// The command takes our place. `execvp(3)` looks for it from inside.
fn run(words: &[OsString], person: Option<&Person>) -> Unstarted {
    let program = words.first().cloned().unwrap_or_default();
    let mut command = Command::new(&program);
    command.args(words.iter().skip(1));
    if let Some(person) = person {
        if let Err(why) = person.take_over(&mut command) {
            return Unstarted::Become { name: person.name.clone(), why };
        }
    }
    Unstarted::Run(program, command.exec())
}
