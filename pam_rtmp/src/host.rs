//! libpam as the module sees it: items, data and the log. One of the three places with `unsafe`.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int};
use std::fmt::Display;

use pam::items::{RUser, User};
use pam::module::PamHandle;
use rtmp_core::session::Kept;

unsafe extern "C" {
    /// `pam_syslog(3)`: facility authpriv, the host's own ident, `pam_rtmp(sshd:session): ` first.
    fn pam_syslog(pamh: *const PamHandle, priority: c_int, format: *const c_char, ...);
}

// Takes the unwinder from libgcc_eh.a, so that libgcc_s.so.1 need not be loaded at each login.
#[cfg(feature = "static-unwind")]
#[link(name = "gcc_eh", kind = "static", modifiers = "-bundle")]
unsafe extern "C" {}

/// `LOG_*` (syslog.h), as far as the module uses them.
#[derive(Debug, Clone, Copy)]
#[repr(i32)]
pub enum Priority {
    /// The module itself is broken.
    Critical = libc::LOG_CRIT,
    /// A session was refused.
    Error = libc::LOG_ERR,
    /// A session was opened, and something is not as it should be.
    Warning = libc::LOG_WARNING,
    /// Asked for by `debug`.
    Debug = libc::LOG_DEBUG,
}

/// Under this name a session's mounts and instances are kept between open and close.
const KEPT: &str = "pam_rtmp:kept";

/// The process that called the module.
pub struct Host<'h>(&'h mut PamHandle);

impl<'h> Host<'h> {
    /// The host behind a handle.
    pub fn new(pamh: &'h mut PamHandle) -> Self {
        Self(pamh)
    }

    /// `PAM_USER`, if it is set. Not `pam_get_user(3)`, which would ask for it.
    pub fn user(&self) -> Option<&[u8]> {
        self.0.get_item::<User<'_>>().ok().flatten().map(|user| user.0.to_bytes())
    }

    /// `PAM_RUSER`, if it is set.
    pub fn ruser(&self) -> Option<&[u8]> {
        self.0.get_item::<RUser<'_>>().ok().flatten().map(|ruser| ruser.0.to_bytes())
    }

    /// Writes one line to the log.
    #[cold]
    pub fn log(&self, priority: Priority, line: &dyn Display) {
        // A NUL can only come from a bug; the line is then cut there.
        let line = line.to_string().replace('\0', "");
        let Ok(line) = CString::new(line) else { return };
        // SAFETY: wrong if the format asked for other arguments than one string, or the handle
        // were gone; libpam keeps it for the whole call of the module.
        unsafe {
            pam_syslog(self.0, priority as c_int, c"%s".as_ptr(), line.as_ptr());
        }
    }

    /// Keeps what `close_session` will need. It is plain data: dropping it in a forked child that
    /// calls pam_end(3) changes nothing.
    #[cold]
    pub fn keep(&mut self, kept: Kept) -> Result<(), &'static str> {
        let kept = match self.kept() {
            Some(earlier) => kept.after(earlier),
            None => kept,
        };
        self.0
            .set_data(KEPT, Box::new(kept))
            .map_err(|_| "unable to keep the session's mounts: libpam takes no data")
    }

    /// What was kept; nothing, where close_session has another handle than open_session.
    pub fn kept(&self) -> Option<&Kept> {
        // SAFETY: wrong if somebody else kept data of another type under this name.
        unsafe { self.0.get_data::<Kept>(KEPT) }.ok()
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    #[repr(C)]
    struct Conversation {
        conv: Option<extern "C" fn() -> c_int>,
        data: *mut std::ffi::c_void,
    }

    unsafe extern "C" {
        fn pam_start(
            service: *const c_char,
            user: *const c_char,
            conversation: *const Conversation,
            pamh: *mut *mut PamHandle,
        ) -> c_int;
        fn pam_end(pamh: *mut PamHandle, status: c_int) -> c_int;
    }

    /// Calls with a handle of the real libpam.
    pub fn with_a_real_handle<T>(body: impl FnOnce(&mut PamHandle) -> T) -> T {
        let conversation = Conversation { conv: None, data: std::ptr::null_mut() };
        let mut pamh = std::ptr::null_mut();
        // SAFETY: wrong if one of the pointers did not outlive the call.
        let started = unsafe {
            pam_start(c"other".as_ptr(), c"root".as_ptr(), &raw const conversation, &raw mut pamh)
        };
        assert_eq!(started, 0);
        // SAFETY: wrong if pam_start had failed, or somebody else used the handle.
        let result = body(unsafe { &mut *pamh });
        // SAFETY: wrong if the handle were used after this.
        unsafe { pam_end(pamh, 0) };
        result
    }
}
