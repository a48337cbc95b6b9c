//! What a process sees in place of the polydirs, and how it stands by that.

use rtmp_core::path::AbsPath;

use super::table::Location;

/// How a process stands to the configuration: with several polydirs, the last of these that holds
/// for one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Root's, or a user's whom every rule exempts; it sees the host's polydirs.
    Exempt,
    /// It sees the user's own instance in place of each polydir that is private.
    Private,
    /// An exempt user's process inside somebody else's session: sshd's or login's own, or sudo.
    Inside,
    /// A system account's that no rule exempts, on the host's: a service, which never logged in.
    Service,
    /// It sees something else: another user's instance, systemd's PrivateTmp=, a container's.
    Foreign,
    /// A user's that no rule exempts, on the host's: it began before the module was called, or came
    /// through a PAM service that does not call it.
    Stale,
    /// It could not be looked into, or the user could not be looked up.
    Unseen,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Private,
        Self::Exempt,
        Self::Inside,
        Self::Service,
        Self::Stale,
        Self::Foreign,
        Self::Unseen,
    ];

    /// For text and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Exempt => "exempt",
            Self::Inside => "inside",
            Self::Service => "service",
            Self::Stale => "stale",
            Self::Foreign => "foreign",
            Self::Unseen => "unseen",
        }
    }
}

/// What a process sees in place of one polydir.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The polydir.
    pub polydir: AbsPath,
    /// Whether the user is to have an instance there.
    pub is_private: bool,
    /// What is there.
    pub seen: Seen,
}

/// What is in place of a polydir.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The user's own instance.
    Own(Location),
    /// The host's polydir.
    Hosts,
    /// An instance that is not this user's.
    Anothers(Location),
    /// Something else.
    Other(Location),
    /// There is no such directory in what it sees: it called chroot(2).
    Nothing,
}

impl Sight {
    /// Whether it is what the plan says.
    pub fn is_as_planned(&self) -> bool {
        matches!((self.is_private, &self.seen), (true, Seen::Own(_)) | (false, Seen::Hosts))
    }

    /// How a process stands that sees it.
    pub fn class(&self) -> Class {
        match (self.is_private, &self.seen) {
            (true, Seen::Own(_)) => Class::Private,
            (false, Seen::Hosts) => Class::Exempt,
            (false, Seen::Anothers(_)) => Class::Inside,
            (true, Seen::Hosts) => Class::Stale,
            (_, Seen::Own(_) | Seen::Anothers(_) | Seen::Other(_) | Seen::Nothing) => {
                Class::Foreign
            }
        }
    }
}
