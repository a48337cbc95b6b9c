//! OpenSSH in a world: the server on port 22 of the world's own loopback, and the command lines of
//! its clients.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{Argv, argv};
use crate::process::patience;
use crate::world::World;

const USERS: [&str; 4] = ["root", "alice", "bob", "carol"];
const AGENT: &str = "/root/.ssh/agent";

/// A running sshd, and who may log in to it: root, alice, bob and carol, with a key each, which
/// root's clients hold.
pub struct Sshd {
    server: Child,
}

impl Sshd {
    /// Starts it and waits until it listens.
    pub fn start(world: &World) -> Self {
        make_keys(world);
        let server = Command::new("/usr/sbin/sshd")
            .args(["-D", "-f", "/etc/ssh/sshd_config"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("sshd is needed (openssh-server): {e}"));
        let give_up = Instant::now() + Duration::from_secs(patience(20).into());
        while TcpStream::connect("127.0.0.1:22").is_err() {
            assert!(Instant::now() < give_up, "sshd does not listen: {:#?}", world.log());
            std::thread::sleep(Duration::from_millis(2));
        }
        Sshd { server }
    }

    /// `ssh USER COMMAND`.
    pub fn ssh(&self, user: &str, command: &str) -> Argv {
        client("ssh", user, ["-T".to_owned(), at(user), command.to_owned()])
    }

    /// `ssh -tt USER`: the login shell on a terminal, typed to on standard input.
    pub fn ssh_terminal(&self, user: &str) -> Argv {
        client("ssh", user, ["-tt".to_owned(), at(user)])
    }

    /// `ssh -A USER COMMAND`, with an agent that holds the user's key.
    pub fn ssh_with_agent(&self, world: &World, user: &str, command: &str) -> Argv {
        if !world.exists(AGENT) {
            world.exec(["ssh-agent", "-a", AGENT]).ok();
        }
        let with_agent = ["env".to_owned(), format!("SSH_AUTH_SOCK={AGENT}")];
        world.exec(with_agent.iter().cloned().chain(argv(["ssh-add", "-q", &key(user)]))).ok();
        let ssh = client("ssh", user, ["-A".to_owned(), at(user), command.to_owned()]);
        with_agent.into_iter().chain(ssh).collect()
    }

    /// `scp FILE USER:PATH`.
    pub fn scp_to(&self, user: &str, file: &str, path: &str) -> Argv {
        client("scp", user, [file.to_owned(), format!("{}:{path}", at(user))])
    }

    /// `sftp USER`, with its commands on standard input.
    pub fn sftp(&self, user: &str) -> Argv {
        client("sftp", user, ["-b".to_owned(), "-".to_owned(), at(user)])
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // Open sessions live on, as they do on a host.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn make_keys(world: &World) {
    let authorized = "/etc/ssh/authorized_keys";
    world.mkdir("/root/.ssh", 0o700, (0, 0));
    world.mkdir(authorized, 0o755, (0, 0));
    let generate = |file: String| {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"]).arg(file).spawn().unwrap()
    };
    let files = USERS.map(key).into_iter().chain(["/etc/ssh/host_key".to_owned()]);
    for mut keygen in files.map(generate).collect::<Vec<_>>() {
        assert!(keygen.wait().unwrap().success(), "ssh-keygen");
    }
    for user in USERS {
        fs::copy(key(user) + ".pub", format!("{authorized}/{user}")).unwrap();
    }
}

fn key(user: &str) -> String {
    format!("/root/.ssh/{user}")
}

fn at(user: &str) -> String {
    format!("{user}@127.0.0.1")
}

fn client(program: &str, user: &str, rest: impl IntoIterator<Item = String>) -> Argv {
    let key = key(user);
    let options = [
        "-F",
        "none",
        "-i",
        &key,
        "-oBatchMode=yes",
        "-oIdentitiesOnly=yes",
        "-oStrictHostKeyChecking=no",
        "-oUserKnownHostsFile=/dev/null",
        "-oLogLevel=ERROR",
    ];
    argv([program]).into_iter().chain(argv(options)).chain(rest).collect()
}
