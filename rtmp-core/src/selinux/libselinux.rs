//! libselinux as the session sees it. One of the three places with `unsafe`.
//!
//! Each call allocates with malloc(3) and frees before it returns; the copies here are Rust's.

use std::ffi::{CStr, c_char, c_int, c_uint, c_ushort, c_void};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr::{null, null_mut};

use nix::errno::Errno;

use super::{Context, Selinux};
use crate::path::Name;
use crate::sys::ProcPath;

#[link(name = "selinux")]
unsafe extern "C" {
    fn is_selinux_enabled() -> c_int;
    fn getexeccon_raw(context: *mut *mut c_char) -> c_int;
    fn getcon_raw(context: *mut *mut c_char) -> c_int;
    fn getseuserbyname(
        user: *const c_char,
        seuser: *mut *mut c_char,
        level: *mut *mut c_char,
    ) -> c_int;
    fn get_default_context_with_level(
        seuser: *const c_char,
        level: *const c_char,
        from: *const c_char,
        context: *mut *mut c_char,
    ) -> c_int;
    fn selinux_trans_to_raw_context(context: *const c_char, raw: *mut *mut c_char) -> c_int;
    fn getfilecon_raw(path: *const c_char, context: *mut *mut c_char) -> c_int;
    fn fsetfilecon_raw(file: c_int, context: *const c_char) -> c_int;
    fn getfscreatecon_raw(context: *mut *mut c_char) -> c_int;
    fn setfscreatecon_raw(context: *const c_char) -> c_int;
    fn string_to_security_class(class: *const c_char) -> c_ushort;
    fn security_compute_member_raw(
        subject: *const c_char,
        object: *const c_char,
        class: c_ushort,
        context: *mut *mut c_char,
    ) -> c_int;
    fn selabel_open(backend: c_uint, options: *const c_void, count: c_uint) -> *mut c_void;
    fn selabel_lookup_raw(
        handle: *mut c_void,
        context: *mut *mut c_char,
        path: *const c_char,
        kind: c_int,
    ) -> c_int;
    fn selabel_close(handle: *mut c_void);
    fn freecon(context: *mut c_char);
}

/// `SELABEL_CTX_FILE` (selinux/label.h).
const FILES: c_uint = 0;

/// Whether contexts can be read and set.
pub const SUPPORTED: bool = true;

/// What the library found when it was loaded: no system call.
pub fn state() -> Selinux {
    // SAFETY: wrong if the library asked for something to be set up first; its constructor does.
    match unsafe { is_selinux_enabled() } {
        1 => Selinux::Enabled,
        _ => Selinux::Disabled,
    }
}

/// Before something is made that gets no label: then SELinux is disabled.
pub fn unlabelled() -> Result<(), Errno> {
    Ok(())
}

/// A string that the library has allocated, or none.
struct Text(*mut c_char);

impl Text {
    /// Calls for a string. Where the call fails its errno is the answer.
    fn of(call: impl FnOnce(*mut *mut c_char) -> c_int) -> Result<Self, Errno> {
        let mut text = Self(null_mut());
        Errno::result(call(&raw mut text.0))?;
        Ok(text)
    }

    /// A copy of it as a context.
    fn context(&self) -> Option<Context> {
        // SAFETY: wrong if a call that succeeded had left something else than NULL or a string.
        (!self.0.is_null()).then(|| Context::new(unsafe { CStr::from_ptr(self.0) }))
    }

    /// The same, where a call that succeeds gives one.
    fn into_context(self) -> Result<Context, Errno> {
        self.context().ok_or(Errno::ENODATA)
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // SAFETY: wrong if the string were freed elsewhere, or not malloc(3)'s; NULL is fine.
        unsafe { freecon(self.0) };
    }
}

/// The context that the next program of this thread is to run in, if one is set.
pub fn exec() -> Result<Option<Context>, Errno> {
    // SAFETY: wrong if the pointer did not outlive the call. So in all calls of this kind below;
    // what else they are given are strings that outlive them too.
    Ok(Text::of(|context| unsafe { getexeccon_raw(context) })?.context())
}

/// The context of this thread.
pub fn current() -> Result<Context, Errno> {
    // SAFETY: as in `exec`.
    Text::of(|context| unsafe { getcon_raw(context) })?.into_context()
}

/// The context that the policy has for a user who logs in here, at the user's own level.
pub fn default_of(user: &Name) -> Result<Context, Errno> {
    let mut level = Text(null_mut());
    let seuser = Text::of(|seuser| {
        // SAFETY: as in `exec`.
        unsafe { getseuserbyname(user.as_cstr().as_ptr(), seuser, &raw mut level.0) }
    })?;
    let context = Text::of(|context| {
        // SAFETY: as in `exec`; the level may be NULL, in a policy without levels.
        unsafe { get_default_context_with_level(seuser.0, level.0, null(), context) }
    })?;
    // SAFETY: as in `exec`.
    Text::of(|raw| unsafe { selinux_trans_to_raw_context(context.0, raw) })?.into_context()
}

/// The context of an open directory. By way of `/proc`, since `O_PATH` is too little for
/// fgetxattr(2).
pub fn context_of(file: BorrowedFd<'_>) -> Result<Context, Errno> {
    let path = ProcPath::of(file);
    // SAFETY: as in `exec`.
    Text::of(|context| unsafe { getfilecon_raw(path.as_cstr().as_ptr(), context) })?.into_context()
}

/// The context that the policy's `type_member` rules give a subject's instance of a directory.
pub fn member(subject: &Context, directory: &Context) -> Result<Context, Errno> {
    // SAFETY: as in `exec`.
    let class = unsafe { string_to_security_class(c"dir".as_ptr()) };
    if class == 0 {
        return Err(Errno::last());
    }
    let (subject, directory) = (subject.as_cstr(), directory.as_cstr());
    Text::of(|context| {
        // SAFETY: as in `exec`.
        unsafe { security_compute_member_raw(subject.as_ptr(), directory.as_ptr(), class, context) }
    })?
    .into_context()
}

/// The policy's `file_contexts(5)`, read.
pub struct FileContexts(*mut c_void);

impl FileContexts {
    /// Reads them. Takes milliseconds.
    pub fn open() -> Result<Self, Errno> {
        // SAFETY: wrong if there were options and fewer of them than the count says.
        let handle = unsafe { selabel_open(FILES, null(), 0) };
        if handle.is_null() { Err(Errno::last()) } else { Ok(Self(handle)) }
    }

    /// What they say of a path. `None`: nothing, or `<<none>>`.
    pub fn of(&self, path: &CStr, kind: libc::mode_t) -> Result<Option<Context>, Errno> {
        let kind = c_int::try_from(kind).map_err(|_| Errno::EINVAL)?;
        let found = Text::of(|context| {
            // SAFETY: as in `exec`; the handle is open until it is dropped.
            unsafe { selabel_lookup_raw(self.0, context, path.as_ptr(), kind) }
        });
        match found {
            Ok(text) => Ok(text.context()),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno),
        }
    }
}

impl Drop for FileContexts {
    fn drop(&mut self) {
        // SAFETY: wrong if it were closed elsewhere.
        unsafe { selabel_close(self.0) };
    }
}

/// Gives a directory that is open for reading another context.
pub fn relabel(file: BorrowedFd<'_>, context: &Context) -> Result<(), Errno> {
    // SAFETY: as in `exec`; the descriptor is borrowed, so it is open.
    Errno::result(unsafe { fsetfilecon_raw(file.as_raw_fd(), context.as_cstr().as_ptr()) })
        .map(drop)
}

/// What `make` makes gets this context from its first moment on. The thread's own setting is put
/// back whatever happens; where that fails, `make` was called and this is an error all the same.
pub fn creating_as<T>(context: &Context, make: impl FnOnce() -> T) -> Result<T, Errno> {
    // SAFETY: as in `exec`.
    let before = Before(Text::of(|context| unsafe { getfscreatecon_raw(context) })?);
    // SAFETY: as in `exec`.
    Errno::result(unsafe { setfscreatecon_raw(context.as_cstr().as_ptr()) })?;
    let made = make();
    before.put_back()?;
    Ok(made)
}

/// What this thread made files with.
struct Before(Text);

impl Before {
    fn put_back(&self) -> Result<(), Errno> {
        // SAFETY: as in `exec`; NULL is the setting that is none.
        Errno::result(unsafe { setfscreatecon_raw(self.0.0) }).map(drop)
    }
}

impl Drop for Before {
    /// Once more, after a failure and after a panic: the caller's next file would have the context
    /// of ours. The library knows what is set and calls the kernel only if that is not it yet.
    fn drop(&mut self) {
        self.put_back().unwrap_or_default();
    }
}
