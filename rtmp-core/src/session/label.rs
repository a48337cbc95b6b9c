//! The SELinux contexts of what a session makes: they are there from the first moment on.

use std::ffi::CStr;
use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::sys::stat::{Mode, mkdirat};

use super::dir::Dir;
use super::error::Why;
use super::removal;
use crate::path::AbsPath;
use crate::selinux::{self, Context, FileContexts};

/// Makes a directory with this context, or none; `None`: SELinux is disabled.
pub fn mkdir(place: &Dir, name: &CStr, mode: Mode, context: Option<&Context>) -> Result<(), Why> {
    let mut is_made = false;
    let made = create(context, || mkdirat(place, name, mode).inspect(|()| is_made = true));
    if made.is_err() && is_made {
        // The thread's own context could not be put back.
        removal::take_back(place, name);
    }
    made
}

/// Calls what makes a file, which then has this context; `None`: SELinux is disabled.
pub fn create<T>(
    context: Option<&Context>,
    make: impl FnOnce() -> Result<T, Errno>,
) -> Result<T, Why> {
    let made = match context {
        Some(context) => selinux::creating_as(context, make).map_err(Why::Label)?,
        None => {
            selinux::unlabelled().map_err(|_| Why::LabelUnsupported)?;
            make()
        }
    };
    Ok(made?)
}

/// What a directory of the configuration gets that is missing: what `file_contexts(5)` says, else
/// what the directory above has. Not what the policy would give to a file of the program that logs
/// a user in.
pub fn of_missing(path: &AbsPath, above: &Dir) -> Result<Context, Why> {
    let configured = FileContexts::open().and_then(|files| files.of(path.as_cstr(), libc::S_IFDIR));
    match configured.map_err(Why::Label)? {
        Some(context) => Ok(context),
        None => selinux::context_of(above.as_fd()).map_err(Why::Label),
    }
}

/// Whether a directory has this context; `None`: SELinux is disabled.
pub fn is(dir: &Dir, context: Option<&Context>) -> Result<bool, Why> {
    let Some(context) = context else { return Ok(true) };
    Ok(selinux::context_of(dir.as_fd()).map_err(Why::Label)? == *context)
}
