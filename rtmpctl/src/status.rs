//! `rtmpctl status`: whether it is on, where, and for whom, on one screen.

mod print;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;

use rtmp_core::conf::{Rules, Sources};
use rtmp_core::path::AbsPath;

use crate::check;
use crate::cli::StatusArgs;
use crate::diagnostic::Severity;
use crate::ground;
use crate::host;
use crate::lints;
use crate::normal;
use crate::outcome::{self, Failure, Outcome};
use crate::paint::Paint;
use crate::people::People;
use crate::service::{self, Service};
use crate::sessions::judge::{Judge, Judged};
use crate::sessions::sight::Class;
use crate::sessions::{Process, Sessions};
use crate::standing::Standing;
use crate::tree::Tree;

/// What is said.
struct Status {
    /// The configuration's files, and what `check` has to say of them; `None`: there is none.
    configuration: Option<Configuration>,
    /// Services that call the module.
    calling: Vec<Vec<u8>>,
    /// Services that open sessions and do not.
    silent: Vec<Vec<u8>>,
    /// The processes; `None` below `--root`, where none run.
    processes: Option<Tally>,
}

struct Configuration {
    files: Vec<PathBuf>,
    errors: usize,
    warnings: usize,
    rules: Vec<Rule>,
}

/// A rule, and how its instance parent stands.
struct Rule {
    polydir: Vec<u8>,
    prefix: Vec<u8>,
    method: Vec<u8>,
    parent: Option<(AbsPath, Standing)>,
}

/// The processes by class.
#[derive(Default)]
struct Tally {
    classes: BTreeMap<Class, BTreeMap<u32, User>>,
}

/// One user's processes of one class.
#[derive(Default)]
struct User {
    name: Option<Vec<u8>>,
    processes: Vec<Process>,
}

impl Tally {
    fn processes(&self, class: Class) -> usize {
        self.users(class).map(|(_, user)| user.processes.len()).sum()
    }

    /// How many private sessions there are: each has a mount namespace of its own, where the
    /// login's own root process may be all that is left.
    fn sessions(&self) -> usize {
        let users = [Class::Private, Class::Inside].into_iter().flat_map(|class| self.users(class));
        let processes = users.flat_map(|(_, user)| &user.processes);
        let places = processes.filter_map(|process| process.place.as_ref().ok());
        places.map(|place| place.namespace).collect::<BTreeSet<_>>().len()
    }

    fn users(&self, class: Class) -> impl Iterator<Item = (u32, &User)> {
        self.classes.get(&class).into_iter().flatten().map(|(uid, user)| (*uid, user))
    }
}

impl Status {
    fn is_on(&self) -> bool {
        let has_rules = |configuration: &Configuration| !configuration.rules.is_empty();
        !self.calling.is_empty() && self.configuration.as_ref().is_some_and(has_rules)
    }

    fn outcome(&self) -> outcome::Status {
        let is_refused = |rule: &Rule| matches!(rule.parent, Some((_, Standing::Refused(_))));
        let is_wrong = |configuration: &Configuration| {
            configuration.errors > 0 || configuration.rules.iter().any(is_refused)
        };
        let has = |class| self.processes.as_ref().is_some_and(|tally| tally.processes(class) > 0);
        if !self.is_on() || self.configuration.as_ref().is_some_and(is_wrong) || has(Class::Stale) {
            outcome::Status::Findings
        } else if has(Class::Unseen) {
            outcome::Status::CouldNotTell
        } else {
            outcome::Status::Clean
        }
    }
}

/// Looks everywhere once.
pub fn run(asked: &StatusArgs, paint: Paint) -> Result<Outcome, Failure> {
    if asked.looking.root.is_none() {
        host::step_out();
    }
    let tree = Tree::open(asked.looking.root.as_deref())?;
    let services = service::all(&tree)?;
    let sources = match tree.sources(&[]) {
        Err(Failure::Sources(error)) if error.error.kind() == ErrorKind::NotFound => None,
        sources => Some(sources?),
    };
    let people = People::of(&tree);
    let (calling, silent) = callers(&services);
    let processes = match (&sources, tree.is_host()) {
        (Some(sources), true) => Some(tally(&tree, &people, sources, &services)?),
        (None, _) | (_, false) => None,
    };
    let configuration = sources.map(|sources| configuration(&tree, &sources, &services));
    let status = Status { configuration, calling, silent, processes };
    let text = match asked.looking.json {
        true => status.to_json(),
        false => status.to_text(paint).into_bytes(),
    };
    Ok(Outcome { text, status: status.outcome() })
}

fn configuration(tree: &Tree, sources: &Sources, services: &[Service]) -> Configuration {
    let report = check::examine(tree, sources, lints::Scope::WHOLE, services);
    let rules = Rules::parse(sources).rules;
    let rules = rules.iter().map(|rule| Rule {
        polydir: rule.polydir.as_bytes().to_vec(),
        prefix: rule.backing.prefix().as_bytes().to_vec(),
        method: normal::Line::of(rule).map(|line| line.method).unwrap_or_default(),
        parent: lints::required_parent(rule, services).map(|(path, must)| {
            let standing = ground::parent(tree, &path, must);
            (path, standing)
        }),
    });
    Configuration {
        files: sources.iter().map(|source| source.path.clone()).collect(),
        errors: report.count(Severity::Error),
        warnings: report.count(Severity::Warning),
        rules: rules.collect(),
    }
}

/// The services that call the module, and those that open sessions without it.
fn callers(services: &[Service]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let (calling, silent): (Vec<_>, Vec<_>) = services
        .iter()
        .filter(|service| !service.is_part())
        .partition(|service| service.our_calls().count() > 0);
    let name = |service: &Service| service.name.clone();
    (
        calling.into_iter().map(name).collect(),
        silent.into_iter().filter(|service| service.opens_sessions()).map(name).collect(),
    )
}

fn tally(
    tree: &Tree,
    people: &People<'_>,
    sources: &Sources,
    services: &[Service],
) -> Result<Tally, Failure> {
    let sessions = Sessions::look()?;
    let mut judge = Judge::new(tree, people, sources, services, &sessions);
    let mut tally = Tally::default();
    for Judged { process, class, .. } in judge.all() {
        let user = tally.classes.entry(class).or_default().entry(process.uid).or_default();
        if user.processes.is_empty() {
            let account = judge.expected(process.uid).account.as_ref();
            user.name = account.map(|account| account.passwd_name.clone());
        }
        user.processes.push(process.clone());
    }
    Ok(tally)
}
