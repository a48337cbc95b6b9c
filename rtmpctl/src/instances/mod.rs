//! The instances that are on this host: whose, of which polydir, and who is in them.
//!
//! ```text
//!  rules ──shelf──▶ Shelf ──stock──▶ Instance ◀──use── Sessions
//!                   a parent, and     one directory,    mount tables
//!                   what names mean   whose it is
//! ```

mod names;
mod shelf;
pub mod size;
mod usage;

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;

use rtmp_core::conf::{Rules, Sources};
use rtmp_core::path::{AbsPath, Shown};
use rtmp_core::session::stock::{Stock, is_draft};

use crate::outcome::Failure;
use crate::people::People;
use crate::sessions::Sessions;
use crate::tree::Tree;
pub use names::Names;
pub use shelf::Shelf;
pub use usage::Usage;

/// One directory that a user has seen in place of a polydir.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The instance parent.
    pub parent: AbsPath,
    /// Its name there, or its box's.
    pub unit: CString,
    /// Its name in the box.
    pub inner: Option<CString>,
    /// Which polydir it stands for; `None`: none that a rule names now, or nobody may look.
    pub polydir: Option<Vec<u8>>,
    /// Whose it is.
    pub owner: Owner,
    /// The SELinux level, or the context, in its name.
    pub level: Option<Vec<u8>>,
    /// When the directory was last read, written or changed, in seconds since 1970.
    pub used: i64,
    /// What is in its box beside instances.
    pub beside: Option<CString>,
    /// Who is in it.
    pub usage: Usage,
    /// Whether there may be more who are in it, whom one cannot see.
    pub seen_all: bool,
}

/// Whose an instance is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// A user's.
    User {
        /// The number.
        uid: u32,
        /// The name.
        name: Vec<u8>,
    },
    /// A user's who does not exist any more.
    Deleted {
        /// The number, where boxes are kept by number.
        uid: Option<u32>,
        /// The name, where instances are kept by name.
        name: Option<Vec<u8>>,
    },
    /// It cannot be told from its name, or the name service does not answer.
    Unknown {
        /// The number, if that is known.
        uid: Option<u32>,
    },
    /// Nobody's: a draft, or what a login moved aside.
    Nobody,
}

/// How an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A process is in it.
    Active,
    /// None is.
    Idle,
    /// None is, and its user does not exist any more.
    Orphan,
    /// What an interrupted login left behind, or a login moved aside.
    Draft,
    /// Whether a process is in it cannot be seen.
    Unknown,
}

impl State {
    /// For text and JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Orphan => "orphan",
            Self::Draft => "draft",
            Self::Unknown => "unknown",
        }
    }
}

impl Instance {
    /// How it stands.
    pub fn state(&self) -> State {
        match &self.owner {
            _ if self.usage.processes > 0 => State::Active,
            _ if !self.seen_all => State::Unknown,
            Owner::Nobody => State::Draft,
            Owner::Deleted { .. } => State::Orphan,
            Owner::User { .. } | Owner::Unknown { .. } => State::Idle,
        }
    }

    /// Its path.
    pub fn path(&self) -> Vec<u8> {
        let parent = if self.parent.is_root() { &b""[..] } else { self.parent.as_bytes() };
        let unit = [parent, b"/", self.unit.to_bytes()].concat();
        match &self.inner {
            Some(inner) => [&unit, &b"/"[..], inner.to_bytes()].concat(),
            None => unit,
        }
    }
}

impl Owner {
    /// The user's number.
    pub fn uid(&self) -> Option<u32> {
        match self {
            Self::User { uid, .. } => Some(*uid),
            Self::Deleted { uid, .. } | Self::Unknown { uid } => *uid,
            Self::Nobody => None,
        }
    }

    /// The user's name.
    pub fn name(&self) -> Option<&[u8]> {
        match self {
            Self::User { name, .. } => Some(name),
            Self::Deleted { name, .. } => name.as_deref(),
            Self::Unknown { .. } | Self::Nobody => None,
        }
    }
}

/// All instances, and what could not be looked at.
#[derive(Debug, Default)]
pub struct Instances {
    /// Sorted by parent and name.
    pub found: Vec<Instance>,
    /// A sentence for each thing that was passed over.
    pub passed_over: Vec<String>,
}

impl Instances {
    /// Looks into the instance parents of all rules.
    pub fn look(tree: &Tree, sources: &Sources, sessions: &Sessions) -> Result<Self, Failure> {
        let people = People::of(tree);
        let names = Names::of(&people);
        let rules = Rules::parse(sources).rules;
        let (shelves, passed_over) = Shelf::of_rules(&rules);
        let mut instances = Self { found: Vec::new(), passed_over };
        if !sessions.sees_all() {
            let why = "processes of other users are out of sight: only root sees who uses what";
            instances.passed_over.push(why.to_owned());
        }
        for shelf in &shelves {
            let usages = usage::below(sessions, sessions.locate(tree, &shelf.parent));
            match Stock::open(&shelf.parent) {
                Ok(stock) => instances.add(shelf, &stock, &names, &usages, sessions.sees_all()),
                // No login has made it yet.
                Err(rtmp_core::session::Why::Os(nix::errno::Errno::ENOENT)) => {}
                Err(why) => {
                    let sentence =
                        format!("unable to look into instance parent {}: {why}", shelf.parent);
                    instances.passed_over.push(sentence);
                }
            }
        }
        Ok(instances)
    }

    fn add(
        &mut self,
        shelf: &Shelf<'_>,
        stock: &Stock,
        names: &Names,
        usages: &usage::Usages,
        seen_all: bool,
    ) {
        let listed = stock.names(stock.parent());
        let mut units = listed.unwrap_or_else(|why| {
            self.passed_over
                .push(format!("unable to list instance parent {}: {why}", shelf.parent));
            Vec::new()
        });
        units.sort();
        for (unit, is_dir) in units {
            // What it is, where the directory does not say: something mounted there, or gone.
            let Ok(Some(found)) = stock.find(stock.parent(), &unit) else { continue };
            if !is_dir {
                continue;
            }
            let base = Instance {
                parent: shelf.parent.clone(),
                inner: None,
                polydir: None,
                owner: Owner::Nobody,
                level: None,
                used: found.used,
                beside: None,
                usage: usages.of(&unit, None),
                seen_all,
                unit,
            };
            if is_draft(&base.unit) {
                self.found.push(base);
                continue;
            }
            let Some(meaning) = shelf.meaning(&base.unit, found.uid, stock.is_hidden(), names)
            else {
                continue;
            };
            let base = Instance {
                polydir: meaning.polydir,
                owner: meaning.owner,
                level: meaning.level,
                ..base
            };
            match meaning.is_box {
                true => self.add_box(shelf, stock, base, usages),
                false => self.found.push(base),
            }
        }
    }

    /// The instances in a box; one without any is a row of its own.
    fn add_box(
        &mut self,
        shelf: &Shelf<'_>,
        stock: &Stock,
        base: Instance,
        usages: &usage::Usages,
    ) {
        let inside = stock.open_in(stock.parent(), &base.unit).and_then(|user_box| {
            let names = stock.names(&user_box)?;
            Ok((user_box, names))
        });
        let Ok((user_box, mut names)) = inside else { return self.found.push(base) };
        names.sort();
        let before = self.found.len();
        let is_instance =
            |(name, is_dir): &(CString, bool)| *is_dir && shelf.in_box(name).is_some();
        let beside = names.iter().find(|entry| !is_instance(entry) && !is_draft(&entry.0));
        let base = Instance { beside: beside.map(|(name, _)| name.clone()), ..base };
        for (inner, is_dir) in names {
            let Some((polydir, level)) = shelf.in_box(&inner).filter(|_| is_dir) else { continue };
            let Ok(Some(found)) = stock.find(&user_box, &inner) else { continue };
            let usage = usages.of(&base.unit, Some(&inner));
            let (polydir, used) = (Some(polydir), found.used);
            self.found.push(Instance {
                inner: Some(inner),
                polydir,
                level,
                used,
                usage,
                ..base.clone()
            });
        }
        if self.found.len() == before {
            self.found.push(base);
        }
    }
}

/// What `list`, `du` and `clean` look at: the host's instances, and who runs.
pub fn look() -> Result<(Instances, Sessions), Failure> {
    crate::host::step_out();
    let (tree, sessions) = (Tree::open(None)?, Sessions::look()?);
    let sources = tree.sources(&[])?;
    Ok((Instances::look(&tree, &sources, &sessions)?, sessions))
}

/// A user as somebody types one: a name, or a number.
pub fn is_of(owner: &Owner, user: &std::ffi::OsStr) -> bool {
    let text = user.as_bytes();
    let number = crate::sessions::table::number::<u32>(text);
    owner.name() == Some(text) || number.is_some() && owner.uid() == number
}

/// For a message.
pub fn shown(path: &[u8]) -> String {
    Shown(path).to_string()
}
