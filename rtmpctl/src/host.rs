//! The host's mount namespace: that of process 1.

use nix::errno::Errno;
use nix::sys::stat::stat;

use crate::view;

/// Leaves a private session that this command may have been started in, `sudo` in alice's shell,
/// say: there neither the instance parents nor the polydirs are the host's. Who is not root stays,
/// and so does who is in a chroot, where process 1's directories are not the ones that are meant.
pub fn step_out() {
    let same = |one: &str, other: &str| {
        let identity = |path| stat(path).map(|found| (found.st_dev, found.st_ino));
        Ok::<_, Errno>(identity(one)? == identity(other)?)
    };
    let is_elsewhere = same("/proc/self/ns/mnt", "/proc/1/ns/mnt") == Ok(false);
    if is_elsewhere && same("/", "/proc/1/root") == Ok(true) {
        // Where it cannot be entered, the answer says what could not be seen.
        view::step_out().unwrap_or_default();
    }
}
