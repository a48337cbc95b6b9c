//! How a directory that a rule needs stands on disk, and what a login would make of it.

use std::fmt;

use nix::errno::Errno;

use crate::tree::Look;

/// What a login would find, and do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is as it should be.
    Fine(Look),
    /// It is not there, and is made.
    Missing,
    /// It is not ours, and is moved aside: why.
    Squat(String),
    /// The login is refused: why.
    Refused(String),
    /// It cannot be looked at.
    Unseen(Errno),
}

impl Standing {
    /// For JSON: one word.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Fine(_) => "exists",
            Self::Missing => "missing",
            Self::Squat(_) => "squat",
            Self::Refused(_) => "refused",
            Self::Unseen(_) => "unknown",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fine(look) => {
                write!(f, "exists, owner {}, mode {:04o}", look.uid, look.permissions())
            }
            Self::Missing => f.write_str("will be made"),
            Self::Squat(why) => write!(f, "{why}; it will be moved aside"),
            Self::Refused(why) => write!(f, "{why}; the login is refused"),
            Self::Unseen(errno) => write!(f, "could not look: {}", errno.desc().to_lowercase()),
        }
    }
}
