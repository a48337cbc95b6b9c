//! Whether SELinux is there to be reckoned with.

use nix::sys::statfs::{FsType, statfs};

/// Whether the kernel runs with SELinux.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selinux {
    /// No policy is loaded.
    Disabled,
    /// A policy is loaded, whether it enforces or not.
    Enabled,
}

/// `SELINUX_MAGIC` (linux/magic.h).
const SELINUXFS: FsType = FsType(0xf97c_ff8c);

/// A policy is loaded where selinuxfs is mounted, which libselinux's init does together.
pub fn state() -> Selinux {
    match statfs(c"/sys/fs/selinux") {
        Ok(found) if found.filesystem_type() == SELINUXFS => Selinux::Enabled,
        _ => Selinux::Disabled,
    }
}
