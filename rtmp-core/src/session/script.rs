//! `namespace.init` or an `iscript=` of the administrator's own, run as root after each mount.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use super::error::Why;
use super::walk::MountApi;
use crate::path::AbsPath;
use crate::sys;

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
    let flag = |set| if set { "1" } else { "0" };
    let bytes = |text: &'_ CStr| OsStr::from_bytes(text.to_bytes()).to_owned();
    let polydir_is_safe = api.is_safe(arguments.polydir);
    let mut command = Command::new(OsStr::from_bytes(script.as_bytes()));
    command
        .arg(OsStr::from_bytes(arguments.polydir.as_bytes()))
        .arg(bytes(arguments.instance))
        .arg(flag(arguments.new))
        .arg(bytes(arguments.user))
        .arg(flag(polydir_is_safe))
        .arg(flag(arguments.instance_is_safe))
        .env_clear()
        .current_dir("/");
    match sys::run(&mut command) {
        Ok(status) if status.signal().is_some() => Err(Why::Killed),
        // As in pam_namespace: a script that fails, or is no program, fails nobody's login.
        Ok(_) => Ok(()),
        Err(error) if error.raw_os_error().is_some_and(|errno| NO_PROGRAM.contains(&errno)) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// What execve(2) says of a file that it will never run, and of a missing interpreter.
const NO_PROGRAM: [i32; 5] =
    [libc::ENOEXEC, libc::EACCES, libc::ENOENT, libc::ENOTDIR, libc::ELIBBAD];
