//! Whom a command runs as, if not as root.

use std::ffi::{CString, OsString};
use std::process::Command;

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User, getgrouplist, setgroups, setresgid, setresuid};

use super::unstarted::Unstarted;

/// A user, as the name service had them before the view was entered.
#[derive(Debug)]
pub struct Person {
    /// The name.
    pub name: OsString,
    /// The login shell.
    pub shell: OsString,
    home: OsString,
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Person {
    /// Looks a user up by number.
    pub fn find(uid: u32) -> Result<Self, Unstarted> {
        let uid = Uid::from_raw(uid);
        let failed = |errno| Unstarted::Lookup(uid.as_raw(), errno);
        let user = User::from_uid(uid).map_err(failed)?.ok_or(Unstarted::NoUser(uid.as_raw()))?;
        let name = CString::new(user.name.as_bytes()).map_err(|_| failed(Errno::EINVAL))?;
        Ok(Self {
            groups: getgrouplist(&name, user.gid).map_err(failed)?,
            name: user.name.into(),
            shell: user.shell.into(),
            home: user.dir.into(),
            uid,
            gid: user.gid,
        })
    }

    /// Makes this process the user's for good, and a command's environment that of a login. Of ours
    /// only what describes the terminal and the language stays.
    pub fn take_over(&self, command: &mut Command) -> Result<(), Errno> {
        const KEPT: [&str; 4] = ["TERM", "COLORTERM", "LANG", "LC_ALL"];
        command.env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.env("PATH", "/usr/local/bin:/usr/bin:/bin");
        command.env("HOME", &self.home).env("SHELL", &self.shell);
        command.env("USER", &self.name).env("LOGNAME", &self.name);
        setgroups(&self.groups)?;
        setresgid(self.gid, self.gid, self.gid)?;
        setresuid(self.uid, self.uid, self.uid)
    }
}
