//! The system log of a world.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;

use crate::process::{self, Process};
use crate::wire::Wire;

/// A facility of syslog(3), by number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Facility(u8);

impl Facility {
    /// `LOG_AUTH`.
    pub const AUTH: Self = Self(4);
    /// `LOG_AUTHPRIV`: where PAM modules write.
    pub const AUTHPRIV: Self = Self(10);
}

impl std::fmt::Debug for Facility {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::AUTH => f.write_str("auth"),
            Self::AUTHPRIV => f.write_str("authpriv"),
            Self(other) => write!(f, "facility {other}"),
        }
    }
}

/// A severity of syslog(3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Severity {
    Emerg,
    Alert,
    Crit,
    Err,
    Warning,
    Notice,
    Info,
    Debug,
}

impl Severity {
    const ALL: [Self; 8] = [
        Self::Emerg,
        Self::Alert,
        Self::Crit,
        Self::Err,
        Self::Warning,
        Self::Notice,
        Self::Info,
        Self::Debug,
    ];
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Who the line is for.
    pub facility: Facility,
    /// How bad it is.
    pub severity: Severity,
    /// The program that wrote it.
    pub program: String,
    /// What it says; from a PAM module, `pam_name(service:session): words`.
    pub text: String,
}

impl Line {
    /// What a PAM module says, without the `pam_name(service:session): ` before it.
    pub fn words(&self) -> &str {
        self.text.split_once(": ").map_or("", |(_, words)| words)
    }

    /// Whether a module of this name wrote it.
    pub fn is_from(&self, module: &str) -> bool {
        let stem = module.trim_end_matches(".so");
        self.text.strip_prefix(stem).is_some_and(|rest| rest.starts_with('('))
    }

    /// Reads `<86>Nov 23 23:37:59 program[12]: text`.
    fn parse(datagram: &str) -> Option<Self> {
        let (priority, rest) = datagram.strip_prefix('<')?.split_once('>')?;
        let priority: u8 = priority.parse().ok()?;
        let (sender, text) = rest.get("Nov 23 23:37:59 ".len()..)?.split_once(": ")?;
        Some(Line {
            facility: Facility(priority >> 3),
            severity: Severity::ALL[usize::from(priority & 7)],
            program: sender.split('[').next()?.to_owned(),
            text: text.trim_end_matches(['\n', '\0']).to_owned(),
        })
    }
}

/// `/dev/log`, and the process that listens to it.
pub(crate) struct Journal {
    flush: UnixDatagram,
    answers: RefCell<Wire>,
    _listener: Process<()>,
}

/// What nobody logs. It queues behind all lines written before it, so the answer has them all.
const FLUSH: &[u8] = b"\0flush";

impl Journal {
    pub(crate) fn open() -> Self {
        let socket = UnixDatagram::bind(PATH).unwrap();
        fs::set_permissions(PATH, fs::Permissions::from_mode(0o666)).unwrap();
        let flush = UnixDatagram::unbound().unwrap();
        flush.connect(PATH).unwrap();
        let (answers, questions) = Wire::pair();
        let listener = process::start(move || listen(&socket, questions));
        Journal { flush, answers: RefCell::new(answers), _listener: listener }
    }

    /// All lines so far.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.flush.send(FLUSH).unwrap();
        let datagrams: Vec<String> = self.answers.borrow_mut().receive().unwrap();
        let line =
            |text: &String| Line::parse(text).unwrap_or_else(|| panic!("not syslog: {text}"));
        datagrams.iter().map(line).collect()
    }
}

const PATH: &str = "/dev/log";

fn listen(socket: &UnixDatagram, mut wire: Wire) {
    let mut heard = Vec::new();
    let mut datagram = [0; 16 * 1024];
    loop {
        let length = socket.recv(&mut datagram).unwrap();
        match &datagram[..length] {
            FLUSH => wire.send(&heard),
            line => heard.push(String::from_utf8_lossy(line).into_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_facility_a_severity_a_program_and_a_text() {
        let line = Line::parse("<83>Nov  3 23:37:59 su[12]: pam_x(su:session): no: never").unwrap();
        assert_eq!(line.facility, Facility::AUTHPRIV);
        assert_eq!(line.severity, Severity::Err);
        assert_eq!(line.program, "su");
        assert_eq!(line.text, "pam_x(su:session): no: never");
    }
}
