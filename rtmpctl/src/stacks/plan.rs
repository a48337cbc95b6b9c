//! Which kind of host this is, which files the module goes into there, and what they then say.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::edit::with_module;
use super::{Files, Item, Kind, Refusal};
use crate::pamd::{entries, is_session};
use crate::service::{DIRS, NAMESPACE, Service};

/// Who owns a host's session stacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Host {
    /// Debian: `pam-auth-update(8)` writes `common-session` from profiles.
    AuthUpdate,
    /// SUSE: `pam-config(8)` writes `common-session-pc`, and `common-session` is a link to it, which
    /// the administrator may replace by a file.
    Config,
    /// Everybody else: each service has a file of its own. Where `authselect(8)` is, it owns those
    /// that they include, and those are left alone.
    Services,
}

/// What is wanted.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Only these services.
    pub services: Vec<String>,
    /// Also what has no user in front of it: cron, at, `systemd --user`.
    pub non_interactive: bool,
}

/// `pam-auth-update` fills in what stands behind this line.
const ADDITIONAL: &[u8] = b"# and here are more per-package modules (the \"Additional\" block)";

const COMMON_SESSION: &str = "/etc/pam.d/common-session";

/// SUSE's stack for what is no login, where it has one apart.
const COMMON_NONLOGIN: &str = "/etc/pam.d/common-session-nonlogin";

/// Services that let a person in. Arch's `system-login` comes first, since others include it, and
/// so does su before su-l: a service that has the module already is passed over.
pub const INTERACTIVE: [&str; 18] = [
    "system-login",
    "sshd",
    "login",
    "remote",
    "su",
    "su-l",
    "gdm-password",
    "gdm-autologin",
    "gdm-fingerprint",
    "gdm-smartcard",
    "gdm-switchable-auth",
    "lightdm",
    "lightdm-autologin",
    "sddm",
    "sddm-autologin",
    "xdm",
    "cockpit",
    "xrdp-sesman",
];

/// Services that run a user's programs with nobody in front of them.
pub const NON_INTERACTIVE: [&str; 4] = ["cron", "crond", "atd", "systemd-user"];

impl Host {
    /// What these files say of their host.
    pub fn of(files: &Files) -> Self {
        match files.get(Path::new(COMMON_SESSION)) {
            Some(Item { kind: Kind::Link(target), .. }) if is_pam_config(target) => Self::Config,
            Some(item) if item.text.split(|&b| b == b'\n').any(|line| line == ADDITIONAL) => {
                Self::AuthUpdate
            }
            _ => Self::Services,
        }
    }

    /// In words.
    pub fn described(self) -> &'static str {
        match self {
            Self::AuthUpdate => "pam-auth-update(8) owns the session stacks here, as on Debian",
            Self::Config => "pam-config(8) owns the session stacks here, as on SUSE",
            Self::Services => "each service has a session stack of its own here",
        }
    }
}

fn is_pam_config(target: &Path) -> bool {
    target.file_name().is_some_and(|name| name.as_encoded_bytes().ends_with(b"-pc"))
}

/// The files with the module in them. Where nothing has to change, they are the same.
///
/// With services named, or on a host without a tool of its own, the lines go into the services' own
/// files; on SUSE into `common-session`. Debian's profiles are its tool's work, not this one's.
pub fn planned(files: &Files, host: Host, wish: &Wish) -> Result<Files, Refusal> {
    if !wish.services.is_empty() {
        return each(files, &wish.services, Missing::IsRefused);
    }
    if host == Host::Config {
        return config(files, wish);
    }
    let theirs = namespace_services(files);
    let theirs = theirs.iter().map(String::as_str);
    let quiet = NON_INTERACTIVE.into_iter().filter(|_| wish.non_interactive);
    let names: Vec<_> =
        INTERACTIVE.into_iter().chain(quiet).chain(theirs).map(str::to_owned).collect();
    each(files, &names, Missing::IsPassedOver)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    IsRefused,
    IsPassedOver,
}

fn each(files: &Files, names: &[String], missing: Missing) -> Result<Files, Refusal> {
    let mut new = files.clone();
    for name in names {
        let own =
            DIRS.iter().map(|dir| Path::new(dir).join(name)).find(|path| new.get(path).is_some());
        match own {
            Some(path) if !has_module(&new, name) => insert(&mut new, &path, name)?,
            None if missing == Missing::IsRefused => {
                return Err(Refusal {
                    file: Path::new("/etc/pam.d").join(name),
                    line: 0,
                    found: "there is no such service".to_owned(),
                    expected: "expected the name of a file in /etc/pam.d".to_owned(),
                });
            }
            _ => {}
        }
    }
    Ok(new)
}

fn has_module(files: &Files, name: &str) -> bool {
    Service::read(files, OsStr::new(name)).is_ok_and(|service| service.our_calls().next().is_some())
}

/// A file of the distribution's is left alone: one of the same name in /etc/pam.d counts instead.
fn insert(files: &mut Files, path: &Path, name: &str) -> Result<(), Refusal> {
    let Some(item) = files.get(path) else { return Ok(()) };
    if let Kind::Link(target) = &item.kind {
        return Err(Refusal {
            file: path.to_owned(),
            line: 0,
            found: format!("it is a link to {}, another program's file", target.display()),
            expected: if target.starts_with("/etc/authselect") {
                "put the module into a profile of your own: authselect create-profile".to_owned()
            } else {
                "put a file in its place, or name other services with --services".to_owned()
            },
        });
    }
    let text = with_module(path, &item.text)?;
    let item = item.with(text);
    files.set(&Path::new("/etc/pam.d").join(name), Some(item));
    Ok(())
}

/// `pam-config` never touches a `common-session` that is no link, and writes on what it includes.
fn config(files: &Files, wish: &Wish) -> Result<Files, Refusal> {
    let mut new = files.clone();
    let quiet = [COMMON_NONLOGIN].into_iter().filter(|_| wish.non_interactive);
    for path in [COMMON_SESSION].into_iter().chain(quiet).map(Path::new) {
        let Some(item) = files.get(path) else { continue };
        let Kind::Link(target) = &item.kind else { continue };
        let inner = format!("session\tinclude\t{}\n", target.display());
        let lines = [inner.as_str(), super::JUMP, super::edit::CALL].concat();
        new.set(path, Some(Item::new(lines.into_bytes())));
    }
    Ok(new)
}

/// The services in whose own file `pam_namespace.so` stands.
fn namespace_services(files: &Files) -> Vec<String> {
    let stands = |item: &Item| {
        entries(&item.text).iter().any(|entry| match entry.words.as_slice() {
            [kind, _, module, ..] => is_session(kind) && module.ends_with(NAMESPACE),
            _ => false,
        })
    };
    let is_service = |path: &PathBuf| {
        path.parent().is_some_and(|dir| DIRS.iter().any(|known| dir == Path::new(known)))
    };
    let named = files.iter().filter(|(_, item)| stands(item)).map(|(path, _)| path.to_owned());
    let names = named
        .filter(is_service)
        .filter_map(|path| path.file_name().and_then(OsStr::to_str).map(str::to_owned));
    names.filter(|name| !name.contains(['.', '~'])).collect()
}
