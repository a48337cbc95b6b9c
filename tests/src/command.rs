//! Running a program to its end.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use nix::unistd::{User, getgrouplist};
use serde::{Deserialize, Serialize};

use crate::sys;

/// What a program said, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its exit status, or 128 + the signal that killed it.
    pub status: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Outcome {
    /// Its standard output without the last newline; fails the test if it did not exit with 0.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.status, 0, "it failed, saying: {}{}", self.out, self.err);
        self.out.trim_end_matches('\n').to_owned()
    }

    /// Its standard error; fails the test if it exited with 0.
    #[track_caller]
    pub fn fails(self) -> String {
        assert_ne!(self.status, 0, "it succeeded, saying: {}", self.out);
        self.err
    }
}

/// A program and its arguments.
pub type Argv = Vec<String>;

pub(crate) fn argv(words: impl IntoIterator<Item = impl Into<String>>) -> Argv {
    words.into_iter().map(Into::into).collect()
}

pub(crate) fn shell(command: &str) -> Argv {
    argv(["/bin/sh", "-c", command])
}

/// Runs `argv` as `user` with `input` on its standard input.
pub(crate) fn run(user: &str, argv: &[String], input: &str) -> Outcome {
    let mut child = command(user, argv).spawn().unwrap_or_else(|e| panic!("{argv:?}: {e}"));
    // A program that ends without reading is no error of the test's.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Outcome {
        status: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// `argv` as `user` (root keeps what it is), with pipes and a login's environment.
pub(crate) fn command(user: &str, argv: &[String]) -> Command {
    let mut command = Command::new(&argv[0]);
    command
        .args(&argv[1..])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LANG", "C.UTF-8")
        .env("USER", user)
        .env("LOGNAME", user);
    if user == "root" {
        command.env("HOME", "/root").env("SHELL", "/bin/sh");
    } else {
        let entry = User::from_name(user).unwrap().unwrap_or_else(|| panic!("no user {user} here"));
        let name = std::ffi::CString::new(user).unwrap();
        let groups = getgrouplist(&name, entry.gid).unwrap();
        command.env("HOME", &entry.dir).env("SHELL", &entry.shell);
        sys::run_as(&mut command, entry.uid, entry.gid, groups);
    }
    command
}
