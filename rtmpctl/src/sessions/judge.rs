//! What a process should see in place of the polydirs, and whether it does.

use std::collections::{HashMap, HashSet};

use rtmp_core::accounts::Account;
use rtmp_core::conf::{Rules, Sources};
use rtmp_core::instance_name::Naming;
use rtmp_core::options::{Options, Unmount};
use rtmp_core::path::AbsPath;
use rtmp_core::plan::{Place as InstancePlace, Plan, Verdict, Within};

use super::home::{Home, Instance, Parent};
use super::sight::{Class, Seen, Sight};
use super::table::{Location, Table, number};
use super::{Process, Sessions};
use crate::lints;
use crate::people::People;
use crate::service::Service;
use crate::tree::Tree;

/// A process, how it stands, and what it sees.
#[derive(Debug)]
pub struct Judged<'a> {
    /// The process.
    pub process: &'a Process,
    /// How it stands.
    pub class: Class,
    /// What it sees in place of each polydir; nothing of a process that cannot be looked into.
    pub sights: Vec<Sight>,
}

/// What every process of one user should see.
#[derive(Debug)]
pub struct Expected {
    /// The user; `None`: there is none of that number.
    pub account: Option<Account>,
    polydirs: Result<Vec<Polydir>, String>,
}

/// One polydir, for one user.
#[derive(Debug)]
struct Polydir {
    path: AbsPath,
    /// The same without links.
    real: Vec<u8>,
    hosts: Option<Location>,
    /// Where the user's own instances are; none: the user is exempt.
    homes: Vec<Home>,
}

/// Judges processes. Each user is planned for once.
pub struct Judge<'a> {
    tree: &'a Tree,
    people: &'a People<'a>,
    sources: &'a Sources,
    options: Vec<Options>,
    sessions: &'a Sessions,
    parents: Vec<Parent>,
    least_person: u32,
    known: HashMap<u32, Expected>,
}

impl<'a> Judge<'a> {
    /// With the host's configuration and the options of all services that call the module.
    pub fn new(
        tree: &'a Tree,
        people: &'a People<'a>,
        sources: &'a Sources,
        services: &[Service],
        sessions: &'a Sessions,
    ) -> Self {
        let mut options = Vec::new();
        for call in services.iter().flat_map(Service::our_calls) {
            // What a session finds afterwards does not depend on whose mounts were in the way.
            let found = Options { unmount: Unmount::Never, unknown: Vec::new(), ..call.options() };
            if !options.contains(&found) {
                options.push(found);
            }
        }
        if options.is_empty() {
            options.push(Options::default());
        }
        let least_person = least_person(tree);
        let (parents, known) = (Vec::new(), HashMap::new());
        let mut judge =
            Self { tree, people, sources, options, sessions, parents, least_person, known };
        let rules = Rules::parse(sources).rules;
        let parents = rules.iter().filter_map(|rule| lints::required_parent(rule, services));
        judge.parents = parents.map(|(path, _)| judge.parent(&path)).collect();
        judge
    }

    /// Judges all processes.
    pub fn all(&mut self) -> Vec<Judged<'a>> {
        let sessions = self.sessions;
        let mut all: Vec<_> =
            sessions.processes.iter().map(|process| self.judge(process)).collect();
        // What is somebody's own is an instance, whatever made it.
        let own = |sight: &Sight| match &sight.seen {
            Seen::Own(at) => Some(at.clone()),
            Seen::Hosts | Seen::Anothers(_) | Seen::Other(_) | Seen::Nothing => None,
        };
        let instances: HashSet<_> =
            all.iter().flat_map(|j| j.sights.iter().filter_map(own)).collect();
        for judged in &mut all {
            for sight in &mut judged.sights {
                if let Seen::Other(at) = &sight.seen {
                    if instances.contains(at) {
                        sight.seen = Seen::Anothers(at.clone());
                    }
                }
            }
            judged.class = self.class(judged.process, &judged.sights);
        }
        all
    }

    /// What processes of a user should see.
    pub fn expected(&mut self, uid: u32) -> &Expected {
        if !self.known.contains_key(&uid) {
            let expected = self.expect(uid);
            self.known.insert(uid, expected);
        }
        self.known.entry(uid).or_insert_with(|| unreachable!("it was put there"))
    }

    /// What these mounts show a user in place of each polydir; or why there is no plan for them.
    pub fn sights(&mut self, uid: u32, table: &Table) -> Result<Vec<Sight>, String> {
        self.expected(uid);
        let Some(expected) = self.known.get(&uid) else { return Ok(Vec::new()) };
        let polydirs = expected.polydirs.as_ref().map_err(String::clone)?;
        Ok(polydirs.iter().map(|polydir| self.sight(polydir, table)).collect())
    }

    fn judge(&mut self, process: &'a Process) -> Judged<'a> {
        let table = self.sessions.view(process);
        let sights = table.map_or_else(|_| Ok(Vec::new()), |table| self.sights(process.uid, table));
        Judged { process, class: Class::Unseen, sights: sights.unwrap_or_default() }
    }

    fn class(&self, process: &Process, sights: &[Sight]) -> Class {
        let expected = self.known.get(&process.uid);
        let is_planned = expected.is_some_and(|expected| expected.polydirs.is_ok());
        if !is_planned || self.sessions.view(process).is_err() {
            return Class::Unseen;
        }
        let is_nobodys = expected.is_some_and(|expected| expected.account.is_none());
        let class = match sights.iter().map(Sight::class).max() {
            // A user who was deleted is exempt from nothing.
            None | Some(Class::Exempt) if is_nobodys => Class::Stale,
            class => class.unwrap_or(Class::Exempt),
        };
        let is_person = process.uid >= self.least_person;
        if class == Class::Stale && !is_person { Class::Service } else { class }
    }

    fn sight(&self, polydir: &Polydir, table: &Table) -> Sight {
        let seen = match (table.location(&polydir.real), table.around(&polydir.real)) {
            (Some(at), _) if polydir.hosts.as_ref() == Some(&at) => Seen::Hosts,
            (Some(at), Some(mount)) => {
                let is_beside = |parent: &Parent| parent.rest(&at).is_some();
                if polydir.homes.iter().any(|home| home.is(&at, mount, &polydir.real)) {
                    Seen::Own(at)
                } else if self.parents.iter().any(is_beside) || polydir.parents().any(is_beside) {
                    Seen::Anothers(at)
                } else {
                    Seen::Other(at)
                }
            }
            (_, None) | (None, _) => Seen::Nothing,
        };
        Sight { polydir: polydir.path.clone(), is_private: !polydir.homes.is_empty(), seen }
    }

    fn expect(&self, uid: u32) -> Expected {
        let account = match Account::of_uid(uid) {
            Ok(account) => account,
            Err(error) => return Expected { account: None, polydirs: Err(error.to_string()) },
        };
        let polydirs = match &account {
            Some(account) => self.polydirs(account),
            None => Ok(self.hosts_polydirs()),
        };
        Expected { account, polydirs }
    }

    fn polydirs(&self, account: &Account) -> Result<Vec<Polydir>, String> {
        let mut polydirs: Vec<Polydir> = Vec::new();
        for options in &self.options {
            let rules = Rules::parse(self.sources);
            let plan = Plan::new(rules, account.clone(), None, options, self.people)
                .map_err(|refusal| refusal.to_string())?;
            for decision in &plan.decisions {
                let at = polydirs.iter().position(|polydir| polydir.path == decision.polydir);
                let at = at.unwrap_or_else(|| {
                    polydirs.push(self.polydir(&decision.polydir));
                    polydirs.len() - 1
                });
                let Verdict::Private(work) = &decision.verdict else { continue };
                if let Some(polydir) = polydirs.get_mut(at) {
                    polydir.homes.push(self.home(&work.place));
                }
            }
        }
        Ok(polydirs)
    }

    /// For a user who does not exist: the polydirs that are the same for everybody.
    fn hosts_polydirs(&self) -> Vec<Polydir> {
        let rules = Rules::parse(self.sources).rules;
        let mut paths: Vec<_> = rules.iter().filter_map(lints::polydir).collect();
        paths.dedup();
        paths.iter().map(|path| self.polydir(path)).collect()
    }

    fn polydir(&self, path: &AbsPath) -> Polydir {
        let real = self
            .tree
            .whereabouts(path)
            .map_or_else(|_| path.as_bytes().to_vec(), |found| found.path);
        let hosts = self.sessions.host().and_then(|host| host.location(&real));
        Polydir { path: path.clone(), real, hosts, homes: Vec::new() }
    }

    fn home(&self, place: &InstancePlace) -> Home {
        let InstancePlace::Directory { parent, within, .. } = place else { return Home::Tmpfs };
        let instance = match within {
            Within::Named(Naming::Known(name)) => Instance::Named(name.as_bytes().to_vec()),
            Within::Named(Naming::WithContext(hole)) => Instance::around(b"", hole),
            Within::Boxed { user_box, name: None } => Instance::Named(user_box.as_bytes().to_vec()),
            Within::Boxed { name: Some(Naming::Known(inner)), .. } => {
                Instance::Named(inner.path.to_bytes().to_vec())
            }
            Within::Boxed { user_box, name: Some(Naming::WithContext(hole)) } => {
                Instance::around(&[user_box.as_bytes(), b"/"].concat(), hole)
            }
            Within::Temporary(prefix) => Instance::Starting(prefix.to_bytes().to_vec()),
        };
        Home::Within(self.parent(parent), instance)
    }

    fn parent(&self, path: &AbsPath) -> Parent {
        let name = path.name().map_or_else(Vec::new, |name| name.to_bytes().to_vec());
        Parent { location: self.sessions.locate(self.tree, path), name }
    }
}

impl Polydir {
    fn parents(&self) -> impl Iterator<Item = &Parent> {
        self.homes.iter().filter_map(|home| match home {
            Home::Within(parent, _) => Some(parent),
            Home::Tmpfs => None,
        })
    }
}

/// `UID_MIN` (login.defs(5)): accounts below it are the system's.
fn least_person(tree: &Tree) -> u32 {
    const DEFAULT: u32 = 1000;
    let text = tree.read("/etc/login.defs".as_ref()).unwrap_or_default();
    let mut words = text
        .split(|&b| b == b'\n')
        .map(|line| line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()));
    let found =
        words.find_map(|mut words| (words.next()? == b"UID_MIN").then(|| words.next()).flatten());
    found.and_then(number).unwrap_or(DEFAULT)
}
