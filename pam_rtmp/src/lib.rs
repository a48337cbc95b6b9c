//! `pam_rtmp.so`: a private `/tmp` and `/var/tmp` for every user, at login.
//!
//! This is the door: libpam's C interface on one side, `rtmp-core` on the other. It reads the
//! configuration, has the plan made and carried out, and is the only place that logs.

mod door;
mod host;

use std::fmt::Display;

use host::{Host, Priority};
use rtmp_core::accounts::{Account, System};
use rtmp_core::conf::{Rules, Sources};
use rtmp_core::options::{Options, Unmount};
use rtmp_core::path::Name;
use rtmp_core::plan::Plan;
use rtmp_core::session;

/// Why a session is not opened: the answer to libpam is in the variant, the sentence for the log
/// in the text.
enum Denied {
    /// `PAM_SESSION_ERR`
    Session(String),
    /// `PAM_USER_UNKNOWN`
    User(String),
}

#[cold]
fn denied(error: &dyn Display) -> Denied {
    Denied::Session(error.to_string())
}

/// Opens the session of `PAM_USER`.
fn open_session(host: &mut Host<'_>, options: &Options) -> Result<(), Denied> {
    let account = account(host)?;
    let sources = Sources::system().map_err(|error| denied(&error))?;
    let rules = Rules::parse(&sources);
    if options.debug {
        say_what_is_odd(host, options, &rules);
    }
    let asker = match options.unmount {
        Unmount::Never => None,
        Unmount::Remount | Unmount::Only => Some(asker(host)?),
    };
    let plan = Plan::new(rules, account, asker.as_ref(), options, &System)
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
    match opened.keep() {
        Some(kept) => host.keep(kept).map_err(|error| denied(&error)),
        None => Ok(()),
    }
}

/// Nothing to do, unless the session has mounts to detach or instances to remove.
fn close_session(host: &mut Host<'_>, options: &Options) {
    let Some(kept) = host.kept() else { return };
    let closed = session::close(kept, options.unmount_on_close);
    if let Some(error) = closed.astray {
        host.log(Priority::Error, &error);
    }
    for left in closed.left {
        // systemd closes sessions as the user, who may undo nothing of this; the mounts go when
        // the last process is gone.
        if options.debug {
            host.log(Priority::Debug, &left);
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

/// Who asks for the session: `PAM_RUSER`, or else the caller's real user. Only `unmnt_remnt` and
/// `unmnt_only` need to know.
#[cold]
fn asker(host: &Host<'_>) -> Result<Account, Denied> {
    let unknown = |who: &dyn Display| {
        Denied::User(format!("unable to tell whose instances to unmount: there is no user {who}"))
    };
    match host.ruser() {
        Some(ruser) if !ruser.is_empty() => {
            let shown = rtmp_core::path::Shown(ruser);
            let name = Name::new(ruser).map_err(|_| unknown(&shown))?;
            Account::find(name, &System)
                .map_err(|_| unknown(&shown))?
                .ok_or_else(|| unknown(&shown))
        }
        _ => {
            let uid = rtmp_core::accounts::real_uid();
            Account::of_uid(uid).map_err(|_| unknown(&uid))?.ok_or_else(|| unknown(&uid))
        }
    }
}

#[cold]
fn say_what_is_odd(host: &Host<'_>, options: &Options, rules: &Rules<'_>) {
    for option in &options.unknown {
        let option = rtmp_core::path::Shown(option);
        host.log(Priority::Debug, &format_args!("unknown option \"{option}\" ignored"));
    }
    for remark in &rules.remarks {
        host.log(Priority::Debug, &format_args!("{}: {}", remark.origin, remark.message));
    }
}
