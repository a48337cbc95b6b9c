//! `rtmpctl doctor`: what on a host is in the way of private directories, each with what helps.
//!
//! `check` asks whether the configuration is right; this asks whether the host around it is. A room
//! looks at one kind of neighbour, changes nothing, and returns what it found.

mod ageing;
mod change;
mod kerberos;
mod places;
mod services;
mod sshd;
mod text;
mod units;

use rtmp_core::conf::{Rules, Source, Sources};
use rtmp_core::path::Shown;

use crate::cli::DoctorArgs;
use crate::diagnostic::Finding;
use crate::outcome::{Failure, Outcome};
use crate::paint::Paint;
use crate::report::Report;
use crate::service::{self, Service};
use crate::stacks::Host;
use crate::tree::Tree;
use units::Unit;

/// What is looked at.
struct Subject<'a, 't> {
    tree: &'a Tree,
    host: Host,
    /// `None`: there is no configuration.
    sources: Option<&'t Sources>,
    rules: &'a Rules<'t>,
    services: &'t [Service],
    neighbours: &'t Neighbours,
}

/// The files of those who share the host's `/tmp`.
#[derive(Debug)]
struct Neighbours {
    ageing: Vec<Source>,
    tmpreaper: Vec<Source>,
    kerberos: Vec<Source>,
    sshd: Vec<Source>,
    units: Vec<Unit>,
}

impl Neighbours {
    fn read(tree: &Tree) -> Self {
        Self {
            ageing: ageing::tmpfiles(tree),
            tmpreaper: text::files(tree, &["/etc/tmpreaper.conf"]),
            kerberos: kerberos::files(tree),
            sshd: sshd::configuration(tree),
            units: units::units(tree),
        }
    }

    fn texts(&self) -> impl Iterator<Item = &Source> {
        let files = [&self.ageing, &self.tmpreaper, &self.kerberos, &self.sshd];
        let units = self.units.iter().map(|unit| &unit.files);
        files.into_iter().chain(units).flatten()
    }
}

/// Looks everywhere once.
pub fn run(asked: &DoctorArgs, paint: Paint) -> Result<Outcome, Failure> {
    let tree = Tree::open(asked.looking.root.as_deref())?;
    let sources = sources(&tree)?;
    let services = service::all(&tree)?;
    let neighbours = Neighbours::read(&tree);
    let rules = sources.as_ref().map(Rules::parse).unwrap_or_default();
    let subject = Subject {
        tree: &tree,
        host: Host::of(&crate::stacks::Files::read(&tree)?),
        sources: sources.as_ref(),
        rules: &rules,
        services: &services,
        neighbours: &neighbours,
    };
    let mut findings = services::findings(&subject);
    findings.extend(places::findings(&subject)?);
    findings.extend(around(&subject));
    findings.extend(change::findings(&tree)?);
    let texts = services.iter().flat_map(Service::files);
    let texts = texts.chain(sources.iter().flat_map(Sources::iter)).chain(neighbours.texts());
    let counted = services.iter().filter(|service| service.opens_sessions()).count();
    let report = Report::new("doctor", (counted, "service"), Vec::new(), findings, texts.collect());
    Ok(report.outcome(asked.looking.json, paint))
}

/// What is found in the neighbourhood, whether the module is called yet or not.
fn around<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let sshd = sshd::findings(subject).into_iter();
    let more = [units::findings(subject), ageing::findings(subject), kerberos::findings(subject)];
    sshd.chain(more.into_iter().flatten()).collect()
}

/// The same in a sentence each, for who is about to enable the module.
pub fn beside(tree: &Tree) -> Result<Vec<String>, Failure> {
    let sources = sources(tree)?;
    let neighbours = Neighbours::read(tree);
    let rules = sources.as_ref().map(Rules::parse).unwrap_or_default();
    let subject = Subject {
        tree,
        host: Host::Services,
        sources: sources.as_ref(),
        rules: &rules,
        services: &[],
        neighbours: &neighbours,
    };
    let sentence = |finding: Finding<'_>| {
        let place = finding.origin.map(|origin| {
            format!("{}:{}: ", Shown(origin.file.as_os_str().as_encoded_bytes()), origin.line)
        });
        let note = finding.note.map(|note| format!("; {note}"));
        format!("{}{}{}", place.unwrap_or_default(), finding.message, note.unwrap_or_default())
    };
    Ok(around(&subject).into_iter().map(sentence).collect())
}

/// The configuration, if there is one.
fn sources(tree: &Tree) -> Result<Option<Sources>, Failure> {
    match tree.sources(&[]) {
        Err(failure) if failure.is_the_module_s() => Ok(None),
        sources => sources.map(Some),
    }
}
