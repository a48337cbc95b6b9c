//! `/etc/skel` into a new home: what `namespace.init` does with `cp -rT` and `chown -R`, by
//! descriptor, in a draft that nobody else can reach yet.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{Mode, fchmod, mkdirat};
use nix::unistd::{Gid, Uid, fchown, fchownat, symlinkat};

/// Where a new home's files come from.
const SKEL: &str = "/etc/skel";

/// Whose the copies are.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

/// Fills an open directory. No skeleton, nothing to fill it with.
pub fn fill(home: impl AsFd, owner: Owner) -> io::Result<()> {
    match copy_entries(Path::new(SKEL), home, owner) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn copy_entries(from: &Path, to: impl AsFd, owner: Owner) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, name, kind) = (entry.path(), entry.file_name(), entry.file_type()?);
        let name = name.as_os_str();
        if kind.is_dir() {
            mkdirat(&to, name, Mode::S_IRWXU)?;
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let dir = openat(&to, name, flags, Mode::empty())?;
            copy_entries(&path, &dir, owner)?;
            give(&dir, &path, owner)?;
        } else if kind.is_symlink() {
            symlinkat(&fs::read_link(&path)?, &to, name)?;
            let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
            fchownat(&to, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW)?;
        } else if kind.is_file() {
            let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
            let copy = openat(&to, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
            let mut copy = File::from(copy);
            io::copy(&mut File::open(&path)?, &mut copy)?;
            give(&OwnedFd::from(copy), &path, owner)?;
        }
        // A device, socket or pipe has no business in a skeleton.
    }
    Ok(())
}

/// The owner, and the mode of the original less what an umask of 022 takes.
fn give(copy: &OwnedFd, original: &Path, owner: Owner) -> io::Result<()> {
    let mode = fs::symlink_metadata(original)?.permissions().mode() & 0o755;
    fchown(copy, Some(Uid::from_raw(owner.uid)), Some(Gid::from_raw(owner.gid)))?;
    fchmod(copy, Mode::from_bits_truncate(mode))?;
    Ok(())
}
