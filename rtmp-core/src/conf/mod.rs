//! What `namespace.conf(5)` says, before anybody logs in.
//!
//! [`Sources`] reads the files, [`Rules::parse`] turns their bytes into rules. Neither knows users,
//! so `$HOME`, `$USER` and `%{UID}` are still text here and names in a list are still names.

mod check;
mod list;
mod parse;
pub mod sources;
mod token;

use std::ffi::CString;
use std::fmt;
use std::path::Path;

use crate::path::{AbsPath, PathFault};

pub use list::{Entry, List};
pub use sources::{Source, Sources, SourcesError};
pub use token::{Word, Words};

/// Where a text stands: file, line and column, both counted from 1, the column in bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Origin<'t> {
    /// The file.
    pub file: &'t Path,
    /// Its line.
    pub line: usize,
    /// The byte in the line.
    pub column: usize,
}

impl Origin<'_> {
    /// The same line, another column.
    pub fn at(self, column: usize) -> Self {
        Self { column, ..self }
    }
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

impl fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A line that cannot be obeyed: what was found there and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct Fault<'t> {
    /// The place.
    pub origin: Origin<'t>,
    /// Found and expected, as one sentence.
    pub message: String,
}

/// Something that is obeyed, or passed over, as `pam_namespace` does, and is probably a mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark<'t> {
    /// The place.
    pub origin: Origin<'t>,
    /// What is odd about it, as one sentence.
    pub message: String,
}

/// All rules of all files, in order, and what was wrong with the rest.
#[derive(Debug, Default)]
pub struct Rules<'t> {
    /// The lines that can be obeyed.
    pub rules: Vec<Rule<'t>>,
    /// The lines that cannot.
    pub faults: Vec<Fault<'t>>,
    /// What is obeyed or passed over, but odd.
    pub remarks: Vec<Remark<'t>>,
}

/// One line of `namespace.conf`: a polydir, what stands in its place, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule<'t> {
    /// The line.
    pub origin: Origin<'t>,
    /// The polydir as written; may hold `$HOME` and `$USER`.
    pub polydir: Word<'t>,
    /// What stands in its place.
    pub backing: Backing<'t>,
    /// `create`: make the polydir where it does not exist.
    pub create: Option<Create<'t>>,
    /// `noinit` and `iscript=`.
    pub init: Init<'t>,
    /// Who keeps the real polydir.
    pub list: List<'t>,
}

/// What stands in a polydir's place, by the third field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backing<'t> {
    /// An instance named by joining the prefix and a name: `pam_namespace`'s layout.
    Prefix {
        /// The second field.
        prefix: Word<'t>,
        /// What tells two instances apart.
        key: Key,
        /// `mntopts=`, set on the mount.
        flags: BindFlags,
    },
    /// An instance in a box that a `%{UID}` template names.
    Template {
        /// The second field.
        template: Word<'t>,
        /// What tells two instances apart.
        key: Key,
        /// `flat`: the box itself is the instance.
        flat: bool,
        /// `mntopts=`, set on the mount.
        flags: BindFlags,
    },
    /// A new directory for each session, removed at its end.
    Tmpdir {
        /// The second field.
        prefix: Word<'t>,
        /// `mntopts=`, set on the mount.
        flags: BindFlags,
    },
    /// A new tmpfs for each session.
    Tmpfs {
        /// The second field, required and unused.
        prefix: Word<'t>,
        /// `mntopts=`.
        options: TmpfsOptions,
    },
}

impl<'t> Backing<'t> {
    /// What tells the instances apart; `None` where each session has its own.
    pub fn key(&self) -> Option<Key> {
        match self {
            Self::Prefix { key, .. } | Self::Template { key, .. } => Some(*key),
            Self::Tmpdir { .. } | Self::Tmpfs { .. } => None,
        }
    }

    /// The second field.
    pub fn prefix(&self) -> &Word<'t> {
        match self {
            Self::Prefix { prefix, .. }
            | Self::Tmpdir { prefix, .. }
            | Self::Tmpfs { prefix, .. } => prefix,
            Self::Template { template, .. } => template,
        }
    }
}

/// What tells the instances of one polydir apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The user.
    User,
    /// The SELinux context; without `shared` also the user.
    Context {
        /// `shared`: users of one context share an instance.
        shared: bool,
    },
    /// The SELinux level; without `shared` also the user.
    Level {
        /// `shared`: users of one level share an instance.
        shared: bool,
    },
}

/// Flags that `mntopts=` sets on a bind mount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BindFlags {
    /// `ro`
    pub read_only: bool,
    /// `nosuid`
    pub nosuid: bool,
    /// `nodev`
    pub nodev: bool,
    /// `noexec`
    pub noexec: bool,
}

/// `mntopts=` of a tmpfs: mount flags, and the rest, which goes to the kernel as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TmpfsOptions {
    /// `nosuid`, `nodev`, `noexec`.
    pub flags: BindFlags,
    /// `size=`, `mode=` and what else tmpfs(5) knows, separated by commas.
    pub data: CString,
}

/// `create[=mode[,owner[,group]]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Create<'t> {
    /// The mode; without it 0777 less the caller's umask.
    pub mode: Option<u32>,
    /// The owner's name; without it the session's user.
    pub owner: Option<Word<'t>>,
    /// The group's name; without it the owner's group.
    pub group: Option<Word<'t>>,
}

/// Which script prepares an instance after it was mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Init<'t> {
    /// `/etc/security/namespace.init`, if it is there.
    #[default]
    Default,
    /// `iscript=`: an absolute path, or a name in `/etc/security/namespace.d`.
    Script(Word<'t>),
    /// `noinit`: none.
    None,
}

/// A polydir is a directory below `/`. Binding over `/` itself would change nothing that a process
/// can see, so a rule for it could only promise what it does not keep.
pub fn polydir_path(text: &[u8]) -> Result<AbsPath, PathFault> {
    let path = AbsPath::new(text)?;
    if path.is_root() { Err(PathFault::Root) } else { Ok(path) }
}
