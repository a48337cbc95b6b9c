//! The bare calls: what a safe login has to ask of the kernel, and nothing else.
//!
//! No look-up of the user, no parsing, no log, no answer to anything unexpected. A failed check
//! ends the benchmark.

use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{FileStat, Mode, fstat, fstatat};
use nix::unistd::{chdir, getcwd};

use crate::layout::{ALICE, Layout};
use crate::sys::{self, Handle};

/// The minimal safe floor: no configuration, no way back, the polydir and the instance opened and
/// looked at, bound by descriptor. 26 calls in a prefix layout.
pub fn minimal(layout: &Layout) {
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    stop_propagation();
    for place in &layout.places {
        let polydir = open_directory(place.polydir);
        let _ = fstat(&polydir).unwrap();
        let parent = open_directory(place.parent);
        let _ = fstat(&parent).unwrap();
        let instance = open_below(&parent, place.instance);
        let _ = fstat(&instance).unwrap();
        sys::attach_mount(sys::clone_mount(&instance), polydir);
    }
}

/// The minimal floor of a login that reads its configuration, and has no way back.
pub fn configured(layout: &Layout) {
    read_configuration();
    minimal(layout);
}

/// The floor of this layout, and the user looked up, which no module can do without.
pub fn looked_up(layout: &Layout) {
    crate::subject::ask_for_alice();
    floor(layout);
}

/// The floor of this layout: the configuration's bytes (and whether there are more files), the way back (namespace, root and working
/// directory), the parent, the box and the instance checked, bound by descriptor.
pub fn floor(layout: &Layout) {
    read_configuration();
    let _way_back = way_back();
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    stop_propagation();
    for place in &layout.places {
        let parent = open_parent(layout, place.parent);
        let instance = open_instance(layout, &parent, place.user_box, place.instance);
        let polydir = open_directory(place.polydir);
        let _ = fstat(&polydir).unwrap();
        sys::attach_mount(sys::clone_mount(&instance), polydir);
    }
}

/// Where a namespace that is to be joined is found.
#[derive(Clone, Copy)]
pub enum Namespace {
    /// By the number of a living session's process.
    Of(i32),
    /// By an nsfs handle that was kept.
    Kept(Handle),
}

/// Joins a user's namespace instead of making one, and sees that the right instances are on top.
pub fn join(layout: &Layout, namespace: Namespace) {
    read_configuration();
    let _way_back = way_back();
    let instances = layout.places.each_ref().map(|place| {
        let parent = open_parent(layout, place.parent);
        fstat(open_instance(layout, &parent, place.user_box, place.instance)).unwrap()
    });
    let namespace = match namespace {
        Namespace::Of(pid) => {
            let path = format!("/proc/{pid}/ns/mnt");
            open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).unwrap()
        }
        Namespace::Kept(handle) => handle.open(),
    };
    setns(namespace, CloneFlags::CLONE_NEWNS).unwrap();
    chdir(c"/").unwrap();
    for (place, instance) in layout.places.iter().zip(instances) {
        let top = fstat(open_directory(place.polydir)).unwrap();
        assert_eq!((top.st_dev, top.st_ino), (instance.st_dev, instance.st_ino));
    }
}

fn read_configuration() {
    let conf =
        open(c"/etc/security/namespace.conf", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    let mut text = [0; 2048];
    assert_ne!(nix::unistd::read(conf.unwrap(), &mut text), Ok(0));
    let more =
        open(c"/etc/security/namespace.d", OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty());
    assert!(sys::is_empty(more.unwrap()));
}

fn way_back() -> (OwnedFd, OwnedFd) {
    assert_eq!(getcwd().unwrap().to_str(), Some("/"));
    let namespace = sys::mount_namespace().unwrap_or_else(|_| {
        let path = c"/proc/thread-self/ns/mnt";
        open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).unwrap()
    });
    let root = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    (namespace, open(c"/", root, Mode::empty()).unwrap())
}

fn stop_propagation() {
    let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    mount(None::<&CStr>, c"/", None::<&CStr>, slave, None::<&CStr>).unwrap();
}

fn open_parent(layout: &Layout, path: &CStr) -> OwnedFd {
    let parent = open_directory(path);
    let found = fstat(&parent).unwrap();
    assert_eq!((found.st_uid, found.st_mode & 0o777), (0, layout.parent_mode));
    parent
}

fn open_instance(
    layout: &Layout,
    parent: &OwnedFd,
    user_box: Option<&CStr>,
    name: &CStr,
) -> OwnedFd {
    if let Some(user_box) = user_box {
        let found = fstatat(parent, user_box, AtFlags::AT_SYMLINK_NOFOLLOW).unwrap();
        assert_eq!((found.st_uid, found.st_mode & 0o7777), (ALICE, 0o700));
    }
    let instance = open_below(parent, name);
    let FileStat { st_uid, st_mode, .. } = fstat(&instance).unwrap();
    assert_eq!((st_uid, st_mode & 0o7777), (0, 0o1777), "{layout:?}");
    instance
}

const DIRECTORY: OFlag =
    OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

fn open_directory(path: &CStr) -> OwnedFd {
    let how = OpenHow::new().flags(DIRECTORY).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    openat2(AT_FDCWD, path, how).unwrap()
}

fn open_below(dir: impl AsFd, name: &CStr) -> OwnedFd {
    let resolve = ResolveFlag::RESOLVE_NO_SYMLINKS
        | ResolveFlag::RESOLVE_BENEATH
        | ResolveFlag::RESOLVE_NO_XDEV;
    openat2(dir, name, OpenHow::new().flags(DIRECTORY).resolve(resolve)).unwrap()
}
