//! The host's mount namespace: that of process 1.

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::{Mode, stat};

/// Leaves a private session that this command may have been started in, `sudo` in alice's shell,
/// say: there neither the instance parents nor the polydirs are the host's. Who is not root stays,
/// and so does who is in a chroot, where process 1's directories are not the ones that are meant.
pub fn step_out() {
    let same = |one: &str, other: &str| {
        let identity = |path| stat(path).map(|found| (found.st_dev, found.st_ino));
        Ok::<_, Errno>(identity(one)? == identity(other)?)
    };
    let is_outside = same("/proc/self/ns/mnt", "/proc/1/ns/mnt");
    if is_outside != Ok(false) || same("/", "/proc/1/root") != Ok(true) {
        return;
    }
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    // What cannot be entered is not needed for an answer; where it is, the answer says so.
    if let Ok(namespace) = open("/proc/1/ns/mnt", flags, Mode::empty()) {
        setns(namespace, CloneFlags::CLONE_NEWNS).unwrap_or_default();
    }
}
