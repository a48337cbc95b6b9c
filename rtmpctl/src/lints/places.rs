//! What a rule needs on disk: polydirs, instance parents, scripts.

use rtmp_core::accounts::{Account, Surroundings};
use rtmp_core::conf::{Backing, Init, Rule};
use rtmp_core::init::{self, Preparation};
use rtmp_core::path::{AbsPath, Name};

use super::{Subject, polydir, required_parent};
use crate::diagnostic::{Finding, Severity};
use crate::ground;
use crate::standing::Standing;
use crate::tree::Last;

/// What is found on disk for each rule, and for the script of all of them.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let rules = subject.rules.rules.iter();
    let each = rules.clone().enumerate().flat_map(|(index, rule)| {
        let earlier = subject.rules.rules.get(..index).unwrap_or_default();
        of_rule(subject, earlier, rule)
    });
    let default = rules.clone().any(|rule| rule.init == Init::Default);
    let script = default.then(|| default_script(subject)).flatten();
    each.chain(script).collect()
}

fn of_rule<'t>(
    subject: &Subject<'_, 't>,
    earlier: &[Rule<'t>],
    rule: &Rule<'t>,
) -> Vec<Finding<'t>> {
    let tree = subject.tree;
    let mut findings = Vec::new();
    // One in an earlier polydir is looked for in that one's instance, not here.
    let covered = |path: &AbsPath| {
        earlier.iter().filter_map(polydir).any(|dir| dir.contains(path.as_bytes()))
    };
    if let Some(path) = polydir(rule).filter(|path| !covered(path)) {
        let standing = ground::polydir(tree, &path, rule.create.is_some());
        let origin = rule.origin.at(rule.polydir.column());
        let message = format!("polydir {path}: {standing}");
        findings.extend(
            judged(&standing, "polydir", message)
                .map(|(severity, lint, message)| Finding::new(severity, lint, origin, message)),
        );
    }
    findings.extend(of_parent(subject, rule));
    findings.extend(of_script(subject, rule));
    findings
}

fn of_parent<'t>(subject: &Subject<'_, 't>, rule: &Rule<'t>) -> Vec<Finding<'t>> {
    let Some((path, must)) = required_parent(rule, subject.services) else { return Vec::new() };
    let tree = subject.tree;
    let origin = rule.origin.at(rule.backing.prefix().column());
    let standing = ground::parent(tree, &path, must);
    let message = format!("instance parent {path}: {standing}");
    let judged = judged(&standing, "parent", message).map(|(severity, lint, message)| {
        let note = slash_hint(rule, &standing);
        Finding { note, ..Finding::new(severity, lint, origin, message) }
    });
    let movable = ground::movable_above(tree, &path).map(|(above, look)| {
        let message = format!(
            "whoever can write {above} (owner {}, mode {:04o}) can move away {path} and so refuse everybody's login",
            look.uid,
            look.permissions()
        );
        Finding::new(Severity::Warning, "movable", origin, message)
    });
    let above = AbsPath::new(path.above()).unwrap_or_else(|_| path.clone());
    let nearest = tree.look(&path, Last::Through).or_else(|_| tree.look(&above, Last::Through));
    let volatile = nearest.is_ok_and(|look| look.on_tmpfs).then(|| {
        let message = format!(
            "{path} is on a tmpfs: instances are gone at reboot and made again at the next login"
        );
        Finding::new(Severity::Note, "tmpfs", origin, message)
    });
    [judged, movable, volatile].into_iter().flatten().collect()
}

fn judged(
    standing: &Standing,
    lint: &'static str,
    message: String,
) -> Option<(Severity, &'static str, String)> {
    let severity = match standing {
        Standing::Fine(_) | Standing::Missing => return None,
        Standing::Squat(_) => Severity::Warning,
        Standing::Refused(_) => Severity::Error,
        Standing::Unseen(_) => Severity::Unknown,
    };
    Some((severity, lint, message))
}

/// `/tmp-inst` without its slash makes `/tmp-instalice`.
fn slash_hint(rule: &Rule<'_>, standing: &Standing) -> Option<String> {
    let Backing::Prefix { prefix, .. } = &rule.backing else { return None };
    let ends = matches!(standing, Standing::Fine(_)) || prefix.as_bytes().ends_with(b"/");
    (!ends).then(|| {
        format!("what follows the last / starts the instances' names; to put them in a directory write {prefix}/")
    })
}

fn of_script<'t>(subject: &Subject<'_, 't>, rule: &Rule<'t>) -> Option<Finding<'t>> {
    let Init::Script(word) = &rule.init else { return None };
    let path = init::named_path(word.as_bytes()).ok()?;
    let origin = rule.origin.at(word.column());
    match preparation(subject, path.clone())? {
        None => {
            let message = format!("script {path} does not exist, so none is run");
            Some(Finding::new(Severity::Warning, "script", origin, message))
        }
        Some(Preparation::NotExecutable(_)) => {
            Some(Finding::new(Severity::Error, "script", origin, not_executable(&path)))
        }
        Some(Preparation::None | Preparation::Script(_) | Preparation::Skeleton { .. }) => None,
    }
}

fn default_script<'t>(subject: &Subject<'_, 't>) -> Option<Finding<'t>> {
    let found = init::default_paths()
        .find_map(|path| preparation(subject, path.clone()).flatten().map(|found| (path, found)));
    match found? {
        (path, Preparation::NotExecutable(_)) => {
            Some(Finding::nowhere(Severity::Error, "script", not_executable(&path)))
        }
        _ => None,
    }
}

fn not_executable(path: &AbsPath) -> String {
    format!("script {path} is not executable; the login is refused")
}

/// What the module would make of a script. `Some(None)`: it is not there.
pub fn preparation(subject: &Subject<'_, '_>, path: AbsPath) -> Option<Option<Preparation>> {
    // For whom does not matter: nobody's home is the root directory.
    let nobody = Account {
        name: Name::new(b"nobody").ok()?,
        passwd_name: Vec::new(),
        uid: 0,
        gid: 0,
        home: Vec::new(),
    };
    let polydir = AbsPath::new(b"/").ok()?;
    let script = subject.people.script(path);
    Some(script.map(|script| Preparation::of(Some(script), &polydir, &nobody)))
}
