//! `passwd(5)` and `group(5)`, by whatever service the host asks.

use std::ffi::{CStr, c_char, c_int};
use std::mem::MaybeUninit;

use nix::errno::Errno;

use crate::accounts::Passwd;

/// Calls a `get*_r` function with a buffer that grows until the entry fits, and reads the entry.
/// `None`: not found.
fn look_up<T, R>(
    mut call: impl FnMut(&mut [c_char], *mut *mut T) -> c_int,
    read: impl FnOnce(*mut T) -> R,
) -> Result<Option<R>, Errno> {
    // On the stack, where nearly all entries fit: a new page of the heap is a page fault.
    let mut small: [c_char; 1024] = [0; 1024];
    let mut large;
    let mut buffer = &mut small[..];
    loop {
        let mut found = std::ptr::null_mut();
        match call(buffer, &raw mut found) {
            0 if found.is_null() => return Ok(None),
            0 => return Ok(Some(read(found))),
            libc::ERANGE if buffer.len() < 1 << 24 => {
                large = vec![0; buffer.len() * 4];
                buffer = &mut large;
            }
            libc::EINTR => {}
            // glibc says 0 for "not found"; ENOENT is a service that is not there to ask.
            error => return Err(Errno::from_raw(error)),
        }
    }
}

/// Bytes of a string of a look-up's entry.
fn bytes_of(text: *const c_char) -> Vec<u8> {
    if text.is_null() {
        return Vec::new();
    }
    // SAFETY: wrong if the buffer that holds the string were gone; `look_up` keeps it alive.
    unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
}

/// `getpwnam_r(3)`.
pub fn getpwnam(name: &CStr) -> Result<Option<Passwd>, Errno> {
    passwd(|entry, buffer, found| {
        // SAFETY: wrong if the buffer's length were not its length, or `entry` or the buffer gone
        // while the entry is read.
        unsafe { libc::getpwnam_r(name.as_ptr(), entry, buffer.as_mut_ptr(), buffer.len(), found) }
    })
}

/// `getpwuid_r(3)`.
pub fn getpwuid(uid: u32) -> Result<Option<Passwd>, Errno> {
    passwd(|entry, buffer, found| {
        // SAFETY: as in `getpwnam`.
        unsafe { libc::getpwuid_r(uid, entry, buffer.as_mut_ptr(), buffer.len(), found) }
    })
}

fn passwd(
    mut call: impl FnMut(*mut libc::passwd, &mut [c_char], *mut *mut libc::passwd) -> c_int,
) -> Result<Option<Passwd>, Errno> {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let read = |entry: *mut libc::passwd| {
        // SAFETY: wrong if the look-up had not filled the entry; `read` is called only then.
        let entry = unsafe { &*entry };
        Passwd {
            name: bytes_of(entry.pw_name),
            uid: entry.pw_uid,
            gid: entry.pw_gid,
            home: bytes_of(entry.pw_dir),
        }
    };
    look_up(|buffer, found| call(entry.as_mut_ptr(), buffer, found), read)
}

/// `getgrnam_r(3)`, the group's number.
pub fn getgrnam(name: &CStr) -> Result<Option<u32>, Errno> {
    let mut entry = MaybeUninit::<libc::group>::uninit();
    let call = |buffer: &mut [c_char], found| {
        let (text, len) = (buffer.as_mut_ptr(), buffer.len());
        // SAFETY: as in `getpwnam`.
        unsafe { libc::getgrnam_r(name.as_ptr(), entry.as_mut_ptr(), text, len, found) }
    };
    // SAFETY: as in `passwd`.
    look_up(call, |entry: *mut libc::group| unsafe { &*entry }.gr_gid)
}

/// `getgrouplist(3)`.
pub fn getgrouplist(user: &CStr, primary: u32) -> Result<Vec<u32>, Errno> {
    let mut groups: Vec<u32> = vec![0; 64];
    loop {
        let mut count = c_int::try_from(groups.len()).map_err(|_| Errno::EOVERFLOW)?;
        // SAFETY: wrong if `count` were more than the vector has room for.
        let result = unsafe {
            libc::getgrouplist(user.as_ptr(), primary, groups.as_mut_ptr(), &raw mut count)
        };
        let count = usize::try_from(count).unwrap_or(0);
        if result >= 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        if count <= groups.len() {
            return Err(Errno::EIO);
        }
        groups.resize(count, 0);
    }
}
