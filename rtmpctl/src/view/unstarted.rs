//! Why a command was not started in another view.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use rtmp_core::path::{Name, Shown};

use crate::outcome::{Failure, Status, in_words, reason};

/// Why the command was not started.
#[derive(Debug, thiserror::Error)]
pub enum Unstarted {
    /// Not root.
    #[error("only root can look from another mount namespace: it needs CAP_SYS_ADMIN")]
    NotRoot,
    /// The process is not there, or its namespace is out of reach.
    #[error("unable to open the mount namespace of process {0}: {why}", why = in_words(*.1))]
    Pin(i32, Errno),
    /// Its owner is somebody else.
    #[error(
        "unable to enter the mount namespace of process {0}: it belongs to another user namespace, \
         so a program there may be anybody's"
    )]
    Foreign(i32),
    /// The kernel refuses.
    #[error(
        "unable to enter the mount namespace of process {0}: {why}; it needs CAP_SYS_ADMIN \
         and CAP_SYS_CHROOT",
        why = in_words(*.1)
    )]
    Enter(i32, Errno),
    /// It is not what it was when it was looked at from outside.
    #[error("unable to enter the mount namespace of process {0}: it is not the same any more")]
    Elsewhere(i32),
    /// Nobody has this name.
    #[error("there is no user \"{}\"", Shown(.0.as_bytes()))]
    NoSuchUser(OsString),
    /// Nobody has this number.
    #[error("there is no user of number {0} to run it as")]
    NoUser(u32),
    /// The name service.
    #[error("unable to look up user {0}: {why}", why = in_words(*.1))]
    Lookup(u32, Errno),
    /// The module refuses this user, so there is no telling what is theirs.
    #[error("unable to tell what the view of {0} is: {1}")]
    NoPlan(Name, String),
    /// No process shows the view.
    #[error(
        "nobody is in a private session of {0} now; `su - {0}` opens one, \
         `rtmpctl explain {0}` says where its directories are"
    )]
    NoSession(Name),
    /// The user cannot be become.
    #[error("unable to become {}: {}", Shown(name.as_bytes()), in_words(*why))]
    Become { name: OsString, why: Errno },
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
