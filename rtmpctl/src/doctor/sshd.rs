//! sshd, and the units of those who open sessions.

use std::path::{Path, PathBuf};

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

/// Units whose processes open sessions, as distributions name them.
const UNITS: [&str; 14] = [
    "ssh",
    "sshd",
    "ssh@",
    "sshd@",
    "cron",
    "crond",
    "atd",
    "getty@",
    "serial-getty@",
    "gdm",
    "gdm3",
    "lightdm",
    "sddm",
    "xrdp-sesman",
];

const UNIT_DIRS: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The unit files of these services, each before its drop-ins.
pub fn units(tree: &Tree) -> Vec<Source> {
    let of = |unit: &str| {
        let name = format!("{unit}.service");
        let own = UNIT_DIRS
            .iter()
            .map(|dir| Path::new(dir).join(&name))
            .find(|path| tree.read(path).is_ok());
        let dirs = UNIT_DIRS.map(|dir| Path::new(dir).join(format!("{name}.d")));
        own.into_iter().chain(text::fragments(tree, &dirs, b".conf")).collect::<Vec<_>>()
    };
    text::files(tree, &UNITS.iter().flat_map(|unit| of(unit)).collect::<Vec<_>>())
}

/// What is found of both.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    let pam = without_pam(&subject.neighbours.sshd);
    pam.into_iter().chain(private_tmp(&subject.neighbours.units)).collect()
}

/// The first value counts (sshd_config(5)), and without one sshd does not use PAM.
fn without_pam(sources: &[Source]) -> Option<Finding<'_>> {
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

/// Of all files of one unit the last value counts (systemd.unit(5)).
fn private_tmp(units: &[Source]) -> Vec<Finding<'_>> {
    let mut findings = Vec::new();
    for unit in UNITS {
        let is_own = |source: &&Source| {
            let name = format!("{unit}.service");
            let parent = source.path.parent().and_then(Path::file_name);
            source.path.file_name().is_some_and(|file| *file == *name)
                || parent.is_some_and(|parent| *parent == *format!("{name}.d"))
        };
        let own = units.iter().filter(is_own);
        let values = own.flat_map(|source| {
            text::lines(std::slice::from_ref(source))
                .filter_map(|line| Some((line.origin, line.value("PrivateTmp")?)))
        });
        let Some((origin, value)) = values.last() else { continue };
        // systemd.syntax(7)
        if matches!(value, "1" | "yes" | "y" | "true" | "t" | "on" | "disconnected") {
            let message = format!(
                "{unit}.service has PrivateTmp={value}: its sessions share the service's own /tmp, and lose it when it is restarted"
            );
            let note = format!("rtmpctl privatetmp disable {unit}.service, and restart it");
            findings.push(Finding::new(Severity::Error, "private-tmp", origin, message).with(note));
        }
    }
    findings
}
