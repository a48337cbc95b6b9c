//! SELinux: whether it is there, and the contexts of sessions and directories.
//!
//! Four questions: is it on; what context has this session; what context has this open directory,
//! and so what its instance is to have; and, as a verb, make this with that context. Only raw
//! contexts, which `mcstransd(8)` has not translated, are read, compared and put into names.

use std::ffi::{CStr, CString};
use std::fmt;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use crate::path::Shown;

#[cfg(feature = "selinux")]
#[allow(unsafe_code)]
mod libselinux;
#[cfg(not(feature = "selinux"))]
#[path = "without.rs"]
mod libselinux;

pub(crate) use libselinux::{
    FileContexts, creating_as, current, default_of, exec, relabel, unlabelled,
};
pub use libselinux::{SUPPORTED, context_of, state};

/// Whether the kernel runs with SELinux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selinux {
    /// No policy is loaded.
    Disabled,
    /// A policy is loaded, whether it enforces or not.
    Enabled,
}

/// A raw context: `user:role:type`, with MLS or MCS followed by `:range`.
#[derive(Clone, PartialEq, Eq)]
pub struct Context(CString);

/// A range of levels: `s0`, or `s0-s15:c0.c1023`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range(Vec<u8>);

impl Range {
    /// A range as it is written.
    pub fn new(text: &[u8]) -> Self {
        Self(text.to_vec())
    }

    /// The lower of its two levels.
    pub fn low(&self) -> Self {
        Self(self.0.split(|&b| b == b'-').next().unwrap_or_default().to_vec())
    }
}

impl Context {
    /// A context as the kernel writes it.
    pub fn new(text: &CStr) -> Self {
        Self(text.to_owned())
    }

    /// The context for a call.
    pub fn as_cstr(&self) -> &CStr {
        &self.0
    }

    /// The context as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.to_bytes()
    }

    /// User, role and type, and the range if there is one. `None`: it has fewer parts, as an
    /// initial context has until a policy is loaded.
    fn parts(&self) -> Option<(&[u8], Option<&[u8]>)> {
        let text = self.as_bytes();
        let mut colons = text.iter().enumerate().filter(|(_, b)| **b == b':').map(|(at, _)| at);
        colons.nth(1)?;
        match colons.next() {
            Some(third) => Some((text.get(..third)?, Some(text.get(third + 1..)?))),
            None => Some((text, None)),
        }
    }

    /// The range, where the policy has levels.
    pub fn range(&self) -> Option<Range> {
        self.parts()?.1.map(Range::new)
    }

    /// The same context with another range, or without one.
    ///
    /// # Errors
    ///
    /// `EINVAL`: this is no context of three parts or more.
    pub fn at(&self, range: Option<&Range>) -> Result<Self, Errno> {
        let (kind, _) = self.parts().ok_or(Errno::EINVAL)?;
        let text = match range {
            Some(Range(range)) => [kind, b":", range].concat(),
            None => kind.to_vec(),
        };
        CString::new(text).map(Self).map_err(|_| Errno::EINVAL)
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.as_bytes()).fmt(f)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.0).fmt(f)
    }
}

/// Whose context tells instances apart: the session's programs'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// This one.
    Context(Context),
    /// Only its range is known, to one who asks what a login at that level would get.
    Range(Range),
    /// Not known before the login.
    Unknown,
}

impl Subject {
    /// The range, as far as it is known; the inner `None` is that of a policy without levels.
    fn range(&self) -> Option<Option<Range>> {
        match self {
            Self::Context(context) => Some(context.range()),
            Self::Range(range) => Some(Some(range.clone())),
            Self::Unknown => None,
        }
    }
}

/// Why the subject is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoContext {
    /// `pam_selinux.so open` has not set one.
    NotSet,
    /// It could not be read, or the policy has none for this user.
    Os(Errno),
}

/// How an instance is labelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Label {
    /// Not at all: SELinux is disabled.
    None,
    /// Like the polydir. A tmpfs is the exception: its root has what the policy gives a tmpfs, or its
    /// `rootcontext=`.
    Polydir,
    /// `level`: like the polydir, at the subject's range.
    Level(Subject),
    /// `context`: as the policy's `type_member` rules have it for the subject in the polydir.
    Member(Subject),
}

/// What is made for one polydir gets these contexts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The polydir's: boxes and drafts have it.
    pub polydir: Context,
    /// The instance's.
    pub instance: Context,
}

impl Label {
    /// The contexts that go with an open polydir.
    ///
    /// # Errors
    ///
    /// The polydir's context cannot be read, the policy gives none, or the subject is not known.
    pub fn with(&self, polydir: BorrowedFd<'_>) -> Result<Option<Labels>, Errno> {
        if *self == Self::None {
            return Ok(None);
        }
        let polydir = context_of(polydir)?;
        let instance = match self {
            Self::None | Self::Polydir => polydir.clone(),
            Self::Level(subject) => polydir.at(subject.range().ok_or(Errno::ENODATA)?.as_ref())?,
            Self::Member(Subject::Context(subject)) => libselinux::member(subject, &polydir)?,
            Self::Member(Subject::Range(_) | Subject::Unknown) => return Err(Errno::ENODATA),
        };
        Ok(Some(Labels { polydir, instance }))
    }
}

/// Of an instance's context, what is known before its polydir is open.
impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = match self {
            Self::Level(subject) => subject.range(),
            Self::None | Self::Polydir | Self::Member(_) => None,
        };
        match range {
            Some(Some(range)) => write!(f, "<user:role:type>:{range}"),
            Some(None) => f.write_str("<user:role:type>"),
            None => f.write_str("<context>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(context: &CStr, range: Option<&str>) -> Result<String, Errno> {
        let range = range.map(|range| Range::new(range.as_bytes()));
        Ok(Context::new(context).at(range.as_ref())?.to_string())
    }

    #[test]
    fn a_range_is_all_behind_the_third_colon() {
        for (context, range) in [
            (c"system_u:object_r:tmp_t:s0", Some("s0")),
            (c"u:r:t:s0-s15:c0.c1023", Some("s0-s15:c0.c1023")),
            (c"u:r:t:s0:c1,c3-s0:c1,c3", Some("s0:c1,c3-s0:c1,c3")),
            (c"u:r:t", None),
            (c"kernel", None),
        ] {
            let found = Context::new(context).range().map(|range| range.to_string());
            assert_eq!(found.as_deref(), range, "{context:?}");
        }
    }

    #[test]
    fn another_range_leaves_user_role_and_type() {
        assert_eq!(at(c"u:r:t:s0", Some("s1:c1,c2")), Ok("u:r:t:s1:c1,c2".to_owned()));
        assert_eq!(at(c"u:r:t:s0-s15:c0.c1023", None), Ok("u:r:t".to_owned()));
        assert_eq!(at(c"u:r:t", Some("s0")), Ok("u:r:t:s0".to_owned()));
        assert_eq!(at(c"kernel", Some("s0")), Err(Errno::EINVAL));
    }

    #[test]
    fn the_low_level_is_the_one_before_the_dash() {
        for (range, low) in [("s0", "s0"), ("s3:c1-s15:c0.c1023", "s3:c1")] {
            assert_eq!(Range::new(range.as_bytes()).low().to_string(), low);
        }
    }
}
