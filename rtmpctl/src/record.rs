//! An administrator's act on what is private or belongs to the system, in the authpriv log: who did
//! it, and what. It is written before the act, or the act is not done.

use std::ffi::OsString;
use std::fmt::{self, Write};
use std::os::unix::ffi::OsStrExt;

use rtmp_core::accounts::{Account, real_uid};
use rtmp_core::path::Shown;
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

use crate::outcome::Failure;

/// A way into the system log. It stays that way when the process has gone to another mount
/// namespace, whatever `/dev/log` is there.
pub struct Record {
    log: Logger<LoggerBackend, Formatter3164>,
    who: Who,
}

impl Record {
    /// Finds the system log, and who acts.
    pub fn open() -> Result<Self, Failure> {
        let formatter = Formatter3164 {
            facility: Facility::LOG_AUTHPRIV,
            hostname: None,
            process: "rtmpctl".to_owned(),
            pid: std::process::id(),
        };
        let log = syslog::unix(formatter).map_err(unrecorded)?;
        Ok(Self { log, who: Who::now() })
    }

    /// Writes down what is about to be done: `clean by root, logged in as carol (uid 1003): WHAT`.
    pub fn write(&mut self, command: &str, what: &str) -> Result<(), Failure> {
        let line = line(command, &self.who, what);
        self.log.notice(line).map_err(unrecorded)
    }
}

fn unrecorded(error: syslog::Error) -> Failure {
    let mut reason = error.to_string();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        reason = format!("{reason}: {deeper}");
        cause = deeper;
    }
    Failure::Record(reason)
}

/// Who acts: the user this process runs as, and the one who logged in, whatever they became since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Who {
    uid: u32,
    login: Option<u32>,
}

impl Who {
    fn now() -> Self {
        /// `proc_pid_loginuid(5)`: nobody logged in.
        const UNSET: u32 = u32::MAX;
        let text = std::fs::read_to_string("/proc/self/loginuid");
        let login = text.ok().and_then(|text| text.trim().parse().ok());
        Self { uid: real_uid(), login: login.filter(|&uid| uid != UNSET) }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", user(self.uid))?;
        match self.login {
            Some(uid) => write!(f, "logged in as {}", user(uid)),
            None => f.write_str("not logged in"),
        }
    }
}

/// `carol (uid 1003)`, or the number alone where it has no name.
pub fn user(uid: u32) -> String {
    match Account::of_uid(uid) {
        Ok(Some(account)) => format!("{} (uid {uid})", account.name),
        Ok(None) | Err(_) => format!("uid {uid}"),
    }
}

/// A message of the system log is to be no longer than this with what comes before it: RFC 3164
/// section 4.1 has 1024 bytes. What comes last, a command's arguments, is cut.
const LONGEST: usize = 960;

fn line(command: &str, who: &impl fmt::Display, what: &str) -> String {
    let what = Shown(what.as_bytes());
    let line = format!("{command} by {who}: {what}");
    if line.len() <= LONGEST {
        return line;
    }
    let mut end = LONGEST;
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}... ({} bytes in all)", line.get(..end).unwrap_or_default(), line.len())
}

/// A command line so that one can tell its words apart: a word is quoted where a shell would need it
/// quoted, and what cannot be printed is escaped.
pub fn words(words: &[OsString]) -> String {
    let mut text = String::new();
    for word in words {
        let word = word.as_bytes();
        let is_plain = |b: &u8| b.is_ascii_alphanumeric() || b"%+,-./:=@_^".contains(b);
        let gap = if text.is_empty() { "" } else { " " };
        let written = if !word.is_empty() && word.iter().all(is_plain) {
            write!(text, "{gap}{}", Shown(word))
        } else {
            let shown = Shown(word).to_string();
            write!(text, "{gap}'{}'", shown.replace('\'', r"'\''"))
        };
        // Writing to a String cannot fail.
        written.unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_line_says_who_and_what_and_stays_one_line() {
        let who = Who { uid: 0, login: None };
        assert_eq!(line("clean", &who, "a\nb"), "clean by root (uid 0), not logged in: a\\nb");
        let who = Who { uid: 4_000_000_001, login: Some(0) };
        let want = "host by uid 4000000001, logged in as root (uid 0): ls";
        assert_eq!(line("host", &who, "ls"), want);
    }

    #[test]
    fn a_long_line_is_cut_at_its_end_and_says_so() {
        let cut = line("exec", &"root", &"\u{e9}".repeat(2000));
        assert!(cut.starts_with("exec by root: \u{e9}") && cut.len() < 1000, "{cut}");
        assert!(cut.ends_with("\u{e9}... (4014 bytes in all)"), "{cut}");
    }

    #[test]
    fn words_can_be_told_apart_and_forge_nothing() {
        for (given, want) in [
            (&[&b"ls"[..], b"-l", b"/tmp"][..], "ls -l /tmp"),
            (&[b"sh", b"-c", b"echo 'a'\nroot: b"], r"sh -c 'echo '\''a'\''\nroot: b'"),
            (&[b"", b"a b", b"\xff\x1b"], r"'' 'a b' '\xff\u{1b}'"),
            (&[], ""),
        ] {
            let given: Vec<_> =
                given.iter().map(|word| OsString::from_vec(word.to_vec())).collect();
            assert_eq!(words(&given), want);
        }
    }
}
