//! What happened while a session was opened, kept without allocating.

use std::ffi::CStr;
use std::fmt;

use super::close::{Kept, Mount, Temporary};
use super::error::{Object, Place};
use crate::path::{AbsPath, Shown};
use crate::sys::Stat;

/// Something an administrator should know although the session was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice<'p> {
    /// What it is about.
    pub object: Object<'p>,
    /// What happened.
    pub event: Event,
}

/// What happened to a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A squatter's directory, link or file was moved aside and ours put in its place.
    SquatMovedAside {
        /// Who had made it, if that could be told.
        uid: Option<u32>,
        /// The name it has now.
        aside: DraftName,
    },
    /// Something in a user's box that is not what we would have made was moved aside.
    ForgeryMovedAside {
        /// The name it has now.
        aside: DraftName,
    },
    /// A box with loosened permissions was set to 0700.
    BoxTightened {
        /// What its permissions were.
        mode: u32,
    },
    /// An instance had other permissions than the polydir and got the polydir's.
    InstanceAdjusted {
        /// What its permissions were.
        mode: u32,
    },
    /// An instance had another SELinux context than the polydir and got the polydir's.
    InstanceRelabelled,
    /// An instance that an interrupted login had left unfinished was finished.
    InstanceCompleted,
    /// A mount over a directory that others can write was left out of the session.
    MountDetached,
    /// The polydir is a link to a directory that is private already.
    AlreadyCovered,
    /// The polydir belongs to another user, in a place where owners rename.
    AnothersPolydir {
        /// Whose it is.
        uid: u32,
    },
}

impl Event {
    fn outlives_the_namespace(&self) -> bool {
        match self {
            Self::SquatMovedAside { .. }
            | Self::ForgeryMovedAside { .. }
            | Self::BoxTightened { .. }
            | Self::InstanceAdjusted { .. }
            | Self::InstanceRelabelled
            | Self::InstanceCompleted => true,
            Self::MountDetached | Self::AlreadyCovered | Self::AnothersPolydir { .. } => false,
        }
    }
}

/// A name that starts with a colon, which no user's name does, and is unlike any other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DraftName([u8; DraftName::LEN]);

impl DraftName {
    /// What it starts with.
    pub const PREFIX: &'static [u8; 6] = b":rtmp-";
    const LEN: usize = 6 + 16 + 1;

    /// A name made of 64 random bits.
    pub fn new(random: [u8; 8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut name = [0; Self::LEN];
        let digits = random.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text = Self::PREFIX
            .iter()
            .copied()
            .chain(digits.map(|digit| DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0')));
        name.iter_mut().zip(text).for_each(|(to, from)| *to = from);
        Self(name)
    }

    /// The name for a system call.
    pub fn as_cstr(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c":rtmp-")
    }
}

impl fmt::Debug for DraftName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Shown(self.as_cstr().to_bytes()), f)
    }
}

/// The longest name of a file, in bytes (`linux/limits.h`).
const NAME_MAX: usize = 255;

/// The name of a `tmpdir` instance: a prefix and six letters.
#[derive(Debug, Clone, Copy)]
pub struct TemporaryName([u8; NAME_MAX + 1]);

impl TemporaryName {
    /// `None`: the prefix leaves no room.
    pub fn new(prefix: &CStr, random: [u8; 8]) -> Option<Self> {
        const LETTERS: &[u8; 62] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let prefix = prefix.to_bytes();
        let mut name = [0; NAME_MAX + 1];
        let (start, letters) = name.get_mut(..prefix.len() + 6)?.split_at_mut(prefix.len());
        start.copy_from_slice(prefix);
        let mut seed = u64::from_ne_bytes(random);
        for letter in letters {
            let index = usize::try_from(seed % 62).unwrap_or(0);
            *letter = LETTERS.get(index).copied().unwrap_or(b'A');
            seed /= 62;
        }
        (prefix.len() + 6 <= NAME_MAX).then_some(Self(name))
    }

    /// The name for a system call.
    pub fn as_cstr(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.0).unwrap_or(c"")
    }
}

impl fmt::Display for Notice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Place(&self.object))?;
        match self.event {
            Event::SquatMovedAside { uid: Some(uid), aside } => {
                write!(f, ": made by uid {uid}, moved aside as {aside:?}")
            }
            Event::SquatMovedAside { uid: None, aside } => {
                write!(f, ": not made by root, moved aside as {aside:?}")
            }
            Event::ForgeryMovedAside { aside } => {
                write!(f, ": not the instance we would have made, moved aside as {aside:?}")
            }
            Event::BoxTightened { mode } => {
                write!(f, ": had mode {:04o}, set to 0700", mode & 0o7777)
            }
            Event::InstanceAdjusted { mode } => {
                write!(f, ": had mode {:04o}, set to the polydir's", mode & 0o7777)
            }
            Event::InstanceRelabelled => {
                f.write_str(": had another SELinux context, set to the polydir's")
            }
            Event::InstanceCompleted => {
                f.write_str(": left unfinished by an interrupted login, finished")
            }
            Event::MountDetached => {
                f.write_str(": something is mounted there, left out of the session")
            }
            Event::AlreadyCovered => {
                f.write_str(": is a link to a directory that is private already, skipped")
            }
            Event::AnothersPolydir { uid } => {
                write!(f, ": belongs to uid {uid}, who can rename it and so end its privacy")
            }
        }
    }
}

/// Notices and mounts of one session. Its room is reserved before the namespace is private.
#[derive(Debug)]
pub struct Ledger<'p> {
    notices: Vec<Notice<'p>>,
    mounts: Vec<(&'p AbsPath, Stat)>,
    temporaries: Vec<(&'p AbsPath, TemporaryName, Stat)>,
    instances: Vec<Stat>,
}

impl<'p> Ledger<'p> {
    /// Room for what can happen to this many polydirs, and for so many that closing undoes.
    pub fn with_room_for(polydirs: usize, undone: usize) -> Self {
        Self {
            notices: Vec::with_capacity(8 * polydirs),
            mounts: Vec::with_capacity(undone),
            temporaries: Vec::with_capacity(undone),
            instances: Vec::with_capacity(polydirs),
        }
    }

    /// Notes an event. Beyond the room there is, it is dropped: a notice is worth no allocation.
    #[cold]
    pub fn note(&mut self, object: Object<'p>, event: Event) {
        if self.notices.len() < self.notices.capacity() {
            self.notices.push(Notice { object, event });
        }
    }

    /// Notes that an instance covers a polydir.
    pub fn covered(&mut self, instance: Stat) {
        if self.instances.len() < self.instances.capacity() {
            self.instances.push(instance);
        }
    }

    /// Whether a directory is one of the instances that cover a polydir.
    pub fn has_covered_by(&self, dir: &Stat) -> bool {
        self.instances.iter().any(|instance| instance.is(dir))
    }

    /// Forgets an attempt that was given up, but for what it changed on disk.
    pub fn begin_again(&mut self) {
        self.notices.retain(|notice| notice.event.outlives_the_namespace());
        self.mounts.clear();
        self.temporaries.clear();
        self.instances.clear();
    }

    /// Notes a mount: the polydir, and what is on top of it now.
    pub fn mounted(&mut self, polydir: &'p AbsPath, top: Stat) {
        if self.mounts.len() < self.mounts.capacity() {
            self.mounts.push((polydir, top));
        }
    }

    /// Notes an instance that ends with the session.
    pub fn temporary(&mut self, parent: &'p AbsPath, name: TemporaryName, found: Stat) {
        if self.temporaries.len() < self.temporaries.capacity() {
            self.temporaries.push((parent, name, found));
        }
    }

    /// The instances that end with the session.
    pub fn temporaries(&self) -> &[(&'p AbsPath, TemporaryName, Stat)] {
        &self.temporaries
    }

    /// What an administrator should know.
    pub fn notices(&self) -> &[Notice<'p>] {
        &self.notices
    }

    /// What close_session needs. `None`: it has nothing to do.
    pub fn keep(&self) -> Option<Kept> {
        (!self.mounts.is_empty() || !self.temporaries.is_empty()).then(|| self.kept())
    }

    #[cold]
    fn kept(&self) -> Kept {
        let mounts = self.mounts.iter();
        let temporaries = self.temporaries.iter();
        Kept {
            mounts: mounts.map(|&(polydir, top)| Mount::new(polydir.clone(), top)).collect(),
            temporaries: temporaries
                .map(|(parent, name, found)| Temporary {
                    parent: (*parent).clone(),
                    name: name.as_cstr().to_owned(),
                    found: *found,
                })
                .collect(),
        }
    }
}
