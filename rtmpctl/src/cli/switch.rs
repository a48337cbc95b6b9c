//! The words of `enable` and `disable`.

use std::time::Duration;

use clap::Args;

use super::Looking;

/// What `enable` and `disable` have in common.
#[derive(Debug, Args)]
pub struct SwitchArgs {
    /// Show the change and try it, but write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write it without asking
    #[arg(long, conflicts_with = "dry_run")]
    pub yes: bool,
    /// Try it with this user; may be given more than once [default: the first administrator and the
    /// first ordinary user of etc/passwd]
    #[arg(long = "as", value_name = "USER")]
    pub people: Vec<String>,
    /// Where and how.
    #[command(flatten)]
    pub looking: Looking,
}

/// `enable`.
#[derive(Debug, Args)]
pub struct EnableArgs {
    /// Only these services, in their own files
    #[arg(long, value_name = "SERVICE", value_delimiter = ',', conflicts_with = "non_interactive")]
    pub services: Vec<String>,
    /// Also for what has no user in front of it: cron, at, systemd --user
    #[arg(long)]
    pub non_interactive: bool,
    /// Take it back after so many seconds, unless it is confirmed
    #[arg(long = "try", value_name = "SECONDS", value_parser = patience, conflicts_with = "root")]
    pub patience: Option<Duration>,
    /// Let it stay: from a login that came after it
    #[arg(long, conflicts_with_all = ["services", "non_interactive", "patience", "dry_run", "yes"])]
    pub confirm: bool,
    /// How.
    #[command(flatten)]
    pub how: SwitchArgs,
}

/// `disable`.
#[derive(Debug, Args)]
pub struct DisableArgs {
    /// Write it without trying whether everybody gets in then
    #[arg(long)]
    pub untried: bool,
    /// Only if this change was not confirmed; what --try starts
    #[arg(long, value_name = "CHANGE", hide = true)]
    pub unconfirmed: Option<String>,
    /// Wait so many seconds before; what --try starts
    #[arg(long, value_name = "SECONDS", value_parser = patience, hide = true)]
    pub after: Option<Duration>,
    /// How.
    #[command(flatten)]
    pub how: SwitchArgs,
}

/// `120` or `120s`.
fn patience(text: &str) -> Result<Duration, std::num::ParseIntError> {
    Ok(Duration::from_secs(text.strip_suffix('s').unwrap_or(text).parse()?))
}
