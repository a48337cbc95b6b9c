//! An instance over a polydir: the mount.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::statfs::fstatfs;

use super::dir::{Dir, Ground};
use super::draft::{self, Recipe};
use super::error::Why;
use super::instance::Instance;
use super::polydir::Polydir;
use super::walk::{Calls, MountApi};
use crate::conf::{BindFlags, TmpfsOptions};
use crate::path::AbsPath;
use crate::sys::{self, ProcPath};

/// The top of a mount that covers a polydir.
#[derive(Debug)]
pub struct Cover(OwnedFd);

impl From<Cover> for OwnedFd {
    fn from(cover: Cover) -> Self {
        cover.0
    }
}

impl AsFd for Cover {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Instance {
    /// Mounts the instance over the polydir. No MS_REC: what is mounted inside an instance is not
    /// the session's. Flags that the polydir's mount has are never lost by going private.
    pub fn cover(
        &self,
        api: MountApi,
        path: &AbsPath,
        polydir: &Polydir,
        asked: BindFlags,
    ) -> Result<Cover, Why> {
        let mut flags = mount_flags(asked);
        if self.dir.stat.mount != polydir.dir.stat.mount {
            flags |= kept_flags(polydir)?;
        }
        match api.calls {
            Calls::Descriptors => self.cover_by_descriptor(api, polydir, flags),
            Calls::Classic => self.cover_by_proc(api, path, polydir, flags),
        }
    }

    fn cover_by_descriptor(
        &self,
        api: MountApi,
        polydir: &Polydir,
        flags: MsFlags,
    ) -> Result<Cover, Why> {
        let why = |errno| api.why(errno);
        let copy = sys::clone_mount(&self.dir).map_err(why)?;
        if !flags.is_empty() {
            // Before it is attached, so that the flags hold from the first moment.
            sys::set_mount_flags(&copy, attributes(flags)).map_err(why)?;
        }
        sys::attach_mount(&copy, &polydir.dir).map_err(why)?;
        Ok(Cover(copy))
    }

    #[cold]
    fn cover_by_proc(
        &self,
        api: MountApi,
        path: &AbsPath,
        polydir: &Polydir,
        flags: MsFlags,
    ) -> Result<Cover, Why> {
        let instance = ProcPath::of(self.dir.as_fd());
        let target = ProcPath::of(polydir.dir.as_fd());
        bind(Some(instance.as_cstr()), target.as_cstr(), MsFlags::MS_BIND)?;
        let top = api.open_top(path)?;
        if !top.stat.is(&self.dir.stat) {
            return Err(Why::Contested);
        }
        if !flags.is_empty() {
            let all = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags | mount_flags_of(&top)?;
            bind(None, ProcPath::of(top.as_fd()).as_cstr(), all)?;
        }
        Ok(Cover(top.into()))
    }
}

impl Cover {
    /// Mounts a new tmpfs over a polydir: empty, root's and 1777 unless its options say otherwise; a
    /// home is filled. Flags that the polydir's mount has are not lost.
    #[cold]
    pub fn tmpfs(
        api: MountApi,
        path: &AbsPath,
        polydir: &Polydir,
        options: &TmpfsOptions,
        recipe: Recipe<'_>,
    ) -> Result<Self, Why> {
        let flags = mount_flags(options.flags) | kept_flags(polydir)?;
        let target = ProcPath::of(polydir.dir.as_fd());
        let data = options.data.as_c_str();
        mount(Some(c"tmpfs"), target.as_cstr(), Some(c"tmpfs"), flags, Some(data))?;
        let mut top = api.open_top(path)?;
        if polydir.dir.ground == Ground::Soft && !is_new_tmpfs(&top, polydir)? {
            return Err(Why::Contested);
        }
        if recipe.home.is_some() {
            draft::finish(api, &mut top, recipe)?;
        }
        Ok(Self(top.into()))
    }
}

/// Whether a path still leads to the tmpfs that was mounted a moment ago. Who can rename may have put
/// another directory in its place: one on the polydir's mount, or one with a mount of its own, which
/// is FUSE or has something in it.
fn is_new_tmpfs(top: &Dir, polydir: &Polydir) -> Result<bool, Why> {
    Ok(top.stat.mount != polydir.dir.stat.mount
        && !sys::mount_record(top.stat.mount)?.is_fuse
        && sys::is_empty(top.readable()?)?)
}

fn bind(source: Option<&CStr>, target: &CStr, flags: MsFlags) -> nix::Result<()> {
    mount(source, target, None::<&CStr>, flags, None::<&CStr>)
}

/// Detaches a mount, in this namespace, by a descriptor of its root.
pub fn detach(top: impl AsFd) -> Result<(), Errno> {
    umount2(ProcPath::of(top.as_fd()).as_cstr(), MntFlags::MNT_DETACH)
}

fn mount_flags(asked: BindFlags) -> MsFlags {
    [
        (asked.read_only, MsFlags::MS_RDONLY),
        (asked.nosuid, MsFlags::MS_NOSUID),
        (asked.nodev, MsFlags::MS_NODEV),
        (asked.noexec, MsFlags::MS_NOEXEC),
    ]
    .into_iter()
    .filter(|(set, _)| *set)
    .fold(MsFlags::empty(), |flags, (_, flag)| flags | flag)
}

/// `MOUNT_ATTR_*` (linux/mount.h) has the same bits for these four as `MS_*`.
fn attributes(flags: MsFlags) -> u64 {
    [
        (MsFlags::MS_RDONLY, libc::MOUNT_ATTR_RDONLY),
        (MsFlags::MS_NOSUID, libc::MOUNT_ATTR_NOSUID),
        (MsFlags::MS_NODEV, libc::MOUNT_ATTR_NODEV),
        (MsFlags::MS_NOEXEC, libc::MOUNT_ATTR_NOEXEC),
    ]
    .into_iter()
    .filter(|(flag, _)| flags.contains(*flag))
    .fold(0, |attributes, (_, attribute)| attributes | attribute)
}

/// What a private polydir must not lose: nosuid, nodev and noexec of the shared one.
fn kept_flags(polydir: &Polydir) -> Result<MsFlags, Errno> {
    let kept = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(mount_flags_of(&polydir.dir)? & kept)
}

/// The flags of the mount a directory was reached through, as a remount needs them.
fn mount_flags_of(dir: impl AsFd) -> Result<MsFlags, Errno> {
    use nix::sys::statvfs::FsFlags;
    let found = fstatfs(dir.as_fd())?.flags();
    Ok([
        (FsFlags::ST_RDONLY, MsFlags::MS_RDONLY),
        (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
        (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
        (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
    ]
    .into_iter()
    .filter(|(flag, _)| found.contains(*flag))
    .fold(MsFlags::empty(), |flags, (_, flag)| flags | flag))
}
