//! Who logs in, and what the name service knows of others.

use std::ffi::CStr;

use nix::errno::Errno;

use crate::init::Script;
use crate::options::ContextSource;
use crate::path::{AbsPath, Name};
use crate::selinux::{self, NoContext, Selinux, Subject};
use crate::sys;

/// A user as the name service knows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The name that was asked for; names the instance, as in `pam_namespace`.
    pub name: Name,
    /// The name in the passwd entry; a directory service may spell it otherwise.
    pub passwd_name: Vec<u8>,
    /// The user's number.
    pub uid: u32,
    /// The number of the primary group.
    pub gid: u32,
    /// The home directory, as the entry has it: nothing is checked.
    pub home: Vec<u8>,
}

/// A passwd entry as the name service gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passwd {
    /// `pw_name`
    pub name: Vec<u8>,
    /// `pw_uid`
    pub uid: u32,
    /// `pw_gid`
    pub gid: u32,
    /// `pw_dir`
    pub home: Vec<u8>,
}

/// The name service failed: not "no such user", but no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name service gives no answer: {}", .0.desc())]
pub struct Unanswered(pub Errno);

/// What a plan asks of the host: its name service, and three things it can only look at. `None`
/// means "not found".
pub trait Surroundings {
    /// A user by name.
    fn user(&self, name: &CStr) -> Result<Option<Passwd>, Unanswered>;
    /// A group's number by name.
    fn group(&self, name: &CStr) -> Result<Option<u32>, Unanswered>;
    /// All groups of a user, the primary one included.
    fn groups_of(&self, user: &CStr, primary: u32) -> Result<Vec<u32>, Unanswered>;
    /// Whether the kernel runs with SELinux.
    fn selinux(&self) -> Selinux;
    /// Whether it does and contexts can be read and set: names and labels depend on them.
    fn labels(&self) -> bool;
    /// The context that the methods `level` and `context` tell instances apart by. Asked only where
    /// there are labels.
    fn subject(&self, source: ContextSource, user: &Name) -> Result<Subject, NoContext>;
    /// The script at a path, and what it is.
    fn script(&self, path: AbsPath) -> Option<Script>;
}

/// The host this runs on: libc with `nsswitch.conf(5)`, the kernel and the file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

impl Surroundings for System {
    fn user(&self, name: &CStr) -> Result<Option<Passwd>, Unanswered> {
        sys::getpwnam(name).map_err(Unanswered)
    }

    fn group(&self, name: &CStr) -> Result<Option<u32>, Unanswered> {
        sys::getgrnam(name).map_err(Unanswered)
    }

    fn groups_of(&self, user: &CStr, primary: u32) -> Result<Vec<u32>, Unanswered> {
        sys::getgrouplist(user, primary).map_err(Unanswered)
    }

    fn selinux(&self) -> Selinux {
        selinux::state()
    }

    fn labels(&self) -> bool {
        selinux::SUPPORTED && selinux::state() == Selinux::Enabled
    }

    fn subject(&self, source: ContextSource, user: &Name) -> Result<Subject, NoContext> {
        let context = match source {
            ContextSource::Exec => selinux::exec().and_then(|exec| exec.ok_or(Errno::ENODATA)),
            ContextSource::Current => selinux::current(),
            ContextSource::Default => selinux::default_of(user),
        };
        context.map(Subject::Context).map_err(|errno| match (source, errno) {
            (ContextSource::Exec, Errno::ENODATA) => NoContext::NotSet,
            (_, errno) => NoContext::Os(errno),
        })
    }

    fn script(&self, path: AbsPath) -> Option<Script> {
        Script::look(path)
    }
}

/// The real user of this process.
pub fn real_uid() -> u32 {
    nix::unistd::getuid().as_raw()
}

impl Account {
    /// Looks a user up by number, in the host's name service.
    pub fn of_uid(uid: u32) -> Result<Option<Self>, Unanswered> {
        let found = sys::getpwuid(uid).map_err(Unanswered)?;
        Ok(found.and_then(|found| {
            let name = Name::new(&found.name[..]).ok()?;
            let Passwd { name: passwd_name, uid, gid, home } = found;
            Some(Self { name, passwd_name, uid, gid, home })
        }))
    }

    /// Looks a user up. `Ok(None)`: there is no such user.
    pub fn find(name: Name, host: &impl Surroundings) -> Result<Option<Self>, Unanswered> {
        Ok(host.user(name.as_cstr())?.map(|found| Self {
            name,
            passwd_name: found.name,
            uid: found.uid,
            gid: found.gid,
            home: found.home,
        }))
    }
}
