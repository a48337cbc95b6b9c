//! The command line. `--help`, the man page and the completions are made from these definitions.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod host;
mod instances;
mod privatetmp;
mod rules;
mod switch;
mod view;

pub use host::{DoctorArgs, ProbeArgs, StatusArgs, VerifyArgs};
pub use instances::{CleanArgs, DuArgs, ListArgs};
pub use privatetmp::{PrivateTmpChange, PrivateTmpCommand, PrivateTmpList, PrivateTmpVerify};
pub use rules::{CheckArgs, ExplainArgs, ShowArgs};
pub use switch::{DisableArgs, EnableArgs, SwitchArgs};
pub use view::{EnterArgs, ExecArgs, HostArgs};

/// See what pam_rtmp.so does at login, and what has become of it
///
/// pam_rtmp.so gives each user a private /tmp and /var/tmp, as namespace.conf(5) says. rtmpctl
/// reads the same files with the same code and says what is wrong with them, what they mean, and
/// what a login would get, and looks at what is there. It changes nothing unless the command says so:
/// clean, enable, disable, privatetmp.
#[derive(Debug, Parser)]
#[command(name = "rtmpctl", version, max_term_width = 100, after_help = EXIT)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the exit status says.
pub const EXIT: &str = "\
Exit status: 0 nothing is wrong; 1 something could not be read or looked at; 2 something is wrong, \
or the login is refused; 64 usage.";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find what is wrong with the configuration
    ///
    /// Reads namespace.conf(5) and namespace.d, looks at the directories, the users and the groups
    /// they name and at the PAM services that call pam_rtmp.so, and reports each place where
    /// something is wrong. error: logins are refused, or a rule does nothing for anybody. warning:
    /// obeyed, but hardly meant so, or open to attack. note: worth knowing; does not count for the
    /// exit status.
    #[command(after_help = "\
Examples:
  rtmpctl check                      the whole configuration
  rtmpctl check ./namespace.conf     a file that is not installed yet
  rtmpctl check --pam-namespace      before pam_rtmp.so takes pam_namespace.so's place
  rtmpctl check --json | jq '.findings[] | select(.severity == \"error\")'")]
    Check(CheckArgs),
    /// Explain what a user gets at login, and why
    ///
    /// Makes the plan that pam_rtmp.so makes at this user's login, prints each decision with the
    /// line it comes from, also for what stays as it is, and says what of it exists on disk. The
    /// exit status is 2 if the login is refused or the service does not call the module.
    #[command(after_help = "\
Examples:
  rtmpctl explain alice
  rtmpctl explain alice --service sshd
  rtmpctl explain bob --service su --ruser alice")]
    Explain(ExplainArgs),
    /// Print the rules in normal form
    ///
    /// One line for each rule, all files together, in the order in which they count. The lines are
    /// a valid namespace.conf(5) that means the same. Lines that cannot be obeyed are comments.
    /// On a terminal control characters are escaped.
    #[command(after_help = "\
Examples:
  rtmpctl show
  rtmpctl show namespace.conf.new | diff - <(rtmpctl show)")]
    Show(ShowArgs),
    /// Say whether it is on, where, and for whom
    ///
    /// One screen: the rules and their instance parents, the PAM services that call pam_rtmp.so and
    /// those that open sessions without it, and how the processes of this host stand to the rules.
    /// private: in the user's own instances. exempt: root's, or a user's whom the rules exempt.
    /// stale: not private though the rules say so; it began before, or came through a service that
    /// does not call the module. The exit status is 2 if nobody is polyinstantiated, a rule cannot be
    /// obeyed, or a process is stale. Who is not root sees their own processes only.
    #[command(after_help = "\
Examples:
  rtmpctl status
  rtmpctl status --json | jq '.processes.stale.users[].processes[].pid'")]
    Status(StatusArgs),
    /// Prove that sessions are private
    ///
    /// Opens a session for each of two users, which nobody works in, and looks: at its mounts, owners,
    /// modes, flags and labels, whether a file that one user writes is seen by the other, by a user
    /// without a session, or on the host, and whether mounts leave the session. Then closes them and
    /// removes what they made. Before that it compares what each running process sees with what the
    /// rules say. Without --service the stack is pam_rtmp.so alone, with the options that a service
    /// gives it; with it the session stack of that service, and all that its modules do. Only root can
    /// do this. The exit status is 2 if a promise is broken.
    #[command(after_help = "\
Examples:
  rtmpctl verify
  rtmpctl verify alice bob --service sshd
  rtmpctl verify --json | jq '.checks[] | select(.result == \"fail\")'")]
    Verify(VerifyArgs),
    /// List the instances
    ///
    /// Each with its user, the polydir it stands for, the sessions and processes that are in it, and
    /// when it was last used. active: a process is in it. idle: none is. orphan: none is, and its
    /// user does not exist any more. draft: what an interrupted login left behind, or a login moved
    /// aside. Reading a directory may go unnoticed for a day (relatime, mount(8)). Who is not root
    /// sees what they can. The exit status is 1 if something could not be looked into.
    #[command(after_help = "\
Examples:
  rtmpctl list
  rtmpctl list --user alice
  rtmpctl list --json | jq -r '.instances[] | select(.state == \"orphan\") | .path'")]
    List(ListArgs),
    /// List the instances with their sizes, the largest first
    ///
    /// What is allocated, in powers of 1024. Links are not followed, what is mounted in an instance
    /// does not count, and a file with several names counts once.
    #[command(after_help = "\
Examples:
  rtmpctl du | head
  rtmpctl du --user alice")]
    Du(DuArgs),
    /// Remove instances that nobody is in
    ///
    /// Each option narrows what is removed; without one only drafts are, a day after they were left
    /// behind. An instance that a process is in stays, and so does one with a mount in it. What goes
    /// is given another name first, so that a login that comes meanwhile gets a new one, and is
    /// looked for in every process once more before anything in it is removed. Links are not
    /// followed. Each removal is recorded in the authpriv log before it begins. The exit status is 1
    /// if something could not be removed or looked at.
    #[command(after_help = "\
Examples:
  rtmpctl clean --orphans --age 30d --dry-run
  rtmpctl clean --user alice
  systemctl enable --now rtmpctl-clean.timer")]
    Clean(CleanArgs),
    /// Open a shell in a user's view
    ///
    /// The shell sees the /tmp and the /var/tmp that the user's sessions see. It is root's, and with
    /// --as-user the user's own login shell; no PAM session is opened for it. The view is that of a
    /// private session that is open now: it is chosen by its mounts, which must be those of the
    /// user's plan, and they are looked at again once it is entered. The shell starts in the same
    /// directory, or in / where that is another one in the view. As with su(1), a program of the
    /// user's can type into your terminal, on kernels that allow it (dev.tty.legacy_tiocsti).
    /// Recorded in the authpriv log before it is started. The exit status is the shell's; 125 if it
    /// was not started. Only root can do this.
    #[command(after_help = "\
Examples:
  rtmpctl enter alice
  rtmpctl enter alice --as-user")]
    Enter(EnterArgs),
    /// Run a command in a user's or a process's view
    ///
    /// Like enter, for one command: debuggers, jcmd, and whatever must find a file where the program
    /// that made it did. With the number of a process instead of a user's name the view is that
    /// process's, whatever it is; its own chroot is not followed. Not in a mount namespace that
    /// belongs to another user namespace, such as a rootless container's: a program there may be
    /// anybody's. The exit status is the command's; 125 if it was not started, 126 if it cannot be
    /// run, 127 if it is not there. Only root can do this.
    #[command(after_help = "\
Examples:
  rtmpctl exec alice -- ls -la /tmp
  rtmpctl exec 4711 --as-user -- jcmd 4711 Thread.print")]
    Exec(ExecArgs),
    /// Run a command in the host's view, from inside a private session
    ///
    /// The command sees the directories and the mounts that process 1 sees, and what it mounts is
    /// there for the whole host: for a compliance scanner, which would measure the private /tmp, and
    /// for mount(8). It starts in the same directory, or in / where that is another one in the
    /// host's view. Recorded in the authpriv log before it is started. The exit status is the
    /// command's; 125 if it was not started, 126 if it cannot be run, 127 if it is not there. Only
    /// root can do this.
    #[command(after_help = "\
Examples:
  rtmpctl host -- findmnt /tmp
  rtmpctl host -- oscap xccdf eval --profile anssi_bp28_high ssg-debian12-ds.xml")]
    Host(HostArgs),
    /// See and change the private /tmp of services
    ///
    /// systemd gives a service with PrivateTmp= its own /tmp and /var/tmp (systemd.exec(5)). What is
    /// configured is not yet what runs: units are loaded by a daemon-reload, and processes keep what
    /// they were started with.
    #[command(subcommand)]
    Privatetmp(PrivateTmpCommand),
    /// Put the module into the session stacks
    ///
    /// Finds out who owns the stacks of this host: pam-auth-update(8) on Debian, pam-config(8) on
    /// SUSE, else each service its own file. Shows the change, opens real sessions through the new
    /// stacks for root, an administrator and an ordinary user, and writes them if everybody still
    /// gets in. root always does: the lines begin with a jump for uid 0. Where pam_namespace.so
    /// stands in a service's file, pam_rtmp.so takes its place. What was there is kept, and disable
    /// puts it back.
    #[command(after_help = "\
Examples:
  rtmpctl enable --dry-run           show and try, write nothing
  rtmpctl enable --try 120           take it back in two minutes unless confirmed
  rtmpctl enable --confirm           in a login that came after it
  rtmpctl enable --services sshd,su  only these, in their own files")]
    Enable(EnableArgs),
    /// Take the module out of the session stacks
    ///
    /// Puts the files back that enable changed, byte for byte; where somebody changed them since,
    /// only the module's lines are taken out. With --root from a rescue system.
    #[command(after_help = "\
Examples:
  rtmpctl disable
  rtmpctl disable --root /mnt --yes  a system that does not let anybody in")]
    Disable(DisableArgs),
    /// Find what on this host is in the way of private directories
    ///
    /// Looks at the services that open sessions, at sshd, at what ages /tmp, at Kerberos caches and
    /// at the instance parents, and names for each finding what helps. check looks at the
    /// configuration itself.
    #[command(after_help = "\
Examples:
  rtmpctl doctor
  rtmpctl doctor --json | jq -r '.findings[].message'")]
    Doctor(DoctorArgs),
    /// Print a shell's completions
    #[command(after_help = "\
Example:
  rtmpctl completions bash > /etc/bash_completion.d/rtmpctl")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Open a session for verify, and do in it what standard input says
    #[command(hide = true, after_help = "Example:\n  rtmpctl verify")]
    VerifyProbe(ProbeArgs),
    /// Print the man page
    #[command(hide = true, after_help = "Example:\n  rtmpctl man > rtmpctl.8")]
    Man,
}

/// Where to look and how to answer.
#[derive(Debug, Args)]
pub struct Looking {
    /// Look at the system below this directory: its files, its etc/passwd and etc/group
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Answer in JSON, schema rtmpctl/1
    #[arg(long)]
    pub json: bool,
}
