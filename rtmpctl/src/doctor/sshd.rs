//! sshd, as far as it lets users in past PAM.

use std::path::PathBuf;

use rtmp_core::conf::{Origin, Source};

use super::Subject;
use super::text::{self, Line};
use crate::diagnostic::{Finding, Severity};
use crate::switch::program;
use crate::tree::Tree;

/// What sshd goes by: on a host, what sshd says itself; below `--root`, or where it does not answer,
/// its files.
pub fn configuration(tree: &Tree) -> Vec<Source> {
    if tree.is_host() {
        let said = program("sshd").arg("-T").output();
        if let Some(said) = said.ok().filter(|said| said.status.success()) {
            return vec![Source { path: "sshd -T".into(), text: said.stdout }];
        }
    }
    let fragments = text::fragments(tree, &["/etc/ssh/sshd_config.d"], b".conf");
    text::files(tree, &[fragments, vec![PathBuf::from("/etc/ssh/sshd_config")]].concat())
}

/// The first value counts (sshd_config(5)), and without one sshd does not use PAM.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Option<Finding<'t>> {
    let sources = &subject.neighbours.sshd;
    let is_match = |line: &Line<'_>| line.text.to_ascii_lowercase().starts_with("match ");
    let own = sources.last()?;
    let mut global = sources.iter().flat_map(|source| {
        text::lines(std::slice::from_ref(source)).take_while(|line| !is_match(line))
    });
    let found = global.find_map(|line| Some((line.origin, line.value("UsePAM")?)));
    let (origin, value) = found.unwrap_or((Origin { file: &own.path, line: 1, column: 1 }, "no"));
    value.eq_ignore_ascii_case("no").then(|| {
        let message = "sshd does not use PAM: who logs in with a key gets the host's directories";
        Finding::new(Severity::Error, "sshd-pam", origin, message).with("set UsePAM yes")
    })
}
