//! The process that opens a session for `verify`, and does in it what it is told: one line of JSON
//! for each order, one for each answer. It closes the session when nobody gives orders any more.

use std::ffi::{CString, OsStr};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, alarm, initgroups, setegid, seteuid, setgroups};
use rtmp_core::accounts::Account;
use rtmp_core::selinux;
use serde_json::{Value, json};

use crate::cli::ProbeArgs;
use crate::libpam::{Refused, Session};
use crate::outcome::{Failure, Outcome, Status};

/// A session that nobody works in is over after so many seconds, whatever hangs.
const LIFETIME: u32 = 60;

/// Opens, answers, closes.
pub fn run(asked: &ProbeArgs) -> Result<Outcome, Failure> {
    alarm::set(LIFETIME);
    let text = |text: &OsStr| {
        CString::new(text.as_bytes()).map_err(|_| Failure::Stage("name the session", Errno::EINVAL))
    };
    let (service, user) = (text(&asked.service)?, text(&asked.user)?);
    let outcome = Ok(Outcome { text: Vec::new(), status: Status::Clean });
    let session = match Session::open(&service, &user) {
        Ok(session) => session,
        Err(Refused(why)) => {
            answer(&json!({ "refused": why }))?;
            return outcome;
        }
    };
    let mounts = fs::read("/proc/self/mountinfo");
    let mounts = mounts.map_err(|error| Failure::Read("/proc/self/mountinfo".into(), error))?;
    answer(&json!({ "opened": mounts }))?;
    let account = Account::of_uid(asked.uid).ok().flatten();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::Read("standard input".into(), error))?;
        let order: Value = serde_json::from_str(&line).unwrap_or_default();
        if order.get("close").is_some() {
            let closed = session.close();
            answer(
                &closed
                    .map_or_else(|Refused(why)| json!({ "refused": why }), |()| json!({ "ok": 0 })),
            )?;
            return outcome;
        }
        answer(&obey(&order, account.as_ref()))?;
    }
    outcome
}

fn answer(value: &Value) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{value}").and_then(|()| stdout.flush()).map_err(Failure::Print)
}

fn obey(order: &Value, account: Option<&Account>) -> Value {
    let Some((verb, path)) = order.as_object().and_then(|order| order.iter().next()) else {
        return json!({ "errno": libc_errno(Errno::EINVAL) });
    };
    let bytes: Vec<u8> = serde_json::from_value(path.clone()).unwrap_or_default();
    let path = std::path::PathBuf::from(std::ffi::OsString::from_vec(bytes));
    let result = match (verb.as_str(), account) {
        ("context", _) => context(&path),
        (_, None) => Err(Errno::EINVAL),
        ("create", Some(account)) => as_user(account, || create(&path)),
        ("look", Some(account)) => as_user(account, || look(&path)),
        ("remove", Some(account)) => as_user(account, || remove(&path)),
        _ => Err(Errno::EINVAL),
    };
    result.unwrap_or_else(|errno| json!({ "errno": libc_errno(errno) }))
}

fn libc_errno(errno: Errno) -> i32 {
    errno as i32
}

/// Does it with the user's rights, and takes root's back.
fn as_user<T>(account: &Account, act: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    initgroups(account.name.as_cstr(), Gid::from_raw(account.gid))?;
    setegid(Gid::from_raw(account.gid))?;
    seteuid(Uid::from_raw(account.uid))?;
    let result = act();
    seteuid(Uid::from_raw(0))?;
    setegid(Gid::from_raw(0))?;
    result
}

/// Does it with nobody's rights, and takes root's back.
pub fn as_nobody<T>(act: impl FnOnce() -> T) -> Result<T, Errno> {
    /// `nobody` by tradition and in systemd: a number that owns nothing.
    const NOBODY: u32 = 65_534;
    setgroups(&[])?;
    setegid(Gid::from_raw(NOBODY))?;
    seteuid(Uid::from_raw(NOBODY))?;
    let result = act();
    seteuid(Uid::from_raw(0))?;
    setegid(Gid::from_raw(0))?;
    Ok(result)
}

fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

fn create(path: &Path) -> Result<Value, Errno> {
    OpenOptions::new().write(true).create_new(true).mode(0o666).open(path).map_err(errno)?;
    Ok(json!({ "ok": 0 }))
}

fn look(path: &Path) -> Result<Value, Errno> {
    let found = fs::symlink_metadata(path).map_err(errno)?;
    Ok(json!({ "uid": found.uid(), "gid": found.gid(), "mode": found.mode() & 0o7777 }))
}

fn remove(path: &Path) -> Result<Value, Errno> {
    fs::remove_file(path).map_err(errno)?;
    Ok(json!({ "ok": 0 }))
}

fn context(path: &Path) -> Result<Value, Errno> {
    let dir = File::open(path).map_err(errno)?;
    let context = selinux::context_of(dir.as_fd())?;
    Ok(json!({ "context": context.as_bytes() }))
}
