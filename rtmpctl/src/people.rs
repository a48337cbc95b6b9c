//! Users and groups, as the tree's own system knows them.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use rtmp_core::accounts::{Account, Passwd, Surroundings, System, Unanswered};
use rtmp_core::init::Script;
use rtmp_core::options::ContextSource;
use rtmp_core::path::{AbsPath, Name, Shown};
use rtmp_core::selinux::{NoContext, Range, Selinux, Subject};

use crate::outcome::Failure;
use crate::tree::Tree;

/// What a plan asks of the system in a tree. Of the host's, the name service answers; of another,
/// its `etc/passwd` and `etc/group`, since its name service cannot be run from outside.
#[derive(Debug)]
pub struct People<'a> {
    tree: &'a Tree,
    users: Vec<Passwd>,
    groups: Vec<Group>,
    missing: Option<Errno>,
    level: Option<String>,
}

#[derive(Debug)]
struct Group {
    name: Vec<u8>,
    gid: u32,
    members: Vec<Vec<u8>>,
}

impl<'a> People<'a> {
    /// The users and groups of a tree.
    pub fn of(tree: &'a Tree) -> Self {
        let read = |path| tree.read(Path::new(path));
        let (passwd, group) = (read("/etc/passwd"), read("/etc/group"));
        let errno = |error: &io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
        let missing = passwd.as_ref().err().or(group.as_ref().err()).map(errno);
        Self {
            tree,
            users: lines(&passwd.unwrap_or_default(), user),
            groups: lines(&group.unwrap_or_default(), group_of),
            missing,
            level: None,
        }
    }

    /// The users in `etc/passwd`, in its order.
    pub fn users(&self) -> &[Passwd] {
        &self.users
    }

    /// The same, for sessions at an SELinux level.
    pub fn at_level(self, level: Option<&str>) -> Self {
        Self { level: level.map(str::to_owned), ..self }
    }

    /// A user who logs in, or why nobody can log in under this name.
    pub fn account(&self, name: &OsStr) -> Result<Result<Account, String>, Failure> {
        let shown = Shown(name.as_bytes()).to_string();
        let name = match Name::new(name.as_bytes()) {
            Ok(name) => name,
            Err(fault) => return Ok(Err(format!("\"{shown}\" is no user's name: it {fault}"))),
        };
        let found =
            Account::find(name, self).map_err(|error| Failure::Unanswered(shown.clone(), error))?;
        Ok(found.ok_or_else(|| format!("there is no user \"{shown}\"")))
    }

    /// The other names of a user number: all in `etc/passwd`, and the name service's first.
    pub fn other_names(&self, uid: u32, name: &[u8]) -> Vec<Vec<u8>> {
        let mut names: Vec<_> = self
            .users
            .iter()
            .filter(|user| user.uid == uid)
            .map(|user| user.name.clone())
            .collect();
        if self.tree.is_host() {
            if let Ok(Some(account)) = Account::of_uid(uid) {
                names.push(account.passwd_name);
            }
        }
        names.retain(|other| other != name);
        names.sort();
        names.dedup();
        names
    }

    fn files(&self) -> Result<&Self, Unanswered> {
        match self.missing {
            Some(errno) => Err(Unanswered(errno)),
            None => Ok(self),
        }
    }
}

impl Surroundings for People<'_> {
    fn user(&self, name: &CStr) -> Result<Option<Passwd>, Unanswered> {
        if self.tree.is_host() {
            return System.user(name);
        }
        let users = &self.files()?.users;
        Ok(users.iter().find(|user| user.name == name.to_bytes()).cloned())
    }

    fn group(&self, name: &CStr) -> Result<Option<u32>, Unanswered> {
        if self.tree.is_host() {
            return System.group(name);
        }
        let groups = &self.files()?.groups;
        Ok(groups.iter().find(|group| group.name == name.to_bytes()).map(|group| group.gid))
    }

    fn groups_of(&self, user: &CStr, primary: u32) -> Result<Vec<u32>, Unanswered> {
        if self.tree.is_host() {
            return System.groups_of(user, primary);
        }
        let is_in = |group: &&Group| group.members.iter().any(|member| member == user.to_bytes());
        let others = self.files()?.groups.iter().filter(is_in).map(|group| group.gid);
        Ok(std::iter::once(primary).chain(others).collect())
    }

    fn selinux(&self) -> Selinux {
        // A directory tree has no kernel.
        if self.tree.is_host() { System.selinux() } else { Selinux::Disabled }
    }

    fn labels(&self) -> bool {
        self.tree.is_host() && System.labels()
    }

    /// Of a session that is not there only the level can be told, by who asks.
    fn subject(&self, _: ContextSource, _: &Name) -> Result<Subject, NoContext> {
        let level = self.level.as_ref().map(|level| Range::new(level.as_bytes()));
        Ok(level.map_or(Subject::Unknown, Subject::Range))
    }

    fn script(&self, path: AbsPath) -> Option<Script> {
        let place = self.tree.place(Path::new(OsStr::from_bytes(path.as_bytes())));
        Script::look(AbsPath::new(place.as_os_str().as_bytes()).ok()?)
    }
}

fn lines<T>(text: &[u8], parse: impl Fn(&[&[u8]]) -> Option<T>) -> Vec<T> {
    text.split(|&b| b == b'\n')
        .filter_map(|line| parse(&line.split(|&b| b == b':').collect::<Vec<_>>()))
        .collect()
}

fn number(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn user(fields: &[&[u8]]) -> Option<Passwd> {
    let [name, _, uid, gid, _, home, _] = fields else { return None };
    let (uid, gid) = (number(uid)?, number(gid)?);
    Some(Passwd { name: name.to_vec(), uid, gid, home: home.to_vec() })
}

fn group_of(fields: &[&[u8]]) -> Option<Group> {
    let [name, _, gid, members] = fields else { return None };
    let members = members.split(|&b| b == b',').map(<[u8]>::to_vec).collect();
    Some(Group { name: name.to_vec(), gid: number(gid)?, members })
}
