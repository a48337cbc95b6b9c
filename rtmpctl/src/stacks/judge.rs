//! What the new stacks are held against before anybody opens a session through them.

use std::path::Path;

use rtmp_core::conf::Origin;

use super::edit::{JUMP, is_root_jump};
use super::{Files, Refusal};
use crate::diagnostic::{Finding, Severity};
use crate::outcome::Failure;
use crate::pamd::entries;
use crate::service::{self, Call, NAMESPACE, Service};

/// The services whose session stack is another one than before.
pub fn changed(before: &Files, after: &Files) -> Result<Vec<Service>, Failure> {
    let old = service::all(before)?;
    let was_so = |service: &Service| {
        old.iter().any(|was| was.name == service.name && was.same_session(service))
    };
    Ok(service::all(after)?.into_iter().filter(|service| !was_so(service)).collect())
}

/// What speaks against these stacks.
pub fn objection(services: &[Service]) -> Option<Refusal> {
    services.iter().find_map(unsound).map(|finding| Refusal {
        file: finding.origin.map_or(Path::new("/etc/pam.d"), |origin| origin.file).to_owned(),
        line: finding.origin.map_or(0, |origin| origin.line),
        found: finding.message,
        expected: finding.note.unwrap_or_default(),
    })
}

/// The services that call the module.
pub fn callers(files: &Files) -> Result<Vec<Service>, Failure> {
    let all = service::all(files)?.into_iter();
    Ok(all.filter(|service| service.our_calls().next().is_some()).collect())
}

/// What is wrong with the place where the module stands: it wants one call, which nobody but root is
/// let past, and no second module that does the same.
pub fn unsound(service: &Service) -> Option<Finding<'_>> {
    let at = |call: &Call, lint, message: &str, note: &str| {
        let origin = service.origin(call)?;
        Some(Finding::new(Severity::Warning, lint, origin, message).with(note))
    };
    let calls: Vec<_> = service.our_calls().collect();
    let (call, second) = (calls.first()?, calls.get(1));
    if let Some(second) = second {
        let message = "pam_rtmp.so is called twice in one session";
        return at(second, "twice", message, "leave one of the calls");
    }
    if let Some(theirs) = service.calls.iter().find(|call| call.module == NAMESPACE) {
        let message = "pam_namespace.so is called beside pam_rtmp.so: each mounts over what the other has mounted";
        let note =
            "take this line out, or let rtmpctl enable --services put pam_rtmp.so in its place";
        return at(theirs, "two-modules", message, note);
    }
    if !matches!(call.control.as_slice(), b"required" | b"requisite") {
        let message = "where a private session is refused, one that is not private is opened";
        return at(call, "control", message, "make it required");
    }
    let skippers = service.skippers(call);
    if let Some(other) = skippers.iter().find(|origin| !jumps_for_root(service, **origin)) {
        let message = "this line may leave out pam_rtmp.so behind it";
        let note = "only the jump for root may: put the module before this line";
        return Some(Finding::new(Severity::Warning, "skipped", *other, message).with(note));
    }
    if skippers.is_empty() {
        let message = "root is refused, too, where the configuration is broken";
        return at(call, "root-jump", message, &format!("put before it: {}", jump_in_words()));
    }
    None
}

fn jump_in_words() -> String {
    JUMP.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn jumps_for_root(service: &Service, origin: Origin<'_>) -> bool {
    let source = service.files().find(|source| source.path == origin.file);
    source.is_some_and(|source| {
        let entries = entries(&source.text);
        entries.iter().any(|entry| entry.line == origin.line && is_root_jump(&entry.words))
    })
}
