//! Files and directories: what they are, and how they are put back.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::twin::Facet;

/// Directories as they were: what is in them, in the order in which it is made.
pub(crate) struct Fixture(Vec<(PathBuf, fs::Metadata)>);

impl Fixture {
    pub(crate) fn of(dirs: &[&str]) -> Self {
        let mut found = Vec::new();
        let mut rest: Vec<PathBuf> = dirs.iter().map(PathBuf::from).collect();
        while let Some(path) = rest.pop() {
            let what = fs::symlink_metadata(&path).unwrap();
            if what.is_dir() {
                rest.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
                found.push((path, what));
            }
        }
        Self(found)
    }

    /// Removes what is new; directories that are there get their owner and mode back.
    pub(crate) fn restore(&self) {
        for (path, what) in &self.0 {
            for entry in fs::read_dir(path).unwrap() {
                let entry = entry.unwrap();
                let is_dir = entry.file_type().unwrap().is_dir();
                if is_dir && !self.0.iter().any(|(known, _)| *known == entry.path()) {
                    fs::remove_dir_all(entry.path()).unwrap();
                }
            }
            std::os::unix::fs::chown(path, Some(what.uid()), Some(what.gid())).unwrap();
            fs::set_permissions(path, what.permissions()).unwrap();
        }
    }
}

/// What no module is supposed to change, or what grows by itself.
const PASSED_OVER: [&str; 9] =
    ["/.host", "/dev", "/etc", "/opt", "/proc", "/run", "/sys", "/usr", "/var/log"];

/// Where scripts write what they want to have compared.
const RECORDS: &str = "/srv/record";

/// Every file below a directory, and what scripts wrote down.
pub(crate) fn walk(dir: &Path, seen: &mut Vec<(Facet, String)>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if PASSED_OVER.iter().any(|over| path == Path::new(over)) {
            continue;
        }
        if path.starts_with(RECORDS) && path.is_file() {
            let text = fs::read_to_string(&path).unwrap_or_default();
            for (number, line) in text.lines().enumerate() {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                seen.push((Facet::Script, format!("{name}:{}: {line}", number + 1)));
            }
            continue;
        }
        let Ok(found) = fs::symlink_metadata(&path) else { continue };
        let link = fs::read_link(&path).map(|to| format!(" -> {}", to.display()));
        let line = format!("{} {}{}", path.display(), owner(&found), link.unwrap_or_default());
        seen.push((Facet::Files, line));
        if found.is_dir() {
            walk(&path, seen);
        }
    }
}

/// Kind, mode, owner and group.
pub(crate) fn owner(found: &fs::Metadata) -> String {
    let kind = match found.file_type() {
        kind if kind.is_dir() => "d",
        kind if kind.is_symlink() => "l",
        kind if kind.is_fifo() => "p",
        _ => "-",
    };
    format!("{kind}{:04o} {}:{}", found.mode() & 0o7777, found.uid(), found.gid())
}
