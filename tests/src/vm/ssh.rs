//! OpenSSH's clients on this host, and the machine's own server.

use std::path::{Path, PathBuf};

use crate::command::{self, Argv, Outcome, argv};
use crate::shell::Shell;

/// Somebody at sshd's door, with a key.
#[derive(Clone)]
pub struct Ssh {
    user: String,
    port: u16,
    key: PathBuf,
    password: Option<String>,
    options: Vec<String>,
}

/// A client that hangs is ended after this many seconds.
const PATIENCE: &str = "600";

impl Ssh {
    pub(super) fn new(user: &str, port: u16, key: &Path) -> Self {
        let (user, key) = (user.to_owned(), key.to_owned());
        Ssh { user, port, key, password: None, options: Vec::new() }
    }

    /// Types a password instead.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Adds an option of ssh(1), such as `-A`.
    pub fn option(mut self, option: &str) -> Self {
        self.options.push(option.to_owned());
        self
    }

    /// `ssh USER COMMAND`, to its end.
    pub fn run(&self, command: &str) -> Outcome {
        command::run("root", &self.argv(command), "")
    }

    /// `ssh USER`: the login shell, which stays open. It must be one that reads commands.
    pub fn shell(&self) -> Shell {
        Shell::start(self.argv("exec bash"))
    }

    /// Copies a file of the machine here with scp(1), which uses sshd's sftp server.
    pub fn scp(&self, from: &str, to: &Path) -> Outcome {
        let mut argv = self.client("scp", "-P");
        argv.extend([format!("{}:{from}", self.at()), to.display().to_string()]);
        command::run("root", &argv, "")
    }

    /// Runs commands of sftp(1).
    pub fn sftp(&self, commands: &str) -> Outcome {
        let mut argv = self.client("sftp", "-P");
        argv.extend(["-b".to_owned(), "-".to_owned(), self.at()]);
        command::run("root", &argv, commands)
    }

    /// `ssh -A USER COMMAND`, with an agent that holds the key.
    pub fn run_with_agent(&self, command: &str) -> Outcome {
        let add_and_run = "ssh-add -q \"$0\" 2>/dev/null; exec \"$@\"";
        let key = self.key.display().to_string();
        let mut all = argv(["ssh-agent", "sh", "-c", add_and_run, &key]);
        all.extend(self.clone().option("-A").argv(command));
        command::run("root", &all, "")
    }

    /// The whole command line, to run it from another program.
    pub fn argv(&self, command: &str) -> Argv {
        let mut argv = self.client("ssh", "-p");
        argv.push(self.at());
        if !command.is_empty() {
            argv.push(command.to_owned());
        }
        argv
    }

    fn at(&self) -> String {
        format!("{}@127.0.0.1", self.user)
    }

    fn client(&self, program: &str, port: &str) -> Argv {
        let mut all = argv(["timeout", PATIENCE]);
        match &self.password {
            Some(password) => all.extend(argv([
                "sshpass",
                "-p",
                password,
                program,
                "-oPubkeyAuthentication=no",
                "-oNumberOfPasswordPrompts=1",
            ])),
            None => all.extend(argv([program, "-oBatchMode=yes"])),
        }
        all.extend(argv(["-F", "none", "-i", &self.key.display().to_string()]));
        all.extend(argv([
            "-oIdentitiesOnly=yes",
            "-oStrictHostKeyChecking=no",
            "-oUserKnownHostsFile=/dev/null",
            "-oLogLevel=ERROR",
        ]));
        all.extend([port.to_owned(), self.port.to_string()]);
        all.extend(self.options.iter().cloned());
        all
    }
}
