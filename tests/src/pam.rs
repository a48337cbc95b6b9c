//! libpam, driven by hand. The only file that speaks to it.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::path::Path;
use std::ptr::{null, null_mut};

use nix::sys::wait::waitpid;
use nix::unistd::ForkResult;
use serde::{Deserialize, Serialize};

use crate::sys;

/// What libpam answered.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Code(c_int);

#[allow(missing_docs)] // pam(3) says what they mean
impl Code {
    pub const SUCCESS: Self = Self(0);
    pub const SERVICE_ERR: Self = Self(3);
    pub const SYSTEM_ERR: Self = Self(4);
    pub const BUF_ERR: Self = Self(5);
    pub const PERM_DENIED: Self = Self(6);
    pub const USER_UNKNOWN: Self = Self(10);
    pub const SESSION_ERR: Self = Self(14);
    pub const NO_MODULE_DATA: Self = Self(18);
    pub const CONV_ERR: Self = Self(19);
    pub const IGNORE: Self = Self(25);
    pub const ABORT: Self = Self(26);
    pub const MODULE_UNKNOWN: Self = Self(28);

    /// The number, as in `_pam_types.h`.
    pub fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match *self {
            Self::SUCCESS => "PAM_SUCCESS",
            Self::SERVICE_ERR => "PAM_SERVICE_ERR",
            Self::SYSTEM_ERR => "PAM_SYSTEM_ERR",
            Self::BUF_ERR => "PAM_BUF_ERR",
            Self::PERM_DENIED => "PAM_PERM_DENIED",
            Self::USER_UNKNOWN => "PAM_USER_UNKNOWN",
            Self::SESSION_ERR => "PAM_SESSION_ERR",
            Self::NO_MODULE_DATA => "PAM_NO_MODULE_DATA",
            Self::CONV_ERR => "PAM_CONV_ERR",
            Self::IGNORE => "PAM_IGNORE",
            Self::ABORT => "PAM_ABORT",
            Self::MODULE_UNKNOWN => "PAM_MODULE_UNKNOWN",
            Self(other) => return write!(f, "PAM code {other}"),
        };
        f.write_str(name)
    }
}

/// What an application tells libpam about a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Item {
    Service = 1,
    User = 2,
    Tty = 3,
    Rhost = 4,
    Ruser = 8,
}

/// How an application asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// No flags.
    Plain = 0,
    /// `PAM_SILENT`: a module should not speak to the user.
    Silent = 0x8000,
}

/// An application's handle. Dropping it ends it.
pub struct Pam {
    handle: *mut Handle,
    last: Code,
}

impl Pam {
    /// `pam_start_confdir`, in the world's `/etc/pam.d`.
    pub fn start(service: &str, user: &str) -> Result<Self, Code> {
        let (service, user) = (c_string(service), c_string(user));
        let mut handle = null_mut();
        // SAFETY: false if libpam kept one of these pointers: it copies the strings and the
        // conversation, and writes the handle before it returns.
        let code = Code(unsafe {
            pam_start_confdir(
                service.as_ptr(),
                user.as_ptr(),
                &SILENCE,
                c"/etc/pam.d".as_ptr(),
                &mut handle,
            )
        });
        match code {
            Code::SUCCESS => Ok(Pam { handle, last: code }),
            failed => Err(failed),
        }
    }

    /// `pam_set_item`.
    pub fn set(&mut self, item: Item, value: &str) -> Code {
        let value = c_string(value);
        // SAFETY: false if the item were not a string: every `Item` is one, and libpam copies it.
        Code(unsafe { pam_set_item(self.handle, item as c_int, value.as_ptr().cast()) })
    }

    /// `pam_putenv`, as `NAME=value`.
    pub fn put_env(&mut self, assignment: &str) -> Code {
        let assignment = c_string(assignment);
        // SAFETY: false if libpam kept the pointer: unlike putenv(3), it copies.
        Code(unsafe { pam_putenv(self.handle, assignment.as_ptr()) })
    }

    /// `pam_getenv`.
    pub fn env(&self, name: &str) -> Option<String> {
        let name = c_string(name);
        // SAFETY: false if the handle had ended: only `drop` and `end` do that.
        let value = unsafe { pam_getenv(self.handle, name.as_ptr()) };
        // SAFETY: false if libpam freed the value meanwhile: nothing is called before it is copied.
        let value = (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) });
        value.map(|text| text.to_string_lossy().into_owned())
    }

    /// `pam_open_session`.
    pub fn open_session(&mut self) -> Code {
        self.open_session_in(Manner::Plain)
    }

    /// `pam_open_session`, with flags.
    pub fn open_session_in(&mut self, manner: Manner) -> Code {
        // SAFETY: false if the handle had ended: only `drop` and `end` do that.
        self.last = Code(unsafe { pam_open_session(self.handle, manner as c_int) });
        self.last
    }

    /// `pam_close_session`.
    pub fn close_session(&mut self) -> Code {
        // SAFETY: false if the handle had ended: only `drop` and `end` do that.
        self.last = Code(unsafe { pam_close_session(self.handle, 0) });
        self.last
    }

    /// `pam_end`.
    pub fn end(self) -> Code {
        let (handle, last) = (self.handle, self.last);
        std::mem::forget(self);
        // SAFETY: false if the handle were used again: `self` is gone, and its `drop` with it.
        Code(unsafe { pam_end(handle, last.0) })
    }

    /// What pam_end(3) tells a forked child to do with its copy: `pam_end` with `PAM_DATA_SILENT`.
    pub fn end_silently_in_a_child(&self) {
        const DATA_SILENT: c_int = 0x4000_0000;
        match sys::fork().unwrap() {
            ForkResult::Parent { child } => {
                let _ = waitpid(child, None).unwrap();
            }
            ForkResult::Child => {
                // SAFETY: false if the handle were used again in this process, which ends here.
                unsafe { pam_end(self.handle, Code::SUCCESS.0 | DATA_SILENT) };
                sys::exit(0)
            }
        }
    }
}

impl Drop for Pam {
    fn drop(&mut self) {
        // SAFETY: false if `end` had ended the handle: it forgets `self`.
        unsafe { pam_end(self.handle, self.last.0) };
    }
}

/// Loads a module as libpam does, binds every symbol at once, and unloads it; or what dlerror(3)
/// says.
pub fn load_and_bind(module: &Path) -> Result<(), String> {
    let path = c_string(module.to_str().unwrap());
    // SAFETY: false if a module did something when it is loaded: ours and the distribution's have
    // no constructors.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    if handle.is_null() {
        // SAFETY: false if another thread's call could come in between: the sentence is the thread's.
        let why = unsafe { libc::dlerror() };
        // SAFETY: false if no call had failed, since it is NULL then: the last one did.
        let why = unsafe { CStr::from_ptr(why) };
        return Err(why.to_string_lossy().into_owned());
    }
    // SAFETY: false if something of the module were used afterwards: nothing was looked up.
    match unsafe { libc::dlclose(handle) } {
        0 => Ok(()),
        status => Err(format!("dlclose: {status}")),
    }
}

fn c_string(text: &str) -> CString {
    CString::new(text).unwrap_or_else(|_| panic!("{text:?} has a NUL, which C cannot say"))
}

/// A session has no questions for its user; whoever asks gets an error.
static SILENCE: Conversation = Conversation { converse, data: null() };

extern "C" fn converse(_: c_int, _: *const c_void, _: *mut c_void, _: *const c_void) -> c_int {
    Code::CONV_ERR.0
}

#[repr(C)]
struct Conversation {
    converse: extern "C" fn(c_int, *const c_void, *mut c_void, *const c_void) -> c_int,
    data: *const c_void,
}

// SAFETY: false if `data` pointed to something that is not: it is null.
unsafe impl Sync for Conversation {}

#[repr(C)]
struct Handle {
    _opaque: [u8; 0],
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        confdir: *const c_char,
        handle: *mut *mut Handle,
    ) -> c_int;
    fn pam_end(handle: *mut Handle, status: c_int) -> c_int;
    fn pam_set_item(handle: *mut Handle, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut Handle, assignment: *const c_char) -> c_int;
    fn pam_getenv(handle: *mut Handle, name: *const c_char) -> *const c_char;
    fn pam_open_session(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_close_session(handle: *mut Handle, flags: c_int) -> c_int;
}
