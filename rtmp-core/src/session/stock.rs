//! The instances that are in an instance parent, for who looks after them. No session is opened
//! here, and nothing that a user owns is followed, crossed or trusted.

use std::ffi::{CStr, CString};

use nix::errno::Errno;
use nix::fcntl::{OFlag, RenameFlags, openat, renameat2};
use nix::sys::stat::Mode;

pub use super::dir::Dir;
use super::error::Why;
use super::ledger::DraftName;
use super::removal;
use super::walk::{Calls, MountApi};
use crate::path::AbsPath;
use crate::sys;
pub use crate::sys::Found;

/// An instance parent that only root can write, open.
#[derive(Debug)]
pub struct Stock {
    api: MountApi,
    parent: Dir,
}

impl Stock {
    /// Opens an instance parent. One that others can write is [`Why::Wrong`]: what is in it may be
    /// anybody's.
    pub fn open(path: &AbsPath) -> Result<Self, Why> {
        match Self::open_with(Calls::Descriptors, path) {
            Err(Why::CallMissing) => Self::open_with(Calls::Classic, path),
            result => result,
        }
    }

    fn open_with(calls: Calls, path: &AbsPath) -> Result<Self, Why> {
        let api = MountApi::new(calls)?;
        let parent = api.open(path)?;
        if !parent.is_firm_inside() {
            let must = "belong to root, and nobody else may write it";
            return Err(Why::Wrong { must, uid: parent.stat.uid, mode: parent.stat.mode });
        }
        Ok(Self { api, parent })
    }

    /// The instance parent.
    pub fn parent(&self) -> &Dir {
        &self.parent
    }

    /// Whether the parent has mode 000, as `pam_namespace(8)` wants it: nothing else is kept there.
    pub fn is_hidden(&self) -> bool {
        self.parent.stat.mode & 0o777 == 0
    }

    /// The names in a directory, and which of them are directories. Who looks does not count as
    /// use: the directory's times stay, where one may see to that.
    pub fn names(&self, dir: &Dir) -> Result<Vec<(CString, bool)>, Why> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let open = |more| openat(dir, c".", flags | more, Mode::empty());
        let listing = match open(OFlag::O_NOATIME) {
            // Somebody else's, and not root who asks.
            Err(Errno::EPERM) => open(OFlag::empty())?,
            result => result?,
        };
        removal::names_in(listing)
    }

    /// Opens a directory in a directory. What is mounted on it is [`Why::Mounted`].
    pub fn open_in(&self, dir: &Dir, name: &CStr) -> Result<Dir, Why> {
        self.api.child_on_same_mount(dir, name)
    }

    /// Opens the directory above another, on the same mount.
    pub fn open_above(&self, dir: &Dir) -> Result<Dir, Why> {
        self.api.child_on_same_mount(dir, c"..")
    }

    /// What is known of a name in a directory. `None`: it is a mount point, or gone.
    pub fn find(&self, dir: &Dir, name: &CStr) -> Result<Option<Found>, Errno> {
        match sys::find_at(dir, name) {
            Ok(found) => {
                Ok(found.mount.is_none_or(|mount| mount == dir.stat.mount).then_some(found))
            }
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }

    /// Gives a directory in the instance parent a name that no login looks for. `Ok(None)`: it is
    /// not there any more.
    pub fn set_aside(&self, name: &CStr) -> Result<Option<Aside>, Why> {
        let aside = DraftName::new(sys::random()?);
        match self.rename(name, aside.as_cstr()) {
            Ok(()) => Ok(Some(Aside { name: name.to_owned(), aside })),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(Why::Os(errno)),
        }
    }

    /// Gives it its name back, unless a login has made another meanwhile: then it stays aside.
    pub fn put_back(&self, aside: &Aside) -> Result<(), Why> {
        self.rename(aside.aside.as_cstr(), &aside.name).map_err(Why::Os)
    }

    /// Removes what was set aside and all that is in it: by descriptor, without following a link or
    /// crossing a mount. What a mount covers stays, and so does the way to it.
    pub fn remove(&self, aside: &Aside) -> Result<(), Why> {
        removal::remove(self.api, &self.parent, aside.aside.as_cstr(), |_| true)
    }

    fn rename(&self, from: &CStr, to: &CStr) -> Result<(), Errno> {
        let parent = &self.parent;
        match renameat2(parent, from, parent, to, RenameFlags::RENAME_NOREPLACE) {
            // NFS. Only root writes here, and no login takes the name of a draft.
            Err(Errno::EINVAL) => match sys::lstatx_at(parent, to) {
                Err(Errno::ENOENT) => nix::fcntl::renameat(parent, from, parent, to),
                Err(errno) => Err(errno),
                Ok(_) => Err(Errno::EEXIST),
            },
            result => result,
        }
    }
}

/// A directory that was set aside.
#[derive(Debug)]
pub struct Aside {
    name: CString,
    aside: DraftName,
}

impl Aside {
    /// What it was called.
    pub fn name(&self) -> &CStr {
        &self.name
    }

    /// What it is called now.
    pub fn aside(&self) -> &CStr {
        self.aside.as_cstr()
    }
}

/// Whether a name is that of a draft, or of something that was moved aside.
pub fn is_draft(name: &CStr) -> bool {
    name.to_bytes().starts_with(DraftName::PREFIX)
}
