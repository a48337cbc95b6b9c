//! The terminal on the machine's serial line, and somebody who types there.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::machine::PATIENCE;

/// The serial line.
pub struct Console {
    line: UnixStream,
    unread: String,
}

impl Console {
    pub(super) fn on(line: UnixStream) -> Self {
        line.set_read_timeout(Some(PATIENCE)).unwrap();
        Console { line, unread: String::new() }
    }

    /// Types a line and Enter.
    pub fn send(&mut self, text: &str) {
        self.line.write_all(format!("{text}\r").as_bytes()).unwrap();
    }

    /// Waits until it shows `text`, and returns what came before that; fails the test if it does not.
    pub fn expect(&mut self, text: &str) -> String {
        let mut bytes = [0; 4096];
        loop {
            if let Some((before, after)) = self.unread.split_once(text) {
                let (before, after) = (before.to_owned(), after.to_owned());
                self.unread = after;
                return before;
            }
            match self.line.read(&mut bytes) {
                Ok(length @ 1..) => {
                    self.unread += &String::from_utf8_lossy(&bytes[..length]);
                }
                Ok(0) => panic!("the machine ended; instead of {text:?} it showed {}", self.unread),
                Err(e) => panic!("{e}: instead of {text:?} it showed {}", self.unread),
            }
        }
    }
}
