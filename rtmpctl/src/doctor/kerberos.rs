//! Kerberos tickets: sshd writes them before the session opens, so a cache in `/tmp` is left behind in
//! the host's.

use rtmp_core::conf::{Origin, Source};

use super::Subject;
use super::text;
use crate::diagnostic::{Finding, Severity};
use crate::lints;
use crate::tree::Tree;

/// The files that say where tickets are kept.
pub fn files(tree: &Tree) -> Vec<Source> {
    let fragments = text::fragments(tree, &["/etc/krb5.conf.d"], b"");
    let own = ["/etc/krb5.conf".into(), "/etc/sssd/sssd.conf".into()];
    text::files(tree, &[own.to_vec(), fragments].concat())
}

/// What is found there.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let sources = &subject.neighbours.kerberos;
    let polydirs: Vec<_> = subject.rules.rules.iter().filter_map(lints::polydir).collect();
    let is_in_polydir = |path: &str| polydirs.iter().any(|dir| dir.contains(path.as_bytes()));
    let keys = ["default_ccache_name", "krb5_ccname_template"];
    let settings: Vec<_> = text::lines(sources)
        .filter_map(|line| {
            let value = keys.iter().find_map(|key| line.value(key))?;
            Some((line.origin, value))
        })
        .collect();
    let note =
        "set default_ccache_name = KEYRING:persistent:%{uid}, or DIR: below /run/user/%{uid}";
    let lost = |path: &str| {
        format!(
            "Kerberos tickets are kept in {path}: what sshd writes there before the session opens, the session does not see"
        )
    };
    let mut findings: Vec<_> = settings
        .iter()
        .filter_map(|(origin, value)| {
            let path =
                value.strip_prefix("FILE:").or(Some(*value).filter(|v| v.starts_with('/')))?;
            let warning =
                || Finding::new(Severity::Warning, "ccache", *origin, lost(path)).with(note);
            is_in_polydir(path).then(warning)
        })
        .collect();
    // MIT krb5's own default, where no distribution has another one.
    let default = "/tmp/krb5cc_%{uid}";
    if let Some(own) = sources.iter().find(|source| source.path.ends_with("krb5.conf")) {
        if settings.is_empty() && is_in_polydir(default) {
            let origin = Origin { file: &own.path, line: 1, column: 1 };
            findings.push(Finding::new(Severity::Note, "ccache", origin, lost(default)).with(note));
        }
    }
    findings
}
