//! The services that open sessions: whether each calls the module, and in the right place.

use std::ffi::OsStr;
use std::path::Path;

use rtmp_core::conf::Key;
use rtmp_core::path::Shown;
use rtmp_core::selinux::{self, Selinux};

use super::Subject;
use crate::diagnostic::{Finding, Severity};
use crate::service::{MODULE, Service};
use crate::stacks::{Host, INTERACTIVE, NON_INTERACTIVE, unsound};
use crate::tree::Tree;

/// What is found in the services.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let services = subject.services.iter();
    let mut findings: Vec<_> = services.clone().filter_map(unsound).collect();
    findings.extend(services.clone().filter_map(|service| before_the_level(subject, service)));
    if services.clone().all(|service| service.our_calls().next().is_none()) {
        let message = "no service calls pam_rtmp.so: nobody has a private directory";
        let none = Finding::nowhere(Severity::Error, "no-service", message);
        return [findings, vec![none.with("rtmpctl enable")]].concat();
    }
    findings.extend(missing_module(subject.tree));
    findings.extend(services.filter_map(|service| without(subject.host, service)));
    findings
}

/// A service that lets somebody in, or works for them, on the host's own directories.
fn without(host: Host, service: &Service) -> Option<Finding<'static>> {
    let name = std::str::from_utf8(&service.name).ok()?;
    let has_user = INTERACTIVE.contains(&name);
    let is_known = has_user || NON_INTERACTIVE.contains(&name) || name.starts_with("gdm");
    let greets = name == "gdm-launch-environment" || name == "gdm";
    if !is_known || greets || service.is_part() || service.our_calls().next().is_some() {
        return None;
    }
    let message =
        format!("service {name} opens sessions on the host's directories, without pam_rtmp.so");
    let cure = match (host, has_user) {
        (Host::AuthUpdate | Host::Config, false) => "rtmpctl enable --non-interactive".to_owned(),
        _ => format!("rtmpctl enable --services {name}"),
    };
    Some(Finding::nowhere(Severity::Warning, "service-without", message).with(cure))
}

/// The level is what `pam_selinux.so open` has set for the session.
fn before_the_level<'t>(subject: &Subject<'_, 't>, service: &'t Service) -> Option<Finding<'t>> {
    let by_context =
        subject.rules.rules.iter().any(|rule| {
            matches!(rule.backing.key(), Some(Key::Level { .. } | Key::Context { .. }))
        });
    if !by_context || !has_selinux(subject.tree) {
        return None;
    }
    let call = service.our_calls().next()?;
    let mut behind = service.calls.iter().skip_while(|other| !std::ptr::eq(*other, call));
    let opens = behind.find(|other| {
        other.module == b"pam_selinux.so" && other.words.iter().any(|word| word == b"open")
    })?;
    let message = format!(
        "service {} sets the SELinux context behind pam_rtmp.so, which takes the level from it",
        Shown(&service.name)
    );
    let note = "put pam_rtmp.so behind this line, in this file";
    Some(Finding::new(Severity::Warning, "level-order", service.origin(opens)?, message).with(note))
}

fn has_selinux(tree: &Tree) -> bool {
    if tree.is_host() {
        return selinux::state() == Selinux::Enabled;
    }
    let config = super::text::files(tree, &["/etc/selinux/config"]);
    let mut modes = super::text::lines(&config).filter_map(|line| line.value("SELINUX"));
    modes.next().is_some_and(|mode| matches!(mode, "enforcing" | "permissive"))
}

/// libpam refuses a session whose stack names a module that is not there.
fn missing_module(tree: &Tree) -> Option<Finding<'static>> {
    let below = |dir: &str| {
        let names = tree.names(Path::new(dir)).unwrap_or_default();
        let dirs = names.into_iter().filter(|name| name.windows(7).any(|part| part == b"-linux-"));
        dirs.map(|name| Path::new(dir).join(OsStr::new(&*String::from_utf8_lossy(&name))))
            .collect::<Vec<_>>()
    };
    let roots = ["/usr/lib", "/usr/lib64", "/lib", "/lib64"];
    let dirs = roots.iter().flat_map(|dir| [below(dir), vec![dir.into()]].concat());
    let module = OsStr::new(std::str::from_utf8(MODULE).unwrap_or_default());
    let mut modules = dirs.map(|dir| dir.join("security").join(module));
    if modules.any(|path| tree.read(&path).is_ok()) {
        return None;
    }
    let message = "pam_rtmp.so is not in any directory where libpam looks for modules, and services call it: every session is refused";
    let note = "install the package again, or take the lines out: rtmpctl disable";
    Some(Finding::nowhere(Severity::Error, "no-module", message).with(note))
}
