//! PAM's files as values: what stands now, and what is to stand.
//!
//! ```text
//!  tree ──read──▶ Files ──plan──▶ Files ──judge──▶ the services that change, or an objection
//!                   └────────changes────────┘
//! ```
//!
//! Nothing in this room writes, and nothing asks the system anything but [`Files::read`].

mod edit;
mod judge;
mod plan;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use rtmp_core::path::{AbsPath, Shown};

use crate::diagnostic::shown;
use crate::outcome::Failure;
use crate::service::{DIRS, Shelf};
use crate::tree::{Last, Tree};

pub use edit::{JUMP, without_module};
pub use judge::{callers, changed, objection, unsound};
pub use plan::{Host, INTERACTIVE, NON_INTERACTIVE, Wish, planned};

/// Where `pam-auth-update(8)` remembers which profiles it wrote.
pub const MEMORY: &str = "/var/lib/pam";

/// All PAM files of a system, by path.
#[derive(Debug, Clone, Default)]
pub struct Files(BTreeMap<PathBuf, Item>);

/// What stands at a path.
#[derive(Debug, Clone)]
pub struct Item {
    /// What a reader gets; of a link, what stands where it leads.
    pub text: Vec<u8>,
    /// What it is.
    pub kind: Kind,
}

/// A file or a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File {
        /// Owner and group.
        owner: (u32, u32),
        /// The permission bits.
        mode: u32,
    },
    /// A symbolic link.
    Link(PathBuf),
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        let is_link = matches!(self.kind, Kind::Link(_));
        self.kind == other.kind && (is_link || self.text == other.text)
    }
}

impl Item {
    /// A new file of root's that everybody may read.
    pub fn new(text: Vec<u8>) -> Self {
        Self { text, kind: Kind::File { owner: (0, 0), mode: 0o644 } }
    }

    /// The same file with another text; in a link's place, a file.
    pub fn with(&self, text: Vec<u8>) -> Self {
        match self.kind {
            Kind::File { .. } => Self { text, kind: self.kind.clone() },
            Kind::Link(_) => Self::new(text),
        }
    }
}

/// One path at which two sets of files differ.
#[derive(Debug, Clone, Copy)]
pub struct Change<'f> {
    /// The path.
    pub path: &'f Path,
    /// What stands there.
    pub before: Option<&'f Item>,
    /// What is to stand there.
    pub after: Option<&'f Item>,
}

impl Files {
    /// The files of a tree. What is neither a file nor a link to one is no PAM file.
    pub fn read(tree: &Tree) -> Result<Self, Failure> {
        let mut files = Self::default();
        for dir in DIRS.into_iter().chain([MEMORY]) {
            match tree.names(Path::new(dir)) {
                Ok(names) => {
                    for name in names.iter().filter(|name| !name.starts_with(b".")) {
                        files.add(tree, &Path::new(dir).join(OsStr::from_bytes(name)))?;
                    }
                }
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(errno) => return Err(Failure::Read(tree.place(Path::new(dir)), errno.into())),
            }
        }
        Ok(files)
    }

    fn add(&mut self, tree: &Tree, path: &Path) -> Result<(), Failure> {
        let fail = |error: io::Error| Failure::Read(tree.place(path), error);
        let Ok(place) = AbsPath::new(path.as_os_str().as_bytes()) else { return Ok(()) };
        let look = tree.look(&place, Last::Itself).map_err(|errno| fail(errno.into()))?;
        let kind = if look.is_link() {
            Kind::Link(tree.target(&place).map_err(|errno| fail(errno.into()))?)
        } else if look.is_file() {
            Kind::File { owner: (look.uid, look.gid), mode: look.permissions() }
        } else {
            return Ok(());
        };
        let text = match (tree.read(path), &kind) {
            (Ok(text), _) => text,
            (Err(_), Kind::Link(_)) => Vec::new(),
            (Err(error), Kind::File { .. }) => return Err(fail(error)),
        };
        self.0.insert(path.to_owned(), Item { text, kind });
        Ok(())
    }

    /// What stands at a path.
    pub fn get(&self, path: &Path) -> Option<&Item> {
        self.0.get(path)
    }

    /// Puts something at a path, or takes away what is there.
    pub fn set(&mut self, path: &Path, item: Option<Item>) {
        match item {
            Some(item) => self.0.insert(path.to_owned(), item),
            None => self.0.remove(path),
        };
    }

    /// Everything, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Item)> {
        self.0.iter().map(|(path, item)| (path.as_path(), item))
    }

    /// Where these differ from those that are to be.
    pub fn changes<'f>(&'f self, after: &'f Self) -> Vec<Change<'f>> {
        let mut paths: Vec<_> = self.0.keys().chain(after.0.keys()).map(PathBuf::as_path).collect();
        paths.sort();
        paths.dedup();
        let change = |path| Change { path, before: self.get(path), after: after.get(path) };
        paths.into_iter().map(change).filter(|change| change.before != change.after).collect()
    }
}

impl Shelf for Files {
    fn text(&self, path: &Path) -> io::Result<Vec<u8>> {
        let item = self.get(path).ok_or(Errno::ENOENT)?;
        Ok(match &item.kind {
            Kind::File { .. } => item.text.clone(),
            // A link among these files shows what that file says now.
            Kind::Link(target) => {
                let beside = path.parent().unwrap_or(Path::new("/")).join(target);
                self.get(&beside).unwrap_or(item).text.clone()
            }
        })
    }

    fn list(&self, dir: &Path) -> Result<Vec<Vec<u8>>, Errno> {
        let names = self.0.keys().filter(|path| path.parent() == Some(dir));
        Ok(names.filter_map(|path| Some(path.file_name()?.as_bytes().to_vec())).collect())
    }

    fn written(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }
}

impl fmt::Display for Change<'_> {
    /// A unified diff.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |item: Option<&Item>| {
            let text = item.map_or(&b""[..], |item| &item.text);
            text.split_inclusive(|&b| b == b'\n').map(legible).collect::<String>()
        };
        let name = |item: Option<&Item>| match item {
            None => "/dev/null".to_owned(),
            Some(Item { kind: Kind::File { .. }, .. }) => shown(self.path).to_string(),
            Some(Item { kind: Kind::Link(target), .. }) => {
                format!("{} -> {}", shown(self.path), shown(target))
            }
        };
        let (before, after) = (text(self.before), text(self.after));
        let diff = similar::TextDiff::from_lines(&before, &after);
        let mut diff = diff.unified_diff();
        write!(f, "{}", diff.header(&name(self.before), &name(self.after)))
    }
}

/// A line that cannot drive the terminal; a tab is a tab.
fn legible(line: &[u8]) -> String {
    let (line, end) = line.strip_suffix(b"\n").map_or((line, ""), |line| (line, "\n"));
    let parts = line.split(|&b| b == b'\t').map(|part| Shown(part).to_string());
    parts.collect::<Vec<_>>().join("\t") + end
}

/// Why no new stack is made of the old one: nothing is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Which file.
    pub file: PathBuf,
    /// Its line, counted from 1; 0: the file as a whole.
    pub line: usize,
    /// What was found there.
    pub found: String,
    /// What was expected instead, or what helps.
    pub expected: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, found, expected } = self;
        match line {
            0 => write!(f, "{}: {found}; {expected}", shown(file)),
            line => write!(f, "{}:{line}: {found}; {expected}", shown(file)),
        }
    }
}
