//! Other files of this crate's tests, run by a test.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The session suite: what a session is, and what becomes of it where somebody is in the way.
pub const SESSIONS: [&str; 15] = [
    "attacks_close",
    "attacks_known",
    "attacks_links",
    "attacks_mounts",
    "attacks_names",
    "attacks_squat",
    "boxes",
    "instances",
    "linux_pam",
    "nested",
    "private",
    "programs",
    "refused",
    "surroundings",
    "vendor",
];

/// The tests of a file, as they were built last.
pub fn tests_of(file: &str) -> Command {
    Command::new(newest_beside_this_one(file))
}

fn newest_beside_this_one(file: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let files = fs::read_dir(this.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        path.extension().is_none() && name.rsplit_once('-').is_some_and(|(stem, _)| stem == file)
    };
    let newest =
        files.filter(is_it).max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    newest.unwrap_or_else(|| panic!("{file} is not built"))
}
