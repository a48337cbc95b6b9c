//! systemd's units, as their files have them: a private `/tmp` where users' sessions are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rtmp_core::conf::{Origin, Source};
use rtmp_core::path::Shown;

use super::Subject;
use super::text;
use crate::diagnostic::{Finding, Severity};
use crate::tree::Tree;

/// systemd.unit(5): of two files with the same name the one in the earlier directory counts.
const DIRS: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// Units whose processes open sessions, as distributions name them.
const DOORS: [&str; 14] = [
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

/// A service.
#[derive(Debug)]
pub struct Unit {
    /// Its name, without `.service`.
    name: String,
    /// Its file, and after it its drop-ins.
    pub files: Vec<Source>,
}

/// All services that have a file or a drop-in.
pub fn units(tree: &Tree) -> Vec<Unit> {
    let in_dir = |dir: &&str| tree.names(Path::new(dir)).unwrap_or_default();
    let names: BTreeSet<String> = DIRS
        .iter()
        .flat_map(in_dir)
        .filter_map(|name| {
            let name = String::from_utf8(name).ok()?;
            let name = name.strip_suffix(".d").unwrap_or(&name);
            name.strip_suffix(".service").map(str::to_owned)
        })
        .collect();
    names.into_iter().map(|name| Unit { files: files(tree, &name), name }).collect()
}

fn files(tree: &Tree, name: &str) -> Vec<Source> {
    let file = format!("{name}.service");
    let places = DIRS.map(|dir| Path::new(dir).join(&file));
    let own = places.into_iter().find(|path| tree.read(path).is_ok());
    let drop_ins = DIRS.map(|dir| Path::new(dir).join(format!("{file}.d")));
    let drop_ins = text::fragments(tree, &drop_ins, b".conf");
    text::files(tree, &own.into_iter().chain(drop_ins).collect::<Vec<PathBuf>>())
}

/// Where a private `/tmp` is in the way of sessions.
pub fn findings<'t>(subject: &Subject<'_, 't>) -> Vec<Finding<'t>> {
    subject.neighbours.units.iter().filter_map(Unit::finding).collect()
}

impl Unit {
    fn finding(&self) -> Option<Finding<'_>> {
        let (origin, value) = self.value("PrivateTmp")?;
        // systemd.syntax(7), and "disconnected": a tmpfs that comes from no path (systemd 257).
        let from_a_path = matches!(value, "1" | "yes" | "y" | "true" | "t" | "on");
        let Self { name, .. } = self;
        if DOORS.contains(&name.as_str()) && (from_a_path || value == "disconnected") {
            let message = format!(
                "{name}.service has PrivateTmp={value}: its sessions share the service's own /tmp, and lose it when it is restarted"
            );
            let note = format!(
                "set PrivateTmp=no there, systemctl daemon-reload, and restart {name}.service"
            );
            return Some(Finding::new(Severity::Error, "private-tmp", origin, message).with(note));
        }
        let (_, pam) = self.value("PAMName").filter(|(_, pam)| !pam.is_empty() && from_a_path)?;
        let message = format!(
            "{name}.service has PAMName={} and PrivateTmp={value}: where that session has a /tmp of pam_rtmp.so, the service does not start (226/NAMESPACE)",
            Shown(pam.as_bytes())
        );
        let note = "leave PrivateTmp= out: the /tmp of the session is the user's private one; or, for one of its own: TemporaryFileSystem=/tmp:mode=1777 /var/tmp:mode=1777";
        Some(Finding::new(Severity::Warning, "private-tmp-session", origin, message).with(note))
    }

    /// Of all its files the last value counts (systemd.unit(5)).
    fn value(&self, key: &str) -> Option<(Origin<'_>, &str)> {
        text::lines(&self.files).filter_map(|line| Some((line.origin, line.value(key)?))).last()
    }
}
