//! The words of `list`, `du` and `clean`.

use std::ffi::OsString;

use clap::Args;

/// `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only this user's: a name or a number
    #[arg(long, value_name = "USER")]
    pub user: Option<OsString>,
    /// Answer in JSON, schema rtmpctl/1
    #[arg(long)]
    pub json: bool,
}

/// `du`.
#[derive(Debug, Args)]
pub struct DuArgs {
    /// Only this user's: a name or a number
    #[arg(long, value_name = "USER")]
    pub user: Option<OsString>,
    /// Answer in JSON, schema rtmpctl/1
    #[arg(long)]
    pub json: bool,
}

/// `clean`.
#[derive(Debug, Args)]
pub struct CleanArgs {
    /// Only instances of users who do not exist any more
    #[arg(long)]
    pub orphans: bool,
    /// Only instances in which nothing was read, written or changed for so long: 10d, 12h, 30m; a
    /// number alone is days
    #[arg(long, value_name = "AGE", value_parser = seconds)]
    pub age: Option<i64>,
    /// Only this user's: a name or a number
    #[arg(long, value_name = "USER")]
    pub user: Option<OsString>,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Answer in JSON, schema rtmpctl/1
    #[arg(long)]
    pub json: bool,
}

/// An age in seconds.
fn seconds(text: &str) -> Result<i64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(digits.len()..).unwrap_or_default() {
        "" | "d" => 86_400,
        "h" => 3600,
        "m" => 60,
        "s" => 1,
        other => return Err(format!("\"{other}\" is no unit; the units are d, h, m and s")),
    };
    let number = digits.parse::<u32>().map_err(|error| error.to_string())?;
    i64::from(number).checked_mul(unit).ok_or_else(|| "too long".to_owned())
}
