//! PAM service files: which services call the module, and with which words.
//!
//! The grammar is `pam.d(5)`'s: lines joined by a final backslash, `#` to the end of the line,
//! words in `[…]` that may hold blanks, `@include`, and the controls `include` and `substack`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use rtmp_core::conf::{Origin, Source};
use rtmp_core::options::Options;
use rtmp_core::path::Shown;

use crate::outcome::Failure;
use crate::tree::Tree;

/// Where service files are: the administrator's before the distribution's.
const DIRS: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];

/// `PAM_SUBSTACK_MAX_LEVEL` (libpam): deeper includes are refused there.
const DEEPEST: usize = 16;

/// The session stack of one service.
#[derive(Debug)]
pub struct Service {
    /// Its name.
    pub name: Vec<u8>,
    /// Whether it has no file of its own, so that `other` counts.
    pub by_default: bool,
    /// All lines of the session stack, in order.
    pub calls: Vec<Call>,
    /// Files that an include names and that are not there: libpam refuses the service.
    pub missing: Vec<PathBuf>,
    files: Vec<Source>,
}

/// One line of a session stack.
#[derive(Debug, PartialEq, Eq)]
pub struct Call {
    file: usize,
    line: usize,
    /// `required`, say.
    pub control: Vec<u8>,
    /// The module's file name, without its directory.
    pub module: Vec<u8>,
    /// The module's words.
    pub words: Vec<Vec<u8>>,
}

impl Call {
    /// The module's options.
    pub fn options(&self) -> Options {
        Options::parse(self.words.iter().map(Vec::as_slice))
    }

    /// How many lines behind it this line may leave out, the login succeeding nevertheless.
    fn reach(&self) -> usize {
        let action = |part: &[u8]| match part.rsplit(|&b| b == b'=').next().unwrap_or_default() {
            b"done" => usize::MAX,
            number => std::str::from_utf8(number).ok().and_then(|n| n.parse().ok()).unwrap_or(0),
        };
        match self.control.as_slice() {
            b"sufficient" => usize::MAX,
            control => control.split(u8::is_ascii_whitespace).map(action).max().unwrap_or(0),
        }
    }

    /// The words, for a message.
    pub fn shown_words(&self) -> String {
        Shown(&self.words.join(&b' ')).to_string()
    }
}

impl Service {
    /// The session stack of a service.
    pub fn read(tree: &Tree, name: &OsStr) -> Result<Self, Failure> {
        let mut service = Self {
            name: name.as_bytes().to_vec(),
            by_default: false,
            calls: Vec::new(),
            missing: Vec::new(),
            files: Vec::new(),
        };
        // A name with a slash is no service; libpam takes what is behind the last one.
        let file = Path::new(name).file_name().unwrap_or(OsStr::new("other"));
        if !service.include(tree, Path::new(file), 0)? {
            service.by_default = true;
            service.include(tree, Path::new("other"), 0)?;
        }
        Ok(service)
    }

    /// The calls of `pam_rtmp.so`.
    pub fn our_calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.module == b"pam_rtmp.so")
    }

    /// The lines before a call that may leave it out: by a jump over it, or by ending the stack.
    pub fn skippers(&self, call: &Call) -> Vec<Origin<'_>> {
        let calls = self.calls.iter().take_while(|other| !std::ptr::eq(*other, call));
        let before: Vec<_> = calls.collect();
        let skips = before.iter().enumerate().filter(|(index, other)| {
            // A jump of n leaves out the n lines behind it.
            other.reach() >= before.len() - index
        });
        skips.filter_map(|(_, other)| self.origin(other)).collect()
    }

    /// The files that were read.
    pub fn files(&self) -> impl Iterator<Item = &Source> {
        self.files.iter()
    }

    /// Where a call stands.
    pub fn origin(&self, call: &Call) -> Option<Origin<'_>> {
        let file = self.files.get(call.file)?;
        let text = file.text.split(|&b| b == b'\n').nth(call.line.checked_sub(1)?)?;
        let column = text.windows(call.module.len()).position(|part| part == call.module);
        Some(Origin { file: &file.path, line: call.line, column: column.map_or(1, |at| at + 1) })
    }

    /// Adds a file's lines. `false`: there is no such file.
    fn include(&mut self, tree: &Tree, name: &Path, depth: usize) -> Result<bool, Failure> {
        let Some(source) = find(tree, name)? else { return Ok(false) };
        let entries = entries(&source.text);
        let file = self.files.len();
        self.files.push(source);
        for Entry { line, words } in entries {
            let (target, call) = match words.as_slice() {
                [kind, target, ..] if kind == b"@include" => (Some(target), None),
                [kind, control, target, words @ ..] if is_session(kind) => match control.as_slice()
                {
                    b"include" | b"substack" => (Some(target), None),
                    _ => (None, Some((control, target, words))),
                },
                _ => continue,
            };
            if let Some((control, module, words)) = call {
                let module = module.rsplit(|&b| b == b'/').next().unwrap_or_default();
                let (control, module) = (control.clone(), module.to_vec());
                self.calls.push(Call { file, line, control, module, words: words.to_vec() });
            }
            if let Some(target) = target {
                let target = Path::new(OsStr::from_bytes(target));
                if depth == DEEPEST || !self.include(tree, target, depth + 1)? {
                    self.missing.push(target.to_owned());
                }
            }
        }
        Ok(true)
    }
}

/// The services that have a file.
pub fn all(tree: &Tree) -> Result<Vec<Service>, Failure> {
    let mut names = Vec::new();
    for dir in DIRS {
        match tree.names(Path::new(dir)) {
            Ok(found) => names.extend(found),
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(errno) => return Err(Failure::Read(tree.place(Path::new(dir)), errno.into())),
        }
    }
    // What packagers and editors leave behind has a dot or a tilde, a service has not.
    names.retain(|name| !name.iter().any(|b| matches!(b, b'.' | b'~')));
    names.sort();
    names.dedup();
    names.iter().map(|name| Service::read(tree, OsStr::from_bytes(name))).collect()
}

fn find(tree: &Tree, name: &Path) -> Result<Option<Source>, Failure> {
    for dir in DIRS {
        // An absolute name stands for itself.
        let path = Path::new(dir).join(name);
        match tree.read(&path) {
            Ok(text) => return Ok(Some(Source { path: tree.place(&path), text })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::Read(tree.place(&path), error)),
        }
    }
    Ok(None)
}

/// `-session` is `session` without a complaint when the module is missing.
fn is_session(kind: &[u8]) -> bool {
    kind.strip_prefix(b"-").unwrap_or(kind).eq_ignore_ascii_case(b"session")
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    line: usize,
    words: Vec<Vec<u8>>,
}

fn entries(text: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut joined: Option<(usize, Vec<u8>)> = None;
    // One more empty line ends a file whose last line wants to go on.
    for (index, line) in text.split(|&b| b == b'\n').chain([&b""[..]]).enumerate() {
        let end = line.iter().position(|&b| b == b'#').unwrap_or(line.len());
        let line = line.get(..end).unwrap_or_default().trim_ascii_end();
        let (line, continues) = match line.strip_suffix(b"\\") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let (start, text) = joined.get_or_insert_with(|| (index + 1, Vec::new()));
        text.extend_from_slice(line);
        text.push(b' ');
        if !continues {
            let words = words(text);
            if !words.is_empty() {
                entries.push(Entry { line: *start, words });
            }
            joined = None;
        }
    }
    entries
}

/// Words between blanks; one that starts with `[` ends at a `]` that has no backslash before it.
fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = text.trim_ascii_start();
    while let Some(&first) = rest.first() {
        let mut word = Vec::new();
        let mut bytes = rest.iter();
        if first == b'[' {
            bytes.next();
            while let Some(&byte) = bytes.next().filter(|&&b| b != b']') {
                let escaped = byte == b'\\' && bytes.as_slice().first() == Some(&b']');
                word.push(if escaped { bytes.next().copied().unwrap_or(b']') } else { byte });
            }
        } else {
            word.extend(bytes.by_ref().take_while(|b| !b.is_ascii_whitespace()));
        }
        words.push(word);
        rest = bytes.as_slice().trim_ascii_start();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, String)> {
        let shown = |words: &[Vec<u8>]| {
            words.iter().map(|word| Shown(word).to_string()).collect::<Vec<_>>().join("|")
        };
        entries(text.as_bytes()).iter().map(|entry| (entry.line, shown(&entry.words))).collect()
    }

    #[test]
    fn a_service_file_is_read_as_libpam_reads_it() {
        for (text, want) in [
            (
                "session required pam_rtmp.so debug # x\n",
                &[(1, "session|required|pam_rtmp.so|debug")][..],
            ),
            ("# all\n\n-session optional x.so", &[(3, "-session|optional|x.so")]),
            (
                "session \\\n required \\\n x.so\nauth y z",
                &[(1, "session|required|x.so"), (4, "auth|y|z")],
            ),
            (
                "session [success=1 default=ignore] x.so a[b",
                &[(1, "session|success=1 default=ignore|x.so|a[b")],
            ),
            ("session required x.so [a \\] b] c", &[(1, "session|required|x.so|a ] b|c")]),
            ("session required x.so [open", &[(1, "session|required|x.so|open ")]),
            ("@include common-session", &[(1, "@include|common-session")]),
            ("", &[]),
        ] {
            let want: Vec<_> =
                want.iter().map(|(line, text)| (*line, (*text).to_owned())).collect();
            assert_eq!(read(text), want, "{text:?}");
        }
    }
}
