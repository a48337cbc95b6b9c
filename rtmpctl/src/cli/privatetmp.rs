//! The words of `privatetmp`.

use clap::{Args, Subcommand};

/// `privatetmp`.
#[derive(Debug, Subcommand)]
pub enum PrivateTmpCommand {
    /// List services, whether they have a private /tmp, and whether they should
    ///
    /// CONFIGURED: PrivateTmp= as loaded, which the next start gets. EFFECTIVE: what the running
    /// processes see, told from their mounts. ADVICE names what others would miss: sockets that the
    /// service has bound in the host's /tmp, and files there that somebody else has open as well.
    /// Services that start sessions of users are left alone: all sessions would share one /tmp, and
    /// lose it when the service is restarted. Who is not root sees what they can. The exit status is
    /// 1 if something could not be looked into.
    #[command(after_help = "\
Examples:
  rtmpctl privatetmp list
  rtmpctl privatetmp list ssh.service cron.service
  rtmpctl privatetmp list --json | jq -r '.units[] | select(.effective != .configured) | .unit'")]
    List(PrivateTmpList),
    /// Prove that services see another /tmp than process 1 does
    ///
    /// For each process of the services that are named, or of all that run with PrivateTmp=: what is
    /// at /tmp and at /var/tmp below its root directory, by device and inode and by its mount table,
    /// against the same of process 1. PASS: all processes of the service see one directory, and it
    /// is not process 1's. The exit status is 2 if one does not, 1 if it could not be told.
    #[command(after_help = "\
Examples:
  rtmpctl privatetmp verify
  rtmpctl privatetmp verify systemd-logind.service")]
    Verify(PrivateTmpVerify),
    /// Give services a private /tmp
    ///
    /// Prints what is to be done, writes a drop-in 50-rtmp-privatetmp.conf for each unit, asks
    /// systemd-analyze verify about it, and has systemd reload its files. For all units that are
    /// named, or for none. Refused for services that start sessions of users. A warning names what
    /// others would miss. What runs keeps its /tmp until it is restarted. Recorded in the authpriv
    /// log. The exit status is 2 if a unit is refused or does not come back.
    #[command(after_help = "\
Examples:
  rtmpctl privatetmp enable nginx.service --dry-run
  rtmpctl privatetmp enable nginx.service --restart")]
    Enable(PrivateTmpChange),
    /// Take the drop-ins of enable away again
    ///
    /// Only those. Whatever else gives a service a private /tmp stays, and is named. The exit status
    /// is 2 if there is something else, or a unit does not come back.
    #[command(after_help = "\
Example:
  rtmpctl privatetmp disable nginx.service --restart")]
    Disable(PrivateTmpChange),
}

/// `privatetmp verify`.
#[derive(Debug, Args)]
pub struct PrivateTmpVerify {
    /// Only these, by name or pattern
    pub units: Vec<String>,
    /// Answer in JSON, schema rtmpctl/1
    #[arg(long)]
    pub json: bool,
}

/// `privatetmp enable` and `disable`.
#[derive(Debug, Args)]
pub struct PrivateTmpChange {
    /// Which services; without a suffix, .service is meant
    #[arg(required = true)]
    pub units: Vec<String>,
    /// Restart them, so that it takes effect
    #[arg(long)]
    pub restart: bool,
    /// Only say what would be done
    #[arg(long)]
    pub dry_run: bool,
}

/// `privatetmp list`.
#[derive(Debug, Args)]
pub struct PrivateTmpList {
    /// Only these, by name or pattern, instead of all that run or are private
    pub units: Vec<String>,
    /// Also those that neither run nor are private
    #[arg(long)]
    pub all: bool,
    /// Answer in JSON, schema rtmpctl/1
    #[arg(long)]
    pub json: bool,
}
