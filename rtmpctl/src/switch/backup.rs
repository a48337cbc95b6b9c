//! What was there before, kept until it is put back; and the only hand that writes PAM's files.
//!
//! `/var/lib/rtmpctl/enable` holds two trees, `before` and `after`: the files that `enable` changed,
//! and what it made of them. A person can read them, and copy them back without this program.
//!
//! *Each file is old or new.* The backup is complete and on disk before the first file is touched;
//! every file is written beside its place and renamed into it. Killed in between, some files are old
//! and some new, each of them whole, and `rtmpctl disable` puts the rest back.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{AT_FDCWD, Flock, FlockArg, RenameFlags, renameat2};

use crate::outcome::Failure;
use crate::stacks::{Change, Files, Item, Kind, MEMORY, without_module};
use crate::tree::Tree;

/// Where it is kept.
const DIR: &str = "/var/lib/rtmpctl";

/// Held while files are changed, so that two do not change them at once.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code)] Flock<File>);

/// A system's backup, if there is one.
#[derive(Debug)]
pub struct Backup {
    dir: PathBuf,
    /// What stood there.
    pub before: Files,
    /// What `enable` put there.
    pub after: Files,
}

/// Waits for whoever changes files now.
pub fn lock(tree: &Tree) -> Result<Lock, Failure> {
    let dir = tree.place(Path::new(DIR));
    let fail = |error: io::Error| Failure::Act(format!("lock {}", dir.display()), error);
    DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(fail)?;
    let file = File::open(&dir).map_err(fail)?;
    match Flock::lock(file, FlockArg::LockExclusive) {
        Ok(lock) => Ok(Lock(lock)),
        Err((_, errno)) => Err(fail(errno.into())),
    }
}

impl Backup {
    /// The backup of a tree.
    pub fn read(tree: &Tree) -> Result<Self, Failure> {
        let dir = tree.place(&Path::new(DIR).join("enable"));
        let files = |name: &str| match Tree::open(Some(&dir.join(name))) {
            Ok(tree) => Files::read(&tree),
            Err(Failure::Root(_, nix::errno::Errno::ENOENT)) => Ok(Files::default()),
            Err(failure) => Err(failure),
        };
        let (before, after) = (files("before")?, files("after")?);
        Ok(Self { dir, before, after })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        !self.dir.exists()
    }

    /// A file that lies beside the two trees.
    pub fn note(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Keeps what these changes take away, and what is kept already of other files. `notes` lie
    /// beside it from the same moment on.
    pub fn keep(
        &mut self,
        changes: &[Change<'_>],
        notes: &[(&str, String)],
    ) -> Result<(), Failure> {
        for change in changes {
            let was_ours =
                self.after.get(change.path).is_some_and(|ours| Some(ours) == change.before);
            if !was_ours {
                // Somebody else changed it since, or it is new here. Put back is what they left.
                let theirs = change.before.map(bare);
                self.before.set(change.path, theirs);
            }
            self.after.set(change.path, change.after.cloned());
        }
        let draft = self.dir.with_extension("new");
        let fail =
            |error: io::Error| Failure::Act(format!("keep a backup in {}", draft.display()), error);
        remove(&draft).map_err(fail)?;
        for (name, files) in [("before", &self.before), ("after", &self.after)] {
            let tree = draft.join(name);
            DirBuilder::new().recursive(true).mode(0o700).create(&tree).map_err(fail)?;
            for (path, item) in files.iter() {
                let place = tree.join(path.strip_prefix("/").unwrap_or(path));
                fs::create_dir_all(place.parent().unwrap_or(&tree)).map_err(fail)?;
                put(&place, Some(item)).map_err(fail)?;
            }
        }
        for (name, text) in notes {
            put(&draft.join(name), Some(&Item::new(text.clone().into_bytes()))).map_err(fail)?;
        }
        let flags = if self.dir.exists() {
            RenameFlags::RENAME_EXCHANGE
        } else {
            RenameFlags::RENAME_NOREPLACE
        };
        sync(&draft).map_err(fail)?;
        renameat2(AT_FDCWD, &draft, AT_FDCWD, &self.dir, flags)
            .map_err(|errno| fail(errno.into()))?;
        self.dir.parent().map_or(Ok(()), sync).map_err(fail)?;
        remove(&draft).map_err(fail)
    }

    /// The files as they were before `enable`: byte for byte where they are still what it made of
    /// them; elsewhere without the module and its jump.
    pub fn restored(&self, files: &Files) -> Files {
        let mut restored = files.clone();
        for change in self.before.changes(&self.after) {
            if files.get(change.path) == change.after {
                restored.set(change.path, change.before.cloned());
            }
        }
        let calling: Vec<_> = restored
            .iter()
            .filter(|(path, item)| {
                path.starts_with("/etc") && matches!(item.kind, Kind::File { .. })
            })
            .map(|(path, item)| (path.to_owned(), item.clone()))
            .collect();
        for (path, item) in calling {
            let kept = self.before.get(&path).map(|item| &item.text);
            let namespace = kept.is_some_and(|text| has_namespace(text));
            let text = without_module(&item.text, namespace);
            if text != item.text {
                restored.set(&path, Some(item.with(text)));
            }
        }
        restored
    }

    /// Nothing is left to be put back.
    pub fn discard(self) -> Result<(), Failure> {
        let gone = self.dir.with_extension("new");
        let fail = |error: io::Error| Failure::Act(format!("remove {}", self.dir.display()), error);
        remove(&gone).map_err(fail)?;
        match fs::rename(&self.dir, &gone) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result.and_then(|()| remove(&gone)).map_err(fail),
        }
    }
}

/// What is kept of a file that may hold the module's lines already, of which there is no backup.
fn bare(item: &Item) -> Item {
    match item.kind {
        Kind::File { .. } => item.with(without_module(&item.text, false)),
        Kind::Link(_) => item.clone(),
    }
}

fn has_namespace(text: &[u8]) -> bool {
    without_module(text, false) == text
        && text
            .windows(crate::service::NAMESPACE.len())
            .any(|part| part == crate::service::NAMESPACE)
}

/// Which way the files change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The module comes. What pam-auth-update remembers is written first: a profile that it remembers
    /// and does not find, the administrator took out.
    In,
    /// The module goes.
    Out,
}

/// Writes the changes, one file after the other.
pub fn write(tree: &Tree, changes: &[Change<'_>], way: Way) -> Result<(), Failure> {
    let mut order: Vec<_> = changes.iter().collect();
    order.sort_by_key(|change| change.path.starts_with(MEMORY) == (way == Way::Out));
    for change in order {
        let place = tree.place(change.path);
        put(&place, change.after)
            .map_err(|error| Failure::Act(format!("write {}", place.display()), error))?;
    }
    Ok(())
}

/// Puts something at a place, or takes away what is there, in one step. What was written when this
/// returns is on disk.
fn put(place: &Path, item: Option<&Item>) -> io::Result<()> {
    let (Some(dir), Some(name)) = (place.parent(), place.file_name()) else {
        return Err(ErrorKind::InvalidInput.into());
    };
    // No service has a dot in its name, so libpam never reads it. One left behind by a kill is
    // written over.
    let draft = dir.join(format!(".{}.rtmpctl", name.to_string_lossy()));
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match item {
        None => match fs::remove_file(place) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        },
        Some(Item { kind: Kind::Link(target), .. }) => {
            symlink(target, &draft)?;
            fs::rename(&draft, place)?;
        }
        Some(Item { kind: Kind::File { owner: (uid, gid), mode }, text }) => {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
            file.write_all(text)?;
            fchown(&file, Some(*uid), Some(*gid))?;
            file.set_permissions(Permissions::from_mode(*mode))?;
            file.sync_all()?;
            fs::rename(&draft, place)?;
        }
    }
    sync(dir)
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
