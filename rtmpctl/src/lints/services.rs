//! The PAM services that call the module.

use rtmp_core::path::Shown;

use super::Subject;
use crate::diagnostic::{Finding, Severity};
use crate::service::{self, Call, Service};

/// What is found in each service.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let services = subject.services;
    if subject.scope.whole
        && !services.is_empty()
        && services.iter().all(|s| s.our_calls().count() == 0)
    {
        let message = "no PAM service calls pam_rtmp.so, so nobody is polyinstantiated yet";
        let mut findings = vec![Finding::nowhere(Severity::Note, "no-service", message)];
        // The options are going to be ours.
        for service in services {
            let theirs = service.calls.iter().filter(|call| call.module == service::NAMESPACE);
            findings.extend(theirs.flat_map(|call| of_call(service, call)));
        }
        return findings;
    }
    services.iter().flat_map(of_service).collect()
}

fn of_service(service: &Service) -> Vec<Finding<'_>> {
    let mut findings = Vec::new();
    for call in service.our_calls() {
        findings.extend(of_call(service, call));
    }
    let both = service
        .our_calls()
        .next()
        .and(service.calls.iter().find(|call| call.module == service::NAMESPACE));
    if let Some(origin) = both.and_then(|call| service.origin(call)) {
        let message = format!(
            "service {} calls pam_rtmp.so too: each mounts over what the other has mounted",
            Shown(&service.name)
        );
        findings.push(Finding::new(Severity::Warning, "two-modules", origin, message));
    }
    findings
}

fn of_call<'t>(service: &'t Service, call: &Call) -> Vec<Finding<'t>> {
    let Some(origin) = service.origin(call) else { return Vec::new() };
    let options = call.options();
    let unknown = options.unknown.iter().map(|word| {
        let module = Shown(&call.module);
        let message = format!("\"{}\" is no option of {module} and ignored", Shown(word));
        Finding::new(Severity::Warning, "option", origin, message)
    });
    let careless = options.ignore_config_error.then(|| {
        let message = "ignore_config_error: a line with an error is passed over, and its polydir stays shared";
        Finding::new(Severity::Note, "option", origin, message)
    });
    let optional = (call.control == b"optional").then(|| {
        let message =
            "optional: where a private session is refused, one that is not private is opened";
        Finding::new(Severity::Warning, "control", origin, message)
    });
    unknown.chain(careless).chain(optional).collect()
}
