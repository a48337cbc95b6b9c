//! The configuration, the directories it needs, and the sessions that do not see them.

use std::collections::BTreeMap;

use rtmp_core::plan::ParentRule;

use super::Subject;
use crate::check;
use crate::diagnostic::{Finding, Severity};
use crate::ground;
use crate::lints;
use crate::outcome::Failure;
use crate::people::People;
use crate::sessions::Sessions;
use crate::sessions::judge::Judge;
use crate::sessions::sight::Class;
use crate::standing::Standing;

/// What is found there.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Result<Vec<Finding<'t>>, Failure> {
    let Some(sources) = subject.sources else {
        let message = "/etc/security/namespace.conf cannot be read: where pam_rtmp.so is called, everybody but root is refused";
        let note = "write one: README.md and namespace.conf(5) have examples";
        return Ok(vec![Finding::nowhere(Severity::Error, "no-configuration", message).with(note)]);
    };
    let errors = check::examine(subject.tree, sources, lints::Scope::WHOLE, subject.services)
        .count(Severity::Error);
    let broken = (errors > 0).then(|| {
        let message =
            format!("the configuration has {errors} error(s), for which logins may be refused");
        Finding::nowhere(Severity::Error, "configuration", message).with("rtmpctl check")
    });
    let calls = subject.services.iter().any(|service| service.our_calls().next().is_some());
    let stale = if subject.tree.is_host() && calls { stale(subject)? } else { Vec::new() };
    Ok(broken.into_iter().chain(parents(subject)).chain(stale).collect())
}

/// Instance parents that are not as they must be.
fn parents<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let rules = subject.rules.rules.iter();
    let finding = |rule: &rtmp_core::conf::Rule<'t>| {
        let (path, must) = lints::required_parent(rule, subject.services)?;
        let standing = ground::parent(subject.tree, &path, must);
        let mode = if must == ParentRule::Hidden { "000" } else { "0755" };
        let (severity, cure) = match standing {
            Standing::Fine(_) | Standing::Missing => return None,
            Standing::Unseen(_) => (Severity::Unknown, "look as root".to_owned()),
            Standing::Refused(_) | Standing::Squat(_) => {
                let cure = format!(
                    "make it root's, a directory, and mode {mode}: install -d -o root -g root -m {mode} {path}, after moving away what is there"
                );
                (
                    if matches!(standing, Standing::Squat(_)) {
                        Severity::Warning
                    } else {
                        Severity::Error
                    },
                    cure,
                )
            }
        };
        let origin = rule.origin.at(rule.backing.prefix().column());
        let message = format!("instance parent {path}: {standing}");
        Some(Finding::new(severity, "parent", origin, message).with(cure))
    };
    rules.filter_map(finding).collect()
}

/// Processes that should see private directories and do not.
fn stale(subject: &Subject<'_, '_>) -> Result<Vec<Finding<'static>>, Failure> {
    let Some(sources) = subject.sources else { return Ok(Vec::new()) };
    let sessions = Sessions::look()?;
    let people = People::of(subject.tree);
    let mut judge = Judge::new(subject.tree, &people, sources, subject.services, &sessions);
    let mut users: BTreeMap<u32, usize> = BTreeMap::new();
    for judged in judge.all().iter().filter(|judged| judged.class == Class::Stale) {
        *users.entry(judged.process.uid).or_default() += 1;
    }
    let finding = |(uid, count): (u32, usize)| {
        let account = judge.expected(uid).account.as_ref();
        let name = account.map_or_else(|| format!("uid {uid}"), |account| account.name.to_string());
        let message = format!(
            "{count} process(es) of {name} see the host's directories: they began before, or came through a service without pam_rtmp.so"
        );
        Finding::nowhere(Severity::Warning, "stale", message)
            .with("rtmpctl status names them; they end when their sessions do: loginctl terminate-user, or a reboot")
    };
    Ok(users.into_iter().map(finding).collect())
}
