//! A session that was opened for a look, from the outside.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use nix::errno::Errno;
use serde_json::{Value, json};

use super::Visitor;
use super::stage::Stage;
use crate::outcome::Failure;
use crate::sessions::Table;

/// A process with a session, or one that was refused. Dropping it ends the session.
pub struct Guest {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// What it sees; or why it was refused.
    pub mounts: Result<Table, String>,
}

/// What is known of a file as the user sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
}

impl Guest {
    /// Opens a session.
    pub fn invite(stage: &Stage, visitor: &Visitor<'_>) -> Result<Self, Failure> {
        let fail = |error| Failure::Read("/proc/self/exe".into(), error);
        let bytes = OsStr::from_bytes;
        let mut child = Command::new("/proc/self/exe")
            .arg("verify-probe")
            .arg(bytes(stage.service.to_bytes()))
            .arg(bytes(visitor.account.name.as_bytes()))
            .arg(visitor.account.uid.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(fail)?;
        let lost =
            || Failure::Unverifiable("the session's process has no way to answer".to_owned());
        let orders = Some(child.stdin.take().ok_or_else(lost)?);
        let answers = BufReader::new(child.stdout.take().ok_or_else(lost)?);
        let mut guest = Self { child, orders, answers, mounts: Err(String::new()) };
        let entry = guest.hear()?;
        let mounts = entry.get("opened").cloned().map(serde_json::from_value::<Vec<u8>>);
        guest.mounts = match mounts {
            Some(Ok(text)) => Ok(Table::parse(&text)),
            Some(Err(_)) | None => {
                let why = entry.get("refused").and_then(Value::as_str);
                Err(why.unwrap_or("it ended without a word").to_owned())
            }
        };
        Ok(guest)
    }

    /// Makes an empty file, as the user.
    pub fn create(&mut self, path: &[u8]) -> Result<(), Errno> {
        self.tell("create", path).map(drop)
    }

    /// Looks at a file, as the user.
    pub fn look(&mut self, path: &[u8]) -> Result<Seen, Errno> {
        let found = self.tell("look", path)?;
        let number = |name: &str| {
            let number = found.get(name).and_then(Value::as_u64);
            number.and_then(|n| u32::try_from(n).ok()).ok_or(Errno::EIO)
        };
        Ok(Seen { uid: number("uid")?, gid: number("gid")?, mode: number("mode")? })
    }

    /// Removes a file, as the user.
    pub fn remove(&mut self, path: &[u8]) -> Result<(), Errno> {
        self.tell("remove", path).map(drop)
    }

    /// A directory's SELinux context.
    pub fn context(&mut self, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let found = self.tell("context", path)?;
        let context = found.get("context").cloned().unwrap_or_default();
        serde_json::from_value(context).map_err(|_| Errno::EIO)
    }

    /// Closes the session and waits until its process is gone.
    pub fn leave(mut self) -> Result<(), Failure> {
        let gone = |error| Failure::Read("the session's process".into(), error);
        if self.mounts.is_ok() {
            let closed = self.order(&json!({ "close": 0 }));
            if let Some(why) = closed.as_ref().ok().and_then(|said| said.get("refused")) {
                return Err(Failure::Unverifiable(format!("unable to close a session: {why}")));
            }
        }
        self.orders = None;
        self.child.wait().map(drop).map_err(gone)
    }

    fn tell(&mut self, verb: &str, path: &[u8]) -> Result<Value, Errno> {
        let answer = self.order(&json!({ verb: path })).map_err(|_| Errno::EPIPE)?;
        match answer.get("errno").and_then(Value::as_i64) {
            Some(errno) => Err(Errno::from_raw(i32::try_from(errno).unwrap_or_default())),
            None => Ok(answer),
        }
    }

    fn order(&mut self, order: &Value) -> Result<Value, Failure> {
        let gone = |error| Failure::Read("the session's process".into(), error);
        let Some(orders) = &mut self.orders else { return Ok(Value::Null) };
        writeln!(orders, "{order}").map_err(gone)?;
        self.hear()
    }

    fn hear(&mut self) -> Result<Value, Failure> {
        let gone = |error| Failure::Read("the session's process".into(), error);
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(gone)?;
        Ok(serde_json::from_str(&line).unwrap_or_default())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Without orders the process closes its session and ends.
        self.orders = None;
        self.child.wait().map(drop).unwrap_or_default();
    }
}
