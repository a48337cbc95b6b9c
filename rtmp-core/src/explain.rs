//! A plan as sentences.

use std::fmt;

use crate::init::Preparation;
use crate::instance_name::Naming;
use crate::path::{AbsPath, Shown};
use crate::plan::{Decision, Place, Plan, Verdict, Why, Within, Work};

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
        let Self { rule, polydir, uncover, verdict } = self;
        match verdict {
            Verdict::Exempt(why) => write!(f, "{polydir} stays: {why}")?,
            Verdict::Private(work) => {
                write!(f, "{polydir} is {work}")?;
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
                match &work.init {
                    Preparation::Script(path) => write!(f, ", prepared by {path}")?,
                    Preparation::Skeleton { .. } => {
                        f.write_str(", a new one filled from /etc/skel")?
                    }
                    Preparation::None | Preparation::NotExecutable(_) => {}
                }
            }
        }
        if let Some(uncover) = uncover {
            write!(f, ", after {uncover} was uncovered")?;
        }
        write!(f, " ({}:{})", rule.file.display(), rule.line)
    }
}

/// Where the instance is. Of a context that only opening can know, what is known before.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place::Directory { parent, within, .. } = &self.place else {
            return f.write_str("a new tmpfs for this session");
        };
        let parent = Below(parent);
        match within {
            Within::Named(Naming::Known(name)) => write!(f, "{parent}{name}"),
            Within::Named(Naming::WithContext(hole)) => {
                write!(f, "{parent}")?;
                hole.show(&self.label, f)
            }
            Within::Boxed { user_box, name: None } => write!(f, "{parent}{user_box}"),
            Within::Boxed { user_box, name: Some(Naming::Known(inner)) } => {
                write!(f, "{parent}{user_box}/{}", inner.name)
            }
            Within::Boxed { user_box, name: Some(Naming::WithContext(hole)) } => {
                write!(f, "{parent}{user_box}/")?;
                hole.show(&self.label, f)
            }
            Within::Temporary(prefix) => {
                let prefix = Shown(prefix.to_bytes());
                write!(f, "{parent}{prefix}XXXXXX, a new directory for this session")
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
            Self::UnmountOnly => f.write_str("unmnt_only"),
            Self::SharedWithoutSelinux => {
                f.write_str("shared, and SELinux is disabled, so there is no context to share by")
            }
        }
    }
}
