//! The words of `check`, `show` and `explain`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use super::Looking;

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Only these files, in this order, instead of /etc/security/namespace.conf and namespace.d
    pub files: Vec<PathBuf>,
    /// Also say which lines mean something else to pam_namespace.so, as notes
    #[arg(long)]
    pub pam_namespace: bool,
    /// Where and how.
    #[command(flatten)]
    pub looking: Looking,
}

/// `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Only these files, in this order, instead of /etc/security/namespace.conf and namespace.d
    pub files: Vec<PathBuf>,
    /// Where and how.
    #[command(flatten)]
    pub looking: Looking,
}

/// `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Who logs in
    pub user: OsString,
    /// The PAM service: reads its file for the module's options
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<OsString>,
    /// Who asks for the session (PAM_RUSER); matters with unmnt_remnt and unmnt_only [default: root]
    #[arg(long, value_name = "USER")]
    pub ruser: Option<OsString>,
    /// The SELinux level of the session; without SELinux it plays no part
    #[arg(long, value_name = "LEVEL")]
    pub level: Option<String>,
    /// Only these files, in this order, instead of /etc/security/namespace.conf and namespace.d
    #[arg(long = "config", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Where and how.
    #[command(flatten)]
    pub looking: Looking,
}
