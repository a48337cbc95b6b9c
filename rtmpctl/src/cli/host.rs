//! The words of `status`, `verify` and `doctor`.

use std::ffi::OsString;

use clap::Args;

use super::Looking;

/// `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Where and how.
    #[command(flatten)]
    pub looking: Looking,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Whose sessions [default: the first two users whom the rules do not exempt]
    pub users: Vec<OsString>,
    /// Through this PAM service instead of pam_rtmp.so alone
    #[arg(long, value_name = "SERVICE")]
    pub service: Option<OsString>,
    /// Answer in JSON, schema rtmpctl/1
    #[arg(long)]
    pub json: bool,
}

/// `verify-probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// The PAM service
    pub service: OsString,
    /// The user
    pub user: OsString,
    /// The user's number
    pub uid: u32,
}

/// `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Where and how.
    #[command(flatten)]
    pub looking: Looking,
}
