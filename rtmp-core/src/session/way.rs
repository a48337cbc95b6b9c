//! A path that is being walked.

use std::ffi::CStr;

use nix::errno::Errno;

use super::error::Why;
use crate::path::PATH_MAX;
use crate::sys;

/// The path still to be walked, in a buffer of the walk's. Always absolute.
pub struct Way<'b> {
    text: &'b mut [u8],
    /// How long it is, in bytes.
    pub len: usize,
    /// Whether a link was followed.
    pub linked: bool,
}

impl<'b> Way<'b> {
    /// The way to a path, if there is room for it.
    pub fn new(room: &'b mut [u8], path: &[u8]) -> Result<Self, Why> {
        let mut way = Self { text: room, len: 0, linked: false };
        way.push(path)?;
        Ok(way)
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), Why> {
        let end = self.len + bytes.len();
        // One byte stays free for the NUL.
        if end >= self.text.len() {
            return Err(Why::Os(Errno::ENAMETOOLONG));
        }
        if let Some(room) = self.text.get_mut(self.len..end) {
            room.copy_from_slice(bytes);
        }
        self.len = end;
        Ok(())
    }

    /// Where the component after byte `start` ends; `None` at the end of the way.
    pub fn component_end(&self, start: usize) -> Option<usize> {
        let rest = self.text.get(start..self.len)?;
        let skipped = rest.iter().position(|&b| b != b'/')?;
        let name = rest.get(skipped..)?;
        let len = name.iter().position(|&b| b == b'/').unwrap_or(name.len());
        Some(start + skipped + len)
    }

    /// Calls with the way's first bytes as a path.
    pub fn up_to<T>(&mut self, end: usize, call: impl FnOnce(&CStr) -> T) -> T {
        if end == 0 {
            return call(c"/");
        }
        self.between(0, end, call)
    }

    /// Calls with one component, its slashes left out.
    pub fn component<T>(&mut self, start: usize, end: usize, call: impl FnOnce(&CStr) -> T) -> T {
        let rest = self.text.get(start..end).unwrap_or_default();
        let slashes = rest.iter().take_while(|&&b| b == b'/').count();
        self.between(start + slashes, end, call)
    }

    fn between<T>(&mut self, start: usize, end: usize, call: impl FnOnce(&CStr) -> T) -> T {
        let kept = self.text.get(end).copied().unwrap_or(0);
        if let Some(byte) = self.text.get_mut(end) {
            *byte = 0;
        }
        let text = self.text.get(start..=end).unwrap_or_default();
        // The bytes hold no other NUL: a path comes from a C string, and so does a link.
        let result = call(CStr::from_bytes_until_nul(text).unwrap_or(c""));
        if let Some(byte) = self.text.get_mut(end) {
            *byte = kept;
        }
        result
    }

    /// Puts the target of the link that ends at this byte in the link's place.
    pub fn follow(&mut self, end: usize) -> Result<(), Why> {
        let target = self.up_to(end, sys::readlink)?;
        let head = self.text.get(..end).unwrap_or_default();
        let dir = head.iter().rposition(|&b| b == b'/').unwrap_or(0);
        let mut room = [0; PATH_MAX];
        let mut way = Way::new(&mut room, b"")?;
        if !target.as_bytes().starts_with(b"/") {
            way.push(head.get(..dir).unwrap_or_default())?;
            way.push(b"/")?;
        }
        way.push(target.as_bytes())?;
        way.push(self.text.get(end..self.len).unwrap_or_default())?;
        let len = way.len;
        self.len = 0;
        self.linked = true;
        self.push(room.get(..len).unwrap_or_default())
    }
}
