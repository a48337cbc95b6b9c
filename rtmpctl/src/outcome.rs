//! How a command ends: a text and a status, or the reason why there is neither.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use nix::errno::Errno;
use rtmp_core::accounts::Unanswered;
use rtmp_core::conf::SourcesError;

use crate::privatetmp::change::Undone;
use crate::privatetmp::systemctl::Unwilling;
use crate::view::Unstarted;

/// What a command found out.
#[derive(Debug)]
pub struct Outcome {
    /// For standard output.
    pub text: Vec<u8>,
    /// For the exit code.
    pub status: Status,
}

/// The exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing is wrong.
    Clean,
    /// Something could not be read or looked at.
    CouldNotTell,
    /// Something is wrong, or the login is refused.
    Findings,
    /// The command line makes no sense: `EX_USAGE` (sysexits.h).
    Usage,
    /// A command that was to be started elsewhere was not, for a reason that is not its own.
    Unstarted,
    /// It is there and cannot be run.
    NoCommand,
    /// It is not there.
    NoSuchCommand,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Clean => 0,
            Status::CouldNotTell => 1,
            Status::Findings => 2,
            Status::Usage => 64,
            Status::Unstarted => 125,
            Status::NoCommand => 126,
            Status::NoSuchCommand => 127,
        })
    }
}

/// Why a command has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A configuration file.
    #[error("{0}")]
    Sources(#[from] SourcesError),
    /// `--root`.
    #[error("unable to open the root directory {}: {}", .0.display(), .1.desc())]
    Root(PathBuf, Errno),
    /// A file below the root directory.
    #[error("unable to read {}: {}", .0.display(), reason(.1))]
    Read(PathBuf, io::Error),
    /// The name service, or `etc/passwd` below `--root`.
    #[error("unable to look up user \"{0}\": {1}")]
    Unanswered(String, Unanswered),
    /// systemd.
    #[error("{0}")]
    Systemd(Unwilling),
    /// A change of units.
    #[error("{0}")]
    Units(Undone),
    /// The system log.
    #[error("unable to record this in the system log: {0}; nothing was done")]
    Record(String),
    /// A command that was to be started elsewhere.
    #[error("{0}")]
    Unstarted(Box<Unstarted>),
    /// Something that only root may do.
    #[error("unable to {0}: only root may do that")]
    NotRoot(&'static str),
    /// The place for sessions that nobody works in.
    #[error("unable to {0}: {desc} ({1:?})", desc = .1.desc())]
    Stage(&'static str, Errno),
    /// Sessions that cannot be looked at.
    #[error("unable to verify: {0}")]
    Unverifiable(String),
    /// Somebody who cannot log in, for want of a name.
    #[error("{0}")]
    NoUser(String),
    /// Something that changes the system, or tries how it would be changed.
    #[error("unable to {0}: {reason}", reason = reason(.1))]
    Act(String, io::Error),
    /// Standard output.
    #[error("unable to print: {}", reason(.0))]
    Print(io::Error),
}

impl From<Unstarted> for Failure {
    fn from(why: Unstarted) -> Self {
        Self::Unstarted(Box::new(why))
    }
}

impl Failure {
    /// For the exit code.
    pub fn status(&self) -> Status {
        if let Self::Unstarted(why) = self { why.status() } else { Status::CouldNotTell }
    }

    /// Whether the module fails at it, too: it refuses every login then, which is an answer. What
    /// only this user may not read is none.
    pub fn is_the_module_s(&self) -> bool {
        matches!(self, Self::Sources(fault) if fault.error.kind() != io::ErrorKind::PermissionDenied)
    }
}

/// The kernel's words and its number's name, as the module writes them.
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(errno) => in_words(errno),
        None => error.to_string(),
    }
}

/// The same for a system call's error.
pub fn in_words(errno: Errno) -> String {
    format!("{} ({errno:?})", errno.desc())
}
