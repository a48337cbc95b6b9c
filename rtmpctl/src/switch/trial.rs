//! Real sessions through the new stacks, before anybody depends on them.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rtmp_core::path::Shown;
use serde_json::{Value, json};

use super::rehearsal::{put_over, rehearse};
use crate::outcome::Failure;
use crate::people::People;
use crate::service::Service;
use crate::stacks::{Files, Item};
use crate::tree::Tree;

/// Somebody whose login is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The user's name.
    pub name: String,
    /// The user's number.
    pub uid: u32,
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
    let mut people = vec![Person { name: "root".to_owned(), uid: 0, role: "root" }];
    if !named.is_empty() {
        for name in named {
            let found = People::of(tree).account(OsStr::new(name))?.map_err(Failure::NoUser)?;
            people.push(Person { name: name.clone(), uid: found.uid, role: "named" });
        }
        return Ok(people);
    }
    let (passwd, group) = (read("/etc/passwd")?, read("/etc/group")?);
    let administrators = administrators(&group);
    let ordinary = ordinary(&passwd);
    let is_administrator = |user: &&(String, u32)| administrators.contains(&user.0);
    let mut add = |user: Option<&(String, u32)>, role| {
        people.extend(user.map(|(name, uid)| Person { name: name.clone(), uid: *uid, role }));
    };
    add(ordinary.iter().find(is_administrator), "an administrator");
    add(ordinary.iter().find(|user| !is_administrator(user)), "an ordinary user");
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
fn ordinary(passwd: &str) -> Vec<(String, u32)> {
    let lines = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
    let people = lines.filter_map(|fields| match fields.as_slice() {
        [name, _, uid, _, _, _, shell] => {
            let uid = uid.parse().ok().filter(|uid| (1000..=60_000).contains(uid))?;
            let has_shell = !shell.ends_with("/nologin") && !shell.ends_with("/false");
            has_shell.then(|| ((*name).to_owned(), uid))
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

fn staged(files: &Files) -> Files {
    let mut files = files.clone();
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
        let result = session(service, person)?;
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

/// One session through one service, opened and closed by the real libpam in a process of its own.
fn session(service: &str, person: &Person) -> Result<Opened, Failure> {
    let mut probe = Command::new("/proc/self/exe");
    probe.args(["verify-probe", service, &person.name, &person.uid.to_string()]);
    let output = probe.stdin(Stdio::null()).output();
    let output = output.map_err(|error| Failure::Act("start a session's process".into(), error))?;
    let table = "/proc/thread-self/mountinfo";
    let here = fs::read(table).map_err(|error| Failure::Read(table.into(), error))?;
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    Ok(match (answer.get("opened"), answer.get("refused").and_then(Value::as_str)) {
        // Two mount namespaces have no mount number in common.
        (Some(there), _) if *there == json!(here) => Opened::Shared,
        (Some(_), _) => Opened::Private,
        (None, Some(why)) => Opened::Refused(Shown(why.as_bytes()).to_string()),
        (None, None) => Opened::Refused(format!("the session's process ended, {}", output.status)),
    })
}
