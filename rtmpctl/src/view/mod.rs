//! `rtmpctl host`: a command in another mount namespace.
//!
//! ```text
//!  process ──▶ Namespace ──enter──▶ Inside ──record──▶ the command, in our place
//!              held by a             proved
//!              descriptor
//! ```
//!
//! The command takes this process's place, so that its standard streams, terminal, signals and exit
//! status are its own.

mod namespace;
mod start;

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use rtmp_core::path::Shown;

use crate::cli::HostArgs;
use crate::outcome::{Failure, Status, reason};
use crate::record::{self, Record};
use namespace::Namespace;
use start::Start;

/// Why the command was not started.
#[derive(Debug, thiserror::Error)]
pub enum Unstarted {
    /// Not root.
    #[error("only root can look from another mount namespace: it needs CAP_SYS_ADMIN")]
    NotRoot,
    /// The process is not there, or its namespace is out of reach.
    #[error("unable to open the mount namespace of process {0}: {desc} ({1:?})", desc = .1.desc())]
    Pin(i32, Errno),
    /// Its owner is somebody else.
    #[error(
        "unable to enter the mount namespace of process {0}: it belongs to another user namespace, \
         so what stands at a path there may be anybody's"
    )]
    Foreign(i32),
    /// The kernel refuses.
    #[error(
        "unable to enter the mount namespace of process {0}: {desc} ({1:?}); it needs CAP_SYS_ADMIN \
         and CAP_SYS_CHROOT",
        desc = .1.desc()
    )]
    Enter(i32, Errno),
    /// `/proc` says that this process is somewhere else.
    #[error("unable to enter the mount namespace of process {0}: this is another one")]
    Elsewhere(i32),
    /// What other commands fail with as well.
    #[error("{0}")]
    Other(#[from] Failure),
    /// The command itself.
    #[error("unable to run {}: {}", Shown(.0.as_bytes()), reason(.1))]
    Run(OsString, io::Error),
}

impl Unstarted {
    /// As `env(1)` and `nsenter(1)` have it, so that it is told apart from the command's own.
    pub fn status(&self) -> Status {
        let Self::Run(_, error) = self else { return Status::Unstarted };
        let is_missing = error.kind() == io::ErrorKind::NotFound;
        if is_missing { Status::NoSuchCommand } else { Status::NoCommand }
    }
}

/// Runs a command in the mount namespace of process 1. Returns if it cannot be run.
pub fn host(asked: &HostArgs) -> Result<Infallible, Unstarted> {
    need_root()?;
    let mut record = Record::open()?;
    let start = Start::here();
    let inside = Namespace::of(1, &process(1)?)?.enter()?;
    start.again(&inside);
    record.write("host", &record::words(&asked.command))?;
    Err(run(&asked.command))
}

fn need_root() -> Result<(), Unstarted> {
    if geteuid().is_root() { Ok(()) } else { Err(Unstarted::NotRoot) }
}

/// A process's directory in `/proc`.
fn process(pid: i32) -> Result<OwnedFd, Unstarted> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(format!("/proc/{pid}").as_str(), flags, Mode::empty())
        .map_err(|errno| Unstarted::Pin(pid, errno))
}

/// The command takes our place. `execvp(3)` looks for it from inside.
fn run(command: &[OsString]) -> Unstarted {
    let program = command.first().cloned().unwrap_or_default();
    let error = Command::new(&program).args(command.iter().skip(1)).exec();
    Unstarted::Run(program, error)
}
