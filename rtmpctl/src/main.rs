//! `rtmpctl`: what `pam_rtmp.so` would do, said and not done.
//!
//! ```text
//!  namespace.conf ──conf──▶ Rules ──plan──▶ Plan ──explain──▶ text
//!                             │  └──normal──▶ show
//!                             └──lints──▶ findings ──▶ check
//! ```
//!
//! It is the module's library, stopped one arrow before the session: nothing is mounted, made or
//! changed, but for the PAM files that `enable` and `disable` write. A command looks, and returns its
//! [`Outcome`]; only this file prints.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod check;
mod clean;
mod cli;
mod diagnostic;
mod doctor;
mod explain;
mod ground;
mod host;
mod instances;
mod json;
#[allow(unsafe_code)]
mod libpam;
mod lints;
mod list;
mod manual;
mod normal;
mod outcome;
mod paint;
mod pamd;
mod people;
mod privatetmp;
mod record;
mod report;
mod service;
mod sessions;
mod show;
mod stacks;
mod standing;
mod status;
mod switch;
mod table;
mod tree;
mod verify;
mod view;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use outcome::{Failure, Outcome, Status};
use paint::Paint;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(asked) => return usage(&asked),
    };
    match run(cli).and_then(print) {
        Ok(status) => status.into(),
        Err(failure) => {
            eprintln!("rtmpctl: {failure}");
            failure.status().into()
        }
    }
}

fn run(cli: Cli) -> Result<Outcome, Failure> {
    let paint = Paint::for_stdout();
    match cli.command {
        Command::Check(asked) => check::run(&asked, paint),
        Command::Explain(asked) => explain::run(&asked, paint),
        Command::Show(asked) => show::run(&asked, paint),
        Command::List(asked) => list::run(&asked, paint),
        Command::Clean(asked) => clean::run(&asked, paint),
        Command::Du(asked) => list::du(&asked, paint),
        Command::Verify(asked) => verify::run(&asked, paint),
        Command::VerifyProbe(asked) => verify::probe::run(&asked),
        Command::Status(asked) => status::run(&asked, paint),
        Command::Enter(asked) => match view::enter(&asked)? {},
        Command::Exec(asked) => match view::exec(&asked)? {},
        Command::Host(asked) => match view::host(&asked)? {},
        Command::Privatetmp(asked) => privatetmp::run(&asked, paint),
        Command::Enable(asked) => switch::enable(&asked, paint),
        Command::Disable(asked) => switch::disable(&asked, paint),
        Command::Doctor(asked) => doctor::run(&asked, paint),
        Command::Completions { shell } => Ok(manual::completions(shell)),
        Command::Man => manual::page(),
    }
}

/// A reader that has seen enough and gone, `head` say, changes nothing about the answer.
fn print(outcome: Outcome) -> Result<Status, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(&outcome.text).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::Print(error)),
        _ => Ok(outcome.status),
    }
}

/// `--help` and `--version` come this way too, and are no mistake.
fn usage(asked: &clap::Error) -> ExitCode {
    let status = if asked.use_stderr() { Status::Usage } else { Status::Clean };
    match asked.print() {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Status::CouldNotTell.into(),
        _ => status.into(),
    }
}
