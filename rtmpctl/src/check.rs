//! `rtmpctl check`: everything that is wrong, each with its place.

use rtmp_core::conf::{Rules, Source, Sources};

use crate::cli::CheckArgs;
use crate::diagnostic::{Finding, Severity};
use crate::lints::{self, Scope, Subject};
use crate::outcome::{Failure, Outcome};
use crate::paint::Paint;
use crate::people::People;
use crate::report::Report;
use crate::service::{self, Service};
use crate::tree::Tree;

/// Reads, looks, and reports.
pub fn run(asked: &CheckArgs, paint: Paint) -> Result<Outcome, Failure> {
    let tree = Tree::open(asked.looking.root.as_deref())?;
    let whole = asked.files.is_empty();
    let sources = match tree.sources(&asked.files) {
        Err(failure) if whole && failure.is_the_module_s() => {
            let message = format!("{failure}; the module refuses every login");
            let missing = Finding::nowhere(Severity::Error, "no-configuration", message);
            let report = Report::new("check", (0, "rule"), Vec::new(), vec![missing], Vec::new());
            return Ok(report.outcome(asked.looking.json, paint));
        }
        result => result?,
    };
    let services = if whole { service::all(&tree)? } else { Vec::new() };
    let scope = Scope { whole, beside_pam_namespace: asked.pam_namespace };
    let report = examine(&tree, &sources, scope, &services);
    Ok(report.outcome(asked.looking.json, paint))
}

/// Everything that is found.
pub fn examine<'t>(
    tree: &Tree,
    sources: &'t Sources,
    scope: Scope,
    services: &'t [Service],
) -> Report<'t> {
    let rules = Rules::parse(sources);
    let mut texts: Vec<&Source> = sources.iter().collect();
    let subject =
        Subject { rules: &rules, texts: &texts, tree, people: People::of(tree), scope, services };
    let findings = lints::findings(&subject);
    let counted = (rules.rules.len(), "rule");
    let files = texts.iter().map(|source| source.path.clone()).collect();
    texts.extend(services.iter().flat_map(Service::files));
    Report::new("check", counted, files, findings, texts)
}
