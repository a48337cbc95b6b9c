//! PAM service files: which services call the module, and with which words.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use rtmp_core::conf::{Origin, Source};
use rtmp_core::options::Options;
use rtmp_core::path::Shown;

use crate::outcome::Failure;
use crate::pamd::{Entry, entries, is_session};
use crate::tree::Tree;

/// Where service files are: the administrator's before the distribution's.
pub const DIRS: [&str; 3] = ["/etc/pam.d", "/usr/lib/pam.d", "/usr/etc/pam.d"];

/// The module this is all about.
pub const MODULE: &[u8] = b"pam_rtmp.so";

/// The module it replaces.
pub const NAMESPACE: &[u8] = b"pam_namespace.so";

/// Services whose sessions nobody works in: a password changed, a question answered.
const OTHERWISE_ENGAGED: [&str; 8] =
    ["chfn", "chpasswd", "chsh", "newusers", "other", "passwd", "polkit-1", "vlock"];

/// Files that look like services and are only included by them, beside Debian's `common-*`: Red
/// Hat's, Arch's.
const SHARED: [&str; 8] = [
    "fingerprint-auth",
    "password-auth",
    "postlogin",
    "smartcard-auth",
    "system-auth",
    "system-local-login",
    "system-login",
    "system-remote-login",
];

/// `PAM_SUBSTACK_MAX_LEVEL` (libpam): deeper includes are refused there.
const DEEPEST: usize = 16;

/// Where service files come from: a system's tree, or files that are yet to be written.
pub trait Shelf {
    /// A file's text.
    fn text(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The names in a directory.
    fn list(&self, dir: &Path) -> Result<Vec<Vec<u8>>, Errno>;
    /// A path as the caller would write it.
    fn written(&self, path: &Path) -> PathBuf;
}

impl Shelf for Tree {
    fn text(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.read(path)
    }

    fn list(&self, dir: &Path) -> Result<Vec<Vec<u8>>, Errno> {
        self.names(dir)
    }

    fn written(&self, path: &Path) -> PathBuf {
        self.place(path)
    }
}

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
    pub fn read(shelf: &impl Shelf, name: &OsStr) -> Result<Self, Failure> {
        let mut service = Self {
            name: name.as_bytes().to_vec(),
            by_default: false,
            calls: Vec::new(),
            missing: Vec::new(),
            files: Vec::new(),
        };
        // A name with a slash is no service; libpam takes what is behind the last one.
        let file = Path::new(name).file_name().unwrap_or(OsStr::new("other"));
        if !service.include(shelf, Path::new(file), 0)? {
            service.by_default = true;
            service.include(shelf, Path::new("other"), 0)?;
        }
        Ok(service)
    }

    /// The calls of `pam_rtmp.so`.
    pub fn our_calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(|call| call.module == MODULE)
    }

    /// Whether this is no service but a part that others include.
    pub fn is_part(&self) -> bool {
        let name = self.name.as_slice();
        name.starts_with(b"common-") || SHARED.iter().any(|shared| name == shared.as_bytes())
    }

    /// Whether somebody works in its sessions.
    pub fn opens_sessions(&self) -> bool {
        let is_other = OTHERWISE_ENGAGED.iter().any(|other| self.name == other.as_bytes());
        !self.is_part() && !self.calls.is_empty() && !is_other
    }

    /// Whether another one does the same at a session, wherever its lines stand.
    pub fn same_session(&self, other: &Self) -> bool {
        let said = |service: &Self| {
            let words =
                |call: &Call| (call.control.clone(), call.module.clone(), call.words.clone());
            service.calls.iter().map(words).collect::<Vec<_>>()
        };
        said(self) == said(other)
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
    fn include(&mut self, shelf: &impl Shelf, name: &Path, depth: usize) -> Result<bool, Failure> {
        let Some(source) = find(shelf, name)? else { return Ok(false) };
        let entries = entries(&source.text);
        let file = self.files.len();
        self.files.push(source);
        for Entry { line, words, .. } in entries {
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
                if depth == DEEPEST || !self.include(shelf, target, depth + 1)? {
                    self.missing.push(target.to_owned());
                }
            }
        }
        Ok(true)
    }
}

/// The services that have a file.
pub fn all(shelf: &impl Shelf) -> Result<Vec<Service>, Failure> {
    let mut names = Vec::new();
    for dir in DIRS {
        match shelf.list(Path::new(dir)) {
            Ok(found) => names.extend(found),
            Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(errno) => return Err(Failure::Read(shelf.written(Path::new(dir)), errno.into())),
        }
    }
    // What packagers and editors leave behind has a dot or a tilde, a service has not.
    names.retain(|name| !name.iter().any(|b| matches!(b, b'.' | b'~')));
    names.sort();
    names.dedup();
    names.iter().map(|name| Service::read(shelf, OsStr::from_bytes(name))).collect()
}

fn find(shelf: &impl Shelf, name: &Path) -> Result<Option<Source>, Failure> {
    for dir in DIRS {
        // An absolute name stands for itself.
        let path = Path::new(dir).join(name);
        match shelf.text(&path) {
            Ok(text) => return Ok(Some(Source { path: shelf.written(&path), text })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::Read(shelf.written(&path), error)),
        }
    }
    Ok(None)
}
