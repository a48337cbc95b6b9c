//! `/etc/skel` into a new home: what `namespace.init` does with `cp -rT` and `chown -R`, by
//! descriptor, in a draft that nobody else can reach yet.

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{Gid, Uid, fchown, fchownat, symlinkat};

use super::error::Why;
use super::label;
use crate::path::AbsPath;
use crate::selinux::{Context, FileContexts, Range};
use crate::sys;

/// Where a new home's files come from.
const SKEL: &str = "/etc/skel";

/// Whose the copies are.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

/// Fills an open directory that will be seen at `path`, and has this SELinux context. No skeleton,
/// nothing to fill it with.
#[cold]
pub fn fill(
    home: impl AsFd,
    path: &AbsPath,
    owner: Owner,
    context: Option<&Context>,
) -> Result<(), Why> {
    let labels = match context {
        Some(context) => Some(Contexts {
            files: FileContexts::open().map_err(Why::Label)?,
            range: context.range().map(|range| range.low()),
        }),
        None => None,
    };
    let copying = Copying { owner, labels };
    match copying.entries(Path::new(SKEL), home, Path::new(OsStr::from_bytes(path.as_bytes()))) {
        Err(Why::Os(Errno::ENOENT)) => Ok(()),
        result => result,
    }
}

/// What the files of a home are labelled by: as restorecon(8) would, at the level of the session.
struct Contexts {
    files: FileContexts,
    range: Option<Range>,
}

impl Contexts {
    fn of(&self, path: &Path, kind: libc::mode_t) -> Result<Option<Context>, Errno> {
        let path = CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
        let found = self.files.of(&path, kind)?;
        found.map(|context| context.at(self.range.as_ref())).transpose()
    }
}

const DIRECTORY: OFlag = OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

struct Copying {
    owner: Owner,
    labels: Option<Contexts>,
}

impl Copying {
    /// Copies what is in a directory; `seen` is where the copy will be seen.
    #[cold]
    fn entries(&self, from: &Path, to: impl AsFd, seen: &Path) -> Result<(), Why> {
        for (name, _) in sys::entries(open(from, DIRECTORY, Mode::empty())?)? {
            let name = OsStr::from_bytes(name.to_bytes());
            let (path, seen) = (from.join(name), seen.join(name));
            let kind = fs::symlink_metadata(&path)?.file_type();
            if kind.is_dir() {
                self.create(&seen, libc::S_IFDIR, || mkdirat(&to, name, Mode::S_IRWXU))?;
                let dir = openat(&to, name, DIRECTORY | OFlag::O_NOFOLLOW, Mode::empty())?;
                self.entries(&path, &dir, &seen)?;
                give(&dir, &path, self.owner)?;
            } else if kind.is_symlink() {
                let target = fs::read_link(&path)?;
                self.create(&seen, libc::S_IFLNK, || symlinkat(&target, &to, name))?;
                let (uid, gid) = (Uid::from_raw(self.owner.uid), Gid::from_raw(self.owner.gid));
                fchownat(&to, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
            } else if kind.is_file() {
                let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
                let mode = Mode::S_IRUSR | Mode::S_IWUSR;
                let copy = self.create(&seen, libc::S_IFREG, || openat(&to, name, flags, mode))?;
                let mut copy = File::from(copy);
                io::copy::<dyn Read, _>(&mut File::open(&path)?, &mut copy)?;
                give(&OwnedFd::from(copy), &path, self.owner)?;
            }
            // A device, socket or pipe has no business in a skeleton.
        }
        Ok(())
    }

    fn create<T>(
        &self,
        seen: &Path,
        kind: libc::mode_t,
        make: impl FnOnce() -> Result<T, Errno>,
    ) -> Result<T, Why> {
        let Some(labels) = &self.labels else { return Ok(make()?) };
        match labels.of(seen, kind).map_err(Why::Label)? {
            Some(context) => label::create(Some(&context), make),
            None => Ok(make()?),
        }
    }
}

/// The owner, and the mode of the original less what an umask of 022 takes.
fn give(copy: &OwnedFd, original: &Path, owner: Owner) -> io::Result<()> {
    let mode = fs::symlink_metadata(original)?.permissions().mode() & 0o755;
    fchown(copy, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))?;
    fchmod(copy, Mode::from_bits_truncate(mode))?;
    Ok(())
}
