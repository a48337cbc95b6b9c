//! Where a user's instances are.

use rtmp_core::instance_name::Hole;

use super::table::{Location, Mount};

/// Where an instance is that a plan names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Home {
    /// In an instance parent.
    Within(Parent, Instance),
    /// A tmpfs of the session's own.
    Tmpfs,
}

/// An instance parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// Where it is, if it can be found from here.
    pub location: Option<Location>,
    /// Its own name, by which it is known otherwise.
    pub name: Vec<u8>,
}

/// Which directories in an instance parent are the user's instances.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instance {
    /// The one of this name.
    Named(Vec<u8>),
    /// Those whose names start so: letters of a `tmpdir` follow.
    Starting(Vec<u8>),
    /// In a directory, those with a context between this and that.
    Around(Vec<u8>, Vec<u8>),
}

impl Home {
    /// Whether what is at this place, by this mount on the polydir, is an instance of it.
    pub fn is(&self, at: &Location, mount: &Mount, polydir: &[u8]) -> bool {
        match self {
            Self::Within(parent, instance) => parent.rest(at).is_some_and(|rest| instance.is(rest)),
            Self::Tmpfs => mount.kind == b"tmpfs" && mount.target == polydir && at.path == b"/",
        }
    }
}

impl Parent {
    /// The path below it.
    pub fn rest<'l>(&self, at: &'l Location) -> Option<&'l [u8]> {
        match &self.location {
            Some(parent) => at.within(parent).filter(|rest| !rest.is_empty()),
            // Out of sight for who is not root and is in a private session.
            None => at.behind_name(&self.name),
        }
    }
}

impl Instance {
    /// The instances whose context only opening knows. One whose name was hashed cannot be told from
    /// another's.
    pub fn around<T>(user_box: &[u8], hole: &Hole<T>) -> Self {
        let (start, end) = hole.around().unwrap_or_default();
        Self::Around([user_box, &start].concat(), end.to_vec())
    }

    fn is(&self, rest: &[u8]) -> bool {
        match self {
            Self::Named(name) => rest == name,
            Self::Starting(prefix) => rest.starts_with(prefix) && !rest.contains(&b'/'),
            Self::Around(start, end) => {
                let context =
                    rest.strip_prefix(&start[..]).and_then(|it| it.strip_suffix(&end[..]));
                context.is_some_and(|it| it.contains(&b':') && !it.contains(&b'/'))
            }
        }
    }
}
