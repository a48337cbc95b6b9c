//! Whether SELinux is there to be reckoned with.

use nix::sys::statfs::{FsType, statfs};

use crate::plan::Selinux;

/// `SELINUX_MAGIC` (linux/magic.h).
const SELINUXFS: FsType = FsType(0xf97c_ff8c);

/// A policy is loaded where selinuxfs is mounted, which libselinux's init does together.
pub fn state() -> Selinux {
    match statfs(c"/sys/fs/selinux") {
        Ok(found) if found.filesystem_type() == SELINUXFS => Selinux::Enabled,
        _ => Selinux::Disabled,
    }
}
