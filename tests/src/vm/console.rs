//! The terminal on the machine's serial line, and somebody who types there.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::machine::PATIENCE;
use crate::command::Outcome;

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

    /// Logs in where `serial-getty@ttyS0` asks, and waits for the shell's prompt.
    pub fn log_in(&mut self, user: &str) {
        self.expect("login: ");
        self.send(user);
        self.expect("Password: ");
        self.send("secret");
        self.expect(if user == "root" { "# " } else { "$ " });
    }

    /// Runs a command in the shell that waits there. Its output is all that the terminal shows until it
    /// ends, and begins with the command itself.
    pub fn run(&mut self, command: &str) -> Outcome {
        // The terminal shows what is typed, too, and that is not the end yet.
        self.send(&format!("{command}; echo \"[sta\"\"tus $?]\""));
        let out = self.expect("[status ");
        let status = self.expect("]").parse().unwrap();
        Outcome { status, out, err: String::new() }
    }

    /// Logs out, so that another may log in.
    pub fn log_out(&mut self) {
        self.send("exit");
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
