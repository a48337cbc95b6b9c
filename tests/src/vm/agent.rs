//! Root in the machine, past every login: `tests/images/agent` at the end of a serial port.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use crate::command::Outcome;

/// What it says when it has started.
const GREETING: &str = "READY";

pub(super) struct Agent {
    port: BufReader<UnixStream>,
    lost: bool,
}

impl Agent {
    pub fn on(port: UnixStream) -> Self {
        Agent { port: BufReader::new(port), lost: false }
    }

    /// Whether it owes an answer, so that nothing more can be asked.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// Waits until the machine has started.
    pub fn greeting(&mut self) {
        let line = self.line("");
        assert_eq!(line, GREETING);
    }

    /// Runs a script with bash.
    pub fn run(&mut self, script: &str) -> Outcome {
        let port = self.port.get_mut();
        write!(port, "{}\n{script}", script.len()).expect("the machine is gone");
        let line = self.line(script);
        let numbers: Option<Vec<usize>> = line.split(' ').map(|word| word.parse().ok()).collect();
        let Some([status, out, err]) = numbers.as_deref() else {
            self.lost = true;
            panic!("{line} instead of an answer: the machine started again? It ran: {script}")
        };
        let (out, err) = (self.text(*out), self.text(*err));
        Outcome { status: *status as i32, out, err }
    }

    fn line(&mut self, script: &str) -> String {
        let mut line = String::new();
        self.lost = true;
        match self.port.read_line(&mut line) {
            Ok(0) => panic!("the machine has ended. It ran: {script}"),
            Ok(_) => self.lost = false,
            Err(e) => panic!("the machine does not answer: {e}. It ran: {script}"),
        }
        line.trim_end().to_owned()
    }

    fn text(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        self.port.read_exact(&mut bytes).expect("an answer that breaks off");
        String::from_utf8_lossy(&bytes).into_owned()
    }
}
