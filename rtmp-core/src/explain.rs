//! A plan as sentences.

use std::fmt;

use crate::path::AbsPath;
use crate::plan::{Decision, Place, Plan, Preparation, Verdict, Why};

impl fmt::Display for Plan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.ignored {
            writeln!(f, "ignored: {fault}")?;
        }
        self.decisions.iter().try_for_each(|decision| writeln!(f, "{decision}"))
    }
}

impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, polydir, verdict } = self;
        match verdict {
            Verdict::Exempt(why) => write!(f, "{polydir} stays: {why}")?,
            Verdict::Private(work) => {
                write!(f, "{polydir} is {}", work.place)?;
                let flags = work.flags;
                for (set, name) in [
                    (flags.read_only, "ro"),
                    (flags.nosuid, "nosuid"),
                    (flags.nodev, "nodev"),
                    (flags.noexec, "noexec"),
                ] {
                    if set {
                        write!(f, ", {name}")?;
                    }
                }
                if let Preparation::Script(path) = &work.init {
                    write!(f, ", prepared by {path}")?;
                }
            }
        }
        write!(f, " ({}:{})", rule.file.display(), rule.line)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix { parent, name, .. } => write!(f, "{}{name}", Below(parent)),
            Self::Template { parent, user_box, name: None } => {
                write!(f, "{}{user_box}", Below(parent))
            }
            Self::Template { parent, user_box, name: Some(name) } => {
                write!(f, "{}{user_box}/{name}", Below(parent))
            }
        }
    }
}

/// A directory and the slash that parts it from a name in it.
struct Below<'a>(&'a AbsPath);

impl fmt::Display for Below<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0, if self.0.is_root() { "" } else { "/" })
    }
}

impl fmt::Display for Why<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed(entry) => write!(f, "exempt by \"{entry}\""),
            Self::NotListed => f.write_str("not in the list of those who get an instance"),
            Self::SharedWithoutSelinux => {
                f.write_str("shared, and SELinux is disabled, so there is no context to share by")
            }
        }
    }
}
