//! What is promised, and how it fared.

/// What is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Processes that run see what the rules say.
    Running,
    /// A session opens.
    Opens,
    /// It sees the user's own instance in place of the polydir.
    OwnInstance,
    /// Its polydir has the owner and mode that it had.
    OwnerAndMode,
    /// No flag of the polydir's mount is lost, and those of the rule are set.
    Flags,
    /// Its polydir has the SELinux context that it had.
    Label,
    /// What one user writes there, another does not see.
    UnseenByOther,
    /// Nor is it in the host's polydir.
    UnseenOnHost,
    /// It is in the instance.
    KeptInInstance,
    /// Another user, who has no session, cannot reach it there.
    Unreachable,
    /// The instance parent is root's and closed to others, and so is the box of its user.
    ParentAndBox,
    /// A user whom the rules exempt stays on the host's.
    Exempt,
    /// Nothing that a session mounts is seen outside of it.
    NoMountOutside,
    /// All that was made for this is gone again.
    NothingLeft,
}

impl Promise {
    /// For JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Opens => "opens",
            Self::OwnInstance => "own-instance",
            Self::OwnerAndMode => "owner-and-mode",
            Self::Flags => "flags",
            Self::Label => "label",
            Self::UnseenByOther => "unseen-by-other",
            Self::UnseenOnHost => "unseen-on-host",
            Self::KeptInInstance => "kept-in-instance",
            Self::Unreachable => "unreachable",
            Self::ParentAndBox => "parent-and-box",
            Self::Exempt => "exempt",
            Self::NoMountOutside => "no-mount-outside",
            Self::NothingLeft => "nothing-left",
        }
    }

    /// For text.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Running => "processes that run see what the rules say",
            Self::Opens => "a session opens",
            Self::OwnInstance => "it sees the user's own instance",
            Self::OwnerAndMode => "owner and mode are the polydir's",
            Self::Flags => "the mount has the polydir's flags and the rule's",
            Self::Label => "the SELinux context is the polydir's",
            Self::UnseenByOther => "another session does not see what is written",
            Self::UnseenOnHost => "the host's polydir does not have it",
            Self::KeptInInstance => "the instance has it",
            Self::Unreachable => "another user cannot reach it there",
            Self::ParentAndBox => "the instance parent and the box are closed",
            Self::Exempt => "an exempt user stays on the host's",
            Self::NoMountOutside => "no mount is seen outside of the sessions",
            Self::NothingLeft => "nothing is left behind",
        }
    }
}

/// How a promise fared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// PASS.
    Kept,
    /// FAIL: what was found.
    Broken(String),
    /// There is nothing to look at: why.
    Skipped(String),
}

/// One promise, looked at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Which.
    pub promise: Promise,
    /// Of what: `alice /tmp`.
    pub about: String,
    /// How it fared.
    pub verdict: Verdict,
}

impl Check {
    /// Kept, or broken.
    pub fn new(promise: Promise, about: String, found: Result<(), String>) -> Self {
        let verdict = found.map_or_else(Verdict::Broken, |()| Verdict::Kept);
        Self { promise, about, verdict }
    }

    /// Not looked at.
    pub fn skipped(promise: Promise, about: String, why: impl Into<String>) -> Self {
        Self { promise, about, verdict: Verdict::Skipped(why.into()) }
    }
}
