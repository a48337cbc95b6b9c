//! The command lines of real programs that open sessions.
//!
//! Each is what [`World::exec`](crate::World::exec), [`Login::exec`](crate::Login::exec) or
//! [`Shell::start`](crate::Shell::start) take. An empty `command` means a shell that reads its
//! standard input.

use crate::command::{Argv, argv};

/// `su USER`.
pub fn su(user: &str, command: &str) -> Argv {
    with_option_c(argv(["su", user]), command)
}

/// `su - USER`.
pub fn su_login(user: &str, command: &str) -> Argv {
    with_option_c(argv(["su", "-", user]), command)
}

/// `sudo -u USER`.
pub fn sudo(user: &str, command: &str) -> Argv {
    with_shell(argv(["sudo", "-n", "-u", user]), command)
}

/// `sudo -i -u USER`.
pub fn sudo_login(user: &str, command: &str) -> Argv {
    with_shell(argv(["sudo", "-n", "-i", "-u", user]), command)
}

/// `pamtester SERVICE USER`, opening and closing a session.
pub fn pamtester(service: &str, user: &str) -> Argv {
    argv(["pamtester", service, user, "open_session", "close_session"])
}

fn with_option_c(mut argv: Argv, command: &str) -> Argv {
    if !command.is_empty() {
        argv.extend(["-c".to_owned(), command.to_owned()]);
    }
    argv
}

fn with_shell(mut argv: Argv, command: &str) -> Argv {
    argv.push("sh".to_owned());
    with_option_c(argv, command)
}
