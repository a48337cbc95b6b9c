//! Why a session is refused: `unable to VERB OBJECT: REASON`.

use std::fmt;

use nix::errno::Errno;

use crate::path::{AbsPath, Name};

/// A session that was refused. The process is where it was, unless [`Error::aftermath`].
#[derive(Debug)]
pub struct Error<'p> {
    /// What could not be done.
    pub verb: &'static str,
    /// To what.
    pub object: Object<'p>,
    /// Why not.
    pub why: Why,
    /// Whether the process is where it was.
    pub aftermath: Aftermath,
}

/// Where a refusal leaves the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aftermath {
    /// In the namespace, root and working directory it came from.
    Unchanged,
    /// In `/`: root could not open the working directory it came from.
    AtRoot,
    /// In a private namespace: it could not be left.
    Stranded(Errno),
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object<'p> {
    /// A thing that has no path.
    Thing(&'static str),
    /// A directory of the configuration.
    Path(&'static str, &'p AbsPath),
    /// A name in a directory of the configuration.
    In(&'static str, &'p AbsPath, &'p Name),
    /// A name in a box.
    InBox(&'static str, &'p AbsPath, &'p Name, &'p Name),
}

/// A reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The kernel said so.
    Os(Errno),
    /// One of the calls that came with Linux 5.2 to 5.12 is missing or filtered. Never leaves
    /// [`super::open`], which then uses the older calls.
    CallMissing,
    /// A link in a place where links are not followed.
    Link,
    /// Something else that is not a directory.
    NotADirectory,
    /// A mount over a place that others can write.
    Mounted,
    /// Somebody else's directory, or one with a wrong mode.
    Wrong {
        /// What it must be.
        must: &'static str,
        /// Its owner.
        uid: u32,
        /// Its permissions.
        mode: u32,
    },
    /// Somebody keeps changing it.
    Contested,
    /// It is there and cannot be executed.
    NotExecutable,
    /// It was killed.
    Killed,
    /// What has to be done with its SELinux context is not allowed, or fails.
    Label(Errno),
    /// It would have to be labelled, and SELinux support was not built in.
    LabelUnsupported,
}

impl From<std::io::Error> for Why {
    fn from(error: std::io::Error) -> Self {
        Self::Os(Errno::from_raw(error.raw_os_error().unwrap_or(libc::EIO)))
    }
}

impl From<Errno> for Why {
    fn from(errno: Errno) -> Self {
        Self::Os(errno)
    }
}

impl fmt::Display for Error<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unable to {} {}: {}", self.verb, self.object, self.why)?;
        if let Some(hint) = self.hint() {
            write!(f, "; {hint}")?;
        }
        match self.aftermath {
            Aftermath::Unchanged => Ok(()),
            Aftermath::AtRoot => {
                f.write_str("; the working directory, which root cannot open, is / now")
            }
            Aftermath::Stranded(errno) => write!(
                f,
                "; and then unable to return to the host's mount namespace: {}",
                Why::Os(errno)
            ),
        }
    }
}

impl<'p> Error<'p> {
    /// A refusal, with the process where it was.
    #[cold]
    pub(super) fn new(verb: &'static str, object: Object<'p>, why: Why) -> Self {
        Self { verb, object, why, aftermath: Aftermath::Unchanged }
    }

    /// What helps, where the kernel's word alone misleads.
    fn hint(&self) -> Option<&'static str> {
        // Root is denied by nothing else, a file system of another host's apart.
        if let Why::Label(Errno::EACCES) | Why::Os(Errno::EACCES) = self.why {
            return Some("where SELinux is enabled, see ausearch -m avc");
        }
        let Why::Os(errno) = self.why else { return None };
        match (self.verb, errno) {
            ("unshare", Errno::EPERM) => Some("it needs CAP_SYS_ADMIN"),
            ("unshare", Errno::ENOSPC) => Some("see /proc/sys/user/max_mnt_namespaces"),
            ("unshare", Errno::ENOMEM) => Some("see /proc/sys/fs/mount-max"),
            ("mount an instance over" | "mount a tmpfs over", Errno::ENOSPC) => {
                Some("see /proc/sys/fs/mount-max")
            }
            ("mount a tmpfs over", Errno::EINVAL) => Some("tmpfs does not take these mntopts"),
            ("open", Errno::ENOENT) => match self.object {
                Object::Path("instance parent", _) => {
                    Some("only its last component is made; make the directory above it")
                }
                Object::Path("polydir", _) => Some("make it, or use the flag create"),
                Object::Thing(_) => Some("/proc must be mounted"),
                Object::Path(..) | Object::In(..) | Object::InBox(..) => None,
            },
            _ => None,
        }
    }
}

impl std::error::Error for Error<'_> {}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thing(thing) => f.write_str(thing),
            Self::Path(what, _) | Self::In(what, ..) | Self::InBox(what, ..) => {
                write!(f, "{what} {}", Place(self))
            }
        }
    }
}

/// Where an object is, without saying what it is.
pub struct Place<'a>(pub &'a Object<'a>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = |dir: &AbsPath| if dir.is_root() { String::new() } else { dir.to_string() };
        match self.0 {
            Object::Thing(thing) => f.write_str(thing),
            Object::Path(_, path) => write!(f, "{path}"),
            Object::In(_, dir, name) => write!(f, "{}/{name}", below(dir)),
            Object::InBox(_, dir, user_box, name) => {
                write!(f, "{}/{user_box}/{name}", below(dir))
            }
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os(errno) => write!(f, "{} ({errno:?})", errno.desc()),
            Self::CallMissing => f.write_str("the kernel lacks a system call"),
            Self::Link => f.write_str(
                "a symbolic link stands there; only root's links in directories that only root can write are followed",
            ),
            Self::NotADirectory => f.write_str("it is not a directory"),
            Self::Mounted => f.write_str(
                "something is mounted there, below a directory that others can write; put the instance parent in a directory that only root can write",
            ),
            Self::Wrong { must, uid, mode } => {
                write!(f, "it must {must}, but has owner {uid} and mode {:04o}", mode & 0o7777)
            }
            Self::Contested => f.write_str("somebody keeps changing it"),
            Self::NotExecutable => f.write_str("it is not executable"),
            Self::Killed => f.write_str("it was killed by a signal"),
            Self::Label(errno) => write!(f, "its SELinux context: {}", Self::Os(*errno)),
            Self::LabelUnsupported => f.write_str(
                "SELinux is enabled, and this build of pam_rtmp.so cannot label what it makes",
            ),
        }
    }
}
