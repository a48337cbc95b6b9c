//! Other programs' configuration, as far as it has to be read: lines of words.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rtmp_core::conf::{Origin, Source};

use crate::tree::Tree;

/// Those of these files that can be read.
pub fn files(tree: &Tree, paths: &[impl AsRef<Path>]) -> Vec<Source> {
    let read = |path: &Path| {
        let text = tree.read(path).ok()?;
        Some(Source { path: tree.place(path), text })
    };
    paths.iter().filter_map(|path| read(path.as_ref())).collect()
}

/// The paths of the files in these directories whose name ends so, by name; of two with the same
/// name, the one in the directory that comes first.
pub fn fragments(tree: &Tree, dirs: &[impl AsRef<Path>], end: &[u8]) -> Vec<PathBuf> {
    let mut found: Vec<(Vec<u8>, PathBuf)> = Vec::new();
    for dir in dirs.iter().map(AsRef::as_ref) {
        for name in tree.names(dir).unwrap_or_default() {
            if name.ends_with(end) && found.iter().all(|(known, _)| *known != name) {
                let path = dir.join(OsStr::from_bytes(&name));
                found.push((name, path));
            }
        }
    }
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// One line and its place.
pub struct Line<'t> {
    /// The place.
    pub origin: Origin<'t>,
    /// The line, without blanks around it; never a comment, never empty.
    pub text: &'t str,
}

/// The lines of these files that say something. What is not UTF-8 says nothing.
pub fn lines(sources: &[Source]) -> impl Iterator<Item = Line<'_>> {
    sources.iter().flat_map(|source| {
        let lines = source.text.split(|&b| b == b'\n').enumerate();
        lines.filter_map(|(index, line)| {
            let text = std::str::from_utf8(line).ok()?.trim();
            let origin = Origin { file: &source.path, line: index + 1, column: 1 };
            (!text.is_empty() && !text.starts_with(['#', ';'])).then_some(Line { origin, text })
        })
    })
}

impl<'t> Line<'t> {
    /// `key = value`, or `key value`, whatever the case of the key.
    pub fn value(&self, key: &str) -> Option<&'t str> {
        let (word, rest) = self.text.split_once(|c: char| c == '=' || c.is_whitespace())?;
        let rest = rest.trim_start();
        let rest = rest.strip_prefix('=').unwrap_or(rest).trim();
        word.eq_ignore_ascii_case(key).then(|| rest.trim_matches(['"', '\'']))
    }
}
