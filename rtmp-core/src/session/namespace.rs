//! The private mount namespace, and the way back.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::MsFlags;
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::{chdir, chroot, fchdir};

use super::error::{Error, Object, Why};
use crate::sys;

/// Where the process was before: its mount namespace, root and working directory.
#[derive(Debug)]
pub struct Host {
    namespace: OwnedFd,
    root: OwnedFd,
    cwd: Cwd,
}

/// A working directory to go back to.
#[derive(Debug)]
enum Cwd {
    /// The root directory, as with most daemons.
    Root,
    /// This one.
    At(OwnedFd),
    /// One that root cannot open, on a root-squashed NFS. A refusal leads to `/`.
    Unknown(Errno),
}

const THIS_NAMESPACE: &CStr = c"/proc/thread-self/ns/mnt";

fn directory(path: &CStr) -> Result<OwnedFd, Errno> {
    open(path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
}

/// From the kernel itself, or else (Linux before 6.11, a container's filter) by /proc, at twice the
/// cost in a process that has not used its /proc yet.
#[inline]
fn this_namespace() -> Result<OwnedFd, Errno> {
    let by_proc = |_| open(THIS_NAMESPACE, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    sys::mount_namespace().or_else(by_proc)
}

/// What the initial mount namespace is called: the first number that /proc gives away, or the one
/// after it (Linux 3.8), or one of its own (Linux 6.18).
const INITIAL: [u64; 3] = [0xf000_0000, 0xf000_0001, 0xefff_fff8];

impl Host {
    /// Opens the way back, while there is still nothing to go back from. `cwd`: what getcwd(2) says.
    pub fn remember<'p>(cwd: Option<&[u8]>) -> Result<Self, Error<'p>> {
        let refuse = |thing| move |errno| Error::new("open", Object::Thing(thing), Why::Os(errno));
        let namespace = this_namespace().map_err(refuse("/proc/thread-self/ns/mnt"))?;
        Ok(Self {
            namespace,
            root: directory(c"/").map_err(refuse("the root directory"))?,
            cwd: match cwd {
                Some(b"/") => Cwd::Root,
                _ => directory(c".").map_or_else(Cwd::Unknown, Cwd::At),
            },
        })
    }

    /// Why the way back leads to `/` and not to the working directory, if it does.
    pub fn lost_cwd(&self) -> Option<Errno> {
        match self.cwd {
            Cwd::Unknown(errno) => Some(errno),
            Cwd::Root | Cwd::At(_) => None,
        }
    }

    /// Makes the mount namespace of this thread private.
    pub fn unshare<'p>(self) -> Result<PrivateNamespace, Error<'p>> {
        match sys::unshare_mounts() {
            Ok(()) => Ok(PrivateNamespace { host: Some(self) }),
            Err(errno) => {
                let object = Object::Thing("the mount namespace");
                Err(Error::new("unshare", object, Why::Os(errno)))
            }
        }
    }

    /// Joins its namespace. The root directory is set again, since joining a namespace leads to
    /// *its* root: without that a chrooted process would find itself outside of its chroot.
    #[cold]
    fn enter(self) -> Result<Self, Errno> {
        setns(&self.namespace, CloneFlags::CLONE_NEWNS)?;
        fchdir(&self.root)?;
        chroot(c".")?;
        match &self.cwd {
            Cwd::At(cwd) => fchdir(cwd)?,
            Cwd::Root | Cwd::Unknown(_) => chdir(c"/")?,
        }
        Ok(self)
    }
}

/// A mount namespace that nobody else is in yet.
#[derive(Debug)]
#[must_use = "a private namespace is kept or left"]
pub struct PrivateNamespace {
    /// `None`: kept or left.
    host: Option<Host>,
}

impl Drop for PrivateNamespace {
    /// A panic, too, leads back.
    fn drop(&mut self) {
        if let Some(host) = self.host.take() {
            host.enter().map(drop).unwrap_or_default();
        }
    }
}

/// No MS_PRIVATE: mounts that the host makes later still arrive in the session.
const SLAVE: MsFlags = MsFlags::MS_SLAVE.union(MsFlags::MS_REC);

impl PrivateNamespace {
    /// Makes every mount a slave, so that nothing that is mounted here reaches the host: also where
    /// `/` is private and only `/tmp` is shared, and without reading the mount table.
    pub fn stop_propagation<'p>(&self) -> Result<(), Error<'p>> {
        let set = |path| sys::set_propagation(path, SLAVE);
        let result = match set(c"/") {
            // In a chroot whose root is no mount point there is no mount to name. Joining the
            // namespace we are in leads to its real root; then we step back into the chroot.
            Err(Errno::EINVAL) => self.outside_of_the_chroot(|| set(c"/")),
            result => result,
        };
        result.map_err(|errno| {
            Error::new("stop", Object::Thing("the propagation of mounts"), Why::Os(errno))
        })
    }

    #[cold]
    fn outside_of_the_chroot(&self, act: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        let (root, cwd) = (directory(c"/")?, directory(c"."));
        setns(this_namespace()?, CloneFlags::CLONE_NEWNS)?;
        let result = act();
        fchdir(&root)?;
        chroot(c".")?;
        match cwd {
            Ok(cwd) => fchdir(cwd)?,
            Err(_) => chdir(c"/")?,
        }
        result
    }

    /// Whether the process may come from a session of ours, `su` in a login, say: it does not come
    /// from the initial namespace. Whether process 1 is in another says nothing: in a container it
    /// may itself have opened a session.
    pub fn is_nested(&self) -> bool {
        let initial = |found: FileStat| INITIAL.contains(&found.st_ino);
        let is_initial = |host: &Host| fstat(&host.namespace).is_ok_and(initial);
        !self.host.as_ref().is_some_and(is_initial)
    }

    /// Stays.
    pub fn keep(mut self) {
        self.host = None;
    }

    /// Goes back to the host; the kernel then drops every mount that was made here.
    pub fn leave(mut self) -> Result<Host, Errno> {
        self.host.take().map_or(Err(Errno::EINVAL), Host::enter)
    }

    /// What [`Host::lost_cwd`] says of where it leads to.
    pub fn lost_cwd(&self) -> Option<Errno> {
        self.host.as_ref()?.lost_cwd()
    }
}
