//! `namespace.init` or an `iscript=` of the administrator's own, run as root after each mount.

use std::ffi::CStr;

use super::error::Why;
use super::walk::MountApi;
use crate::path::AbsPath;
use crate::sys::{self, End};

/// The six arguments of `namespace.init` (`pam_namespace(8)`, Linux-PAM 1.7.1).
pub struct Arguments<'a> {
    /// The polydir.
    pub polydir: &'a AbsPath,
    /// The instance's path, or `tmpfs`.
    pub instance: &'a CStr,
    /// Whether it was made for this session.
    pub new: bool,
    /// The user.
    pub user: &'a CStr,
    /// Whether the instance's path is safe, as far as it can be seen.
    pub instance_is_safe: bool,
}

/// Runs a script with an empty environment (CVE-2010-3853), in `/`, with umask 022, nothing to
/// read, and no descriptor of the caller's. What it exits with does not matter; being killed does.
pub fn run(api: MountApi, script: &AbsPath, arguments: &Arguments<'_>) -> Result<(), Why> {
    // The name is looked up again by the kernel, so nobody but root may be able to bend it.
    if !api.open_above(script)?.is_firm() {
        return Err(Why::Link);
    }
    let flag = |set| if set { c"1" } else { c"0" };
    let ended = sys::run([
        script.as_cstr(),
        arguments.polydir.as_cstr(),
        arguments.instance,
        flag(arguments.new),
        arguments.user,
        flag(api.is_safe(arguments.polydir)),
        flag(arguments.instance_is_safe),
    ])?;
    match ended {
        // As in pam_namespace: a script that fails, or is no program, fails nobody's login.
        End::Exited => Ok(()),
        End::Killed => Err(Why::Killed),
    }
}
