//! Values between two processes, as lines of JSON.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// One end of a conversation.
pub struct Wire {
    stream: BufReader<UnixStream>,
}

impl Wire {
    /// Both ends; one of them is for a child.
    pub fn pair() -> (Self, Self) {
        let (one, other) = UnixStream::pair().unwrap();
        (Wire { stream: BufReader::new(one) }, Wire { stream: BufReader::new(other) })
    }

    /// Tells the other end.
    pub fn send(&mut self, value: &impl Serialize) {
        let line = serde_json::to_string(value).unwrap() + "\n";
        // Nobody there to read is found out by who waits for the answer.
        let _ = self.stream.get_mut().write_all(line.as_bytes());
    }

    /// The next value, or none if the other end is gone.
    pub fn receive<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut line = String::new();
        self.stream.read_line(&mut line).ok().filter(|length| *length > 0)?;
        Some(serde_json::from_str(&line).unwrap())
    }
}
