//! `pam_rtmp.so`: a private `/tmp` and `/var/tmp` for every user, at login.
//!
//! This is the door: libpam's C interface on one side, `rtmp-core` on the other. It reads the
//! configuration, has the plan made and carried out, and is the only place that logs.

mod door;
mod host;

use host::{Host, Priority};
use rtmp_core::accounts::{Account, System};
use rtmp_core::conf::{Rules, Sources};
use rtmp_core::options::Options;
use rtmp_core::path::Name;
use rtmp_core::plan::Plan;
use rtmp_core::selinux;
use rtmp_core::session;

/// Why a session is not opened: the answer to libpam is in the variant, the sentence for the log
/// in the text.
enum Denied {
    /// `PAM_SESSION_ERR`
    Session(String),
    /// `PAM_USER_UNKNOWN`
    User(String),
}

/// Opens the session of `PAM_USER`.
fn open_session(host: &mut Host<'_>, options: &Options) -> Result<(), Denied> {
    let denied = |error: &dyn std::fmt::Display| Denied::Session(error.to_string());
    let account = account(host)?;
    let sources = Sources::system().map_err(|error| denied(&error))?;
    let rules = Rules::parse(&sources);
    if options.debug {
        say_what_is_odd(host, options, &rules);
    }
    let plan = Plan::new(rules, account, options, &System, selinux::state)
        .map_err(|error| denied(&error))?;
    for fault in &plan.ignored {
        host.log(Priority::Error, &format_args!("ignored: {fault}"));
    }
    if options.debug {
        plan.decisions.iter().for_each(|decision| host.log(Priority::Debug, decision));
    }
    let opened = session::open(&plan).map_err(|error| denied(&error))?;
    for notice in opened.notices() {
        host.log(Priority::Warning, notice);
    }
    host.remember(opened.mounts()).map_err(|error| denied(&error))
}

/// Nothing to do, unless the session noted mounts to detach.
fn close_session(host: &mut Host<'_>, options: &Options) {
    if !options.unmount_on_close {
        return;
    }
    let mounts = host.remembered().to_vec();
    for (polydir, why) in session::close(&mounts) {
        // systemd closes sessions as the user, who may detach nothing; the kernel does, when the
        // last process is gone.
        if options.debug {
            host.log(Priority::Debug, &format_args!("{polydir} stays mounted: {why}"));
        }
    }
}

fn account(host: &Host<'_>) -> Result<Account, Denied> {
    let Some(user) = host.user() else {
        return Err(Denied::Session("unable to open a session: PAM_USER is not set".to_owned()));
    };
    let shown = rtmp_core::path::Shown(user);
    let name = Name::new(user).map_err(|fault| {
        Denied::Session(format!("unable to open a session for user \"{shown}\": the name {fault}"))
    })?;
    match Account::find(name, &System) {
        Ok(Some(account)) => Ok(account),
        Ok(None) => Err(Denied::User(format!(
            "unable to open a session for user \"{shown}\": there is no such user"
        ))),
        Err(error) => {
            Err(Denied::User(format!("unable to open a session for user \"{shown}\": {error}")))
        }
    }
}

fn say_what_is_odd(host: &Host<'_>, options: &Options, rules: &Rules<'_>) {
    for option in &options.unknown {
        let option = rtmp_core::path::Shown(option);
        host.log(Priority::Debug, &format_args!("unknown option \"{option}\" ignored"));
    }
    for remark in &rules.remarks {
        host.log(Priority::Debug, &format_args!("{}: {}", remark.origin, remark.message));
    }
}
