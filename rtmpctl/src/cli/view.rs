//! The words of `enter`, `exec` and `host`.

use std::ffi::OsString;

use clap::Args;

/// `enter`.
#[derive(Debug, Args)]
pub struct EnterArgs {
    /// Whose view
    pub user: OsString,
    /// Run it as the user instead of as root
    #[arg(long)]
    pub as_user: bool,
}

/// `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Whose view: a user's name or a process's number
    #[arg(value_name = "USER|PID")]
    pub whose: OsString,
    /// Run it as the user, or as the process's user, instead of as root
    #[arg(long)]
    pub as_user: bool,
    /// The command and its arguments
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}

/// `host`.
#[derive(Debug, Args)]
pub struct HostArgs {
    /// The command and its arguments
    #[arg(last = true, required = true)]
    pub command: Vec<OsString>,
}
