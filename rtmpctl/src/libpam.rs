//! libpam, for sessions that nobody works in. The only file that speaks to it, and the only `unsafe`
//! of this crate: what is called is what `pam(3)` has, older than any distribution that is alive.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};

/// `PAM_SUCCESS` (`_pam_types.h`), as are the following.
const SUCCESS: c_int = 0;
const CONV_ERR: c_int = 19;
const SILENT: c_int = 0x8000;

/// Why libpam refused: its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused(pub String);

/// A session. Dropping it closes it.
#[derive(Debug)]
pub struct Session {
    handle: *mut Handle,
}

impl Session {
    /// `pam_start` and `pam_open_session`, without a word to anybody.
    pub fn open(service: &CStr, user: &CStr) -> Result<Self, Refused> {
        let mut handle = null_mut();
        // SAFETY: wrong if libpam kept one of these pointers: it copies the strings and the
        // conversation, and writes the handle before it returns.
        let code = unsafe {
            pam_start(service.as_ptr(), user.as_ptr(), &raw const SILENCE, &raw mut handle)
        };
        if code != SUCCESS {
            return Err(refused(null_mut(), code));
        }
        // SAFETY: wrong if the handle had ended; it has just begun.
        let code = unsafe { pam_open_session(handle, SILENT) };
        if code == SUCCESS {
            return Ok(Self { handle });
        }
        let refused = refused(handle, code);
        // SAFETY: wrong if the handle were used again: nobody else has it.
        unsafe { pam_end(handle, code) };
        Err(refused)
    }

    /// `pam_close_session` and `pam_end`.
    pub fn close(self) -> Result<(), Refused> {
        let handle = self.handle;
        std::mem::forget(self);
        close(handle)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Who drops a session has an error already that matters more.
        close(self.handle).unwrap_or_default();
    }
}

fn close(handle: *mut Handle) -> Result<(), Refused> {
    // SAFETY: wrong if the handle had ended: `Session` owns it, and ends it once.
    let code = unsafe { pam_close_session(handle, SILENT) };
    let result = if code == SUCCESS { Ok(()) } else { Err(refused(handle, code)) };
    // SAFETY: wrong if the handle were used again: the session is gone.
    unsafe { pam_end(handle, code) };
    result
}

fn refused(handle: *mut Handle, code: c_int) -> Refused {
    // SAFETY: wrong if libpam looked into the handle: it does not, and takes none.
    let text = unsafe { pam_strerror(handle, code) };
    if text.is_null() {
        return Refused(format!("PAM code {code}"));
    }
    // SAFETY: wrong if the text were not one of libpam's constants.
    let text = unsafe { CStr::from_ptr(text) };
    Refused(CString::from(text).to_string_lossy().into_owned())
}

/// A session has no questions for its user; whoever asks gets an error.
static SILENCE: Conversation = Conversation { converse, data: null() };

extern "C" fn converse(_: c_int, _: *const c_void, _: *mut c_void, _: *const c_void) -> c_int {
    CONV_ERR
}

#[repr(C)]
struct Conversation {
    converse: extern "C" fn(c_int, *const c_void, *mut c_void, *const c_void) -> c_int,
    data: *const c_void,
}

// SAFETY: wrong if `data` pointed to something that threads could change: it is null.
unsafe impl Sync for Conversation {}

#[repr(C)]
#[derive(Debug)]
struct Handle {
    _opaque: [u8; 0],
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        handle: *mut *mut Handle,
    ) -> c_int;
    fn pam_end(handle: *mut Handle, status: c_int) -> c_int;
    fn pam_open_session(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_close_session(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_strerror(handle: *mut Handle, code: c_int) -> *const c_char;
}
