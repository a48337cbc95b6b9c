//! Real sessions through the new stacks, before anybody depends on them.

use std::fmt;
use std::fs;
use std::path::Path;

use rtmp_core::path::Shown;

use super::rehearsal::{program, put_over, rehearse};
use crate::outcome::Failure;
use crate::service::{DIRS, Service};
use crate::stacks::{Files, Item};
use crate::tree::Tree;

/// Somebody whose login is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user's name.
    pub name: String,
    /// Why this one.
    pub role: &'static str,
}

/// How one session went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The service.
    pub service: String,
    /// Who.
    pub person: Person,
    /// What came of it.
    pub result: Opened,
}

/// What came of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// It opened, in a mount namespace of its own.
    Private,
    /// It opened where every process is.
    Shared,
    /// It opened under a `namespace.conf` that nobody can obey, which is what root's must do.
    Regardless,
    /// It did not open: what was said.
    Refused(String),
    /// It did not open, as it did not with the stacks that are there now.
    RefusedBefore,
}

impl fmt::Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Private => f.write_str("opens, private"),
            Self::Shared => f.write_str("opens, not private"),
            Self::Regardless => f.write_str("opens, whatever namespace.conf says"),
            Self::Refused(said) => write!(f, "refused: {said}"),
            Self::RefusedBefore => f.write_str("refused, as it is now"),
        }
    }
}

/// Who is tried: root, the first administrator there is, and the first ordinary user; or those that
/// are named instead of these two.
pub fn people(tree: &Tree, named: &[String]) -> Result<Vec<Person>, Failure> {
    let read = |path: &str| {
        let text = tree.read(Path::new(path));
        let text = text.map_err(|error| Failure::Read(tree.place(Path::new(path)), error));
        text.map(|text| String::from_utf8_lossy(&text).into_owned())
    };
    let mut people = vec![Person { name: "root".to_owned(), role: "root" }];
    if !named.is_empty() {
        people.extend(named.iter().map(|name| Person { name: name.clone(), role: "named" }));
        return Ok(people);
    }
    let (passwd, group) = (read("/etc/passwd")?, read("/etc/group")?);
    let administrators = administrators(&group);
    let ordinary = ordinary(&passwd);
    let is_administrator = |name: &&String| administrators.contains(name);
    let mut add = |name: Option<&String>, role| {
        people.extend(name.map(|name| Person { name: name.clone(), role }));
    };
    add(ordinary.iter().find(is_administrator), "an administrator");
    add(ordinary.iter().find(|name| !is_administrator(name)), "an ordinary user");
    Ok(people)
}

/// Members of the groups that may become root on Debian, Fedora, SUSE, and Ubuntu once.
fn administrators(group: &str) -> Vec<String> {
    let lines = group.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let members = lines.filter_map(|fields| match fields.as_slice() {
        ["sudo" | "wheel" | "admin", _, _, members] => Some(members.split(',')),
        _ => None,
    });
    members.flatten().filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Users with a number of people's (`UID_MIN` and `UID_MAX` of login.defs(5), as they come) and a
/// shell.
fn ordinary(passwd: &str) -> Vec<String> {
    let lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let people = lines.filter_map(|fields| match fields.as_slice() {
        [name, _, uid, _, _, _, shell] => {
            let is_person = uid.parse().is_ok_and(|uid: u32| (1000..=60_000).contains(&uid));
            let has_shell = !shell.ends_with("/nologin") && !shell.ends_with("/false");
            (is_person && has_shell).then(|| (*name).to_owned())
        }
        _ => None,
    });
    people.collect()
}

/// What these services do with these people when the files `then` stand; where a session is refused,
/// also with those that stand now.
///
/// `broken`: root's are opened under a `namespace.conf` that nobody can obey, and must open
/// nevertheless.
pub fn sessions(
    now: &Files,
    then: &Files,
    services: &[Service],
    people: &[Person],
    broken: bool,
) -> Result<Vec<Attempt>, Failure> {
    let names = services.iter().filter(|service| !service.is_part());
    let names: Vec<_> = names.map(|service| String::from_utf8_lossy(&service.name)).collect();
    let login = |person: &Person, name: &str| (name.to_owned(), person.clone());
    let logins = people.iter().flat_map(|person| names.iter().map(move |name| login(person, name)));
    let logins: Vec<Login> = logins.collect();
    let attempts = rehearse(None, &staged(then), || open_all(&logins, broken))?;
    let is_refused = |attempt: &Attempt| matches!(attempt.result, Opened::Refused(_));
    let again = attempts.iter().filter(|attempt| is_refused(attempt));
    let again: Vec<Login> =
        again.map(|attempt| (attempt.service.clone(), attempt.person.clone())).collect();
    if again.is_empty() {
        return Ok(attempts);
    }
    let before = rehearse(None, &staged(now), || open_all(&again, false))?;
    let was_refused = |attempt: &Attempt| {
        let same = |old: &&Attempt| old.service == attempt.service && old.person == attempt.person;
        before.iter().find(same).is_some_and(is_refused)
    };
    let judged = attempts.into_iter().map(|attempt| {
        let is_old = is_refused(&attempt) && was_refused(&attempt);
        if is_old { Attempt { result: Opened::RefusedBefore, ..attempt } } else { attempt }
    });
    Ok(judged.collect())
}

/// A service, and who comes through it.
type Login = (String, Person);

/// The program that opens the sessions: runuser(1), which asks for no password.
const PROGRAM: &str = "/etc/pam.d/runuser";

fn staged(files: &Files) -> Files {
    let mut files = files.clone();
    files.set(Path::new(PROGRAM), Some(Item::new(Vec::new())));
    files.set(Path::new(BROKEN), Some(Item::new(b"a line that nobody can obey\n".to_vec())));
    files
}

/// A configuration that refuses every login which asks for it.
const BROKEN: &str = "/etc/pam.d/rtmpctl.broken";

/// The configuration itself.
const CONF: &str = "/etc/security/namespace.conf";

/// What a login writes down, which these are none of.
const RECORDS: [&str; 3] = ["/var/log/lastlog", "/var/log/wtmp", "/run/utmp"];

/// root's come last, for they may be under another configuration.
fn open_all(logins: &[Login], broken: bool) -> Result<Vec<Attempt>, Failure> {
    for record in RECORDS.into_iter().filter(|record| Path::new(record).exists()) {
        put_over("/dev/null", record)?;
    }
    let open = |(service, person): &Login| {
        let result = session(service, &person.name)?;
        Ok(Attempt { service: service.clone(), person: person.clone(), result })
    };
    let (roots, others): (Vec<_>, Vec<_>) =
        logins.iter().partition(|(_, person)| person.name == "root");
    let others: Vec<_> = others.into_iter().map(open).collect::<Result<_, Failure>>()?;
    if broken && Path::new(CONF).exists() {
        put_over(BROKEN, CONF)?;
    }
    let roots = roots.into_iter().map(open).map(|attempt| match attempt? {
        Attempt { result: Opened::Shared, service, person } if broken => {
            Ok(Attempt { result: Opened::Regardless, service, person })
        }
        other => Ok(other),
    });
    let roots = roots.collect::<Result<Vec<_>, Failure>>()?;
    Ok([roots, others].concat())
}

/// One session through one service's session stack, opened and closed by the real libpam.
fn session(service: &str, user: &str) -> Result<Opened, Failure> {
    // By its path: an include by name alone does not reach /usr/lib/pam.d everywhere.
    let own = DIRS.map(|dir| Path::new(dir).join(service)).into_iter().find(|path| path.exists());
    let own = own.unwrap_or_else(|| service.into());
    let stack = format!(
        "auth\trequired\tpam_permit.so\naccount\trequired\tpam_permit.so\nsession\tinclude\t{}\n",
        own.display()
    );
    let fail = |what: &str| {
        let what = what.to_owned();
        move |error| Failure::Act(what, error)
    };
    fs::write(PROGRAM, stack).map_err(fail("write the stack to try"))?;
    let namespace = "/proc/thread-self/ns/mnt";
    let here = fs::read_link(namespace).map_err(fail("read the mount namespace"))?;
    // A module that waits for ever would make this wait for ever.
    let mut command = program("timeout");
    command.args([
        "--kill-after=5",
        "60",
        "runuser",
        "-s",
        "/bin/sh",
        user,
        "-c",
        "readlink /proc/self/ns/mnt",
    ]);
    let output = command.output().map_err(fail("run runuser"))?;
    let out = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        // What motd and its like print comes before.
        let there = out.lines().last().unwrap_or_default();
        return Ok(if Path::new(there) == here { Opened::Shared } else { Opened::Private });
    }
    let err = String::from_utf8_lossy(&output.stderr);
    let said = err.lines().last().unwrap_or_default();
    let said = said.strip_prefix("runuser: ").unwrap_or(said);
    Ok(Opened::Refused(if said.is_empty() {
        format!("runuser ended with {}", output.status)
    } else {
        Shown(said.as_bytes()).to_string()
    }))
}
