//! Rules in normal form: one spelling for each meaning, which parses to the same rule.

use std::borrow::Cow;

use rtmp_core::conf::{Backing, BindFlags, Create, Entry, Init, Key, List, Rule};
use rtmp_core::path::Shown;

/// A word that no line can hold: `#` starts a comment and NUL ends the line, quoted or not, and
/// nothing stands for them. No word that was read from a file is such a word.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\" cannot be written in namespace.conf: nothing stands for # and NUL", Shown(.0))]
pub struct Inexpressible(pub Vec<u8>);

/// The fields of a rule's line. The last is missing where everybody is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The polydir.
    pub polydir: Vec<u8>,
    /// The instance prefix.
    pub prefix: Vec<u8>,
    /// The method and its flags.
    pub method: Vec<u8>,
    /// The list.
    pub list: Option<Vec<u8>>,
}

impl Line {
    /// A rule's line.
    pub fn of(rule: &Rule<'_>) -> Result<Self, Inexpressible> {
        Ok(Self {
            polydir: quoted(rule.polydir.as_bytes())?,
            prefix: quoted(rule.backing.prefix().as_bytes())?,
            method: quoted(&method(rule))?,
            list: list(&rule.list).map(|list| quoted(&list)).transpose()?,
        })
    }

    /// The fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        [&self.polydir, &self.prefix, &self.method].into_iter().chain(&self.list).map(Vec::as_slice)
    }

    /// The line.
    pub fn text(&self) -> Vec<u8> {
        self.fields().collect::<Vec<_>>().join(&b' ')
    }

    /// The method and the list: what a template's other spellings mean.
    pub fn method_and_list(&self) -> Vec<u8> {
        self.fields().skip(2).collect::<Vec<_>>().join(&b' ')
    }
}

fn method(rule: &Rule<'_>) -> Vec<u8> {
    let (name, shared) = match rule.backing.key() {
        Some(Key::User) => ("user", false),
        Some(Key::Context { shared }) => ("context", shared),
        Some(Key::Level { shared }) => ("level", shared),
        None if matches!(rule.backing, Backing::Tmpfs { .. }) => ("tmpfs", false),
        None => ("tmpdir", false),
    };
    let mut method = name.as_bytes().to_vec();
    let mut flag = |text: &[u8]| {
        method.push(b':');
        method.extend_from_slice(text);
    };
    if let Some(create) = &rule.create {
        flag(&creation(create));
    }
    match &rule.init {
        Init::Default => {}
        Init::None => flag(b"noinit"),
        Init::Script(path) => flag(&[b"iscript=", path.as_bytes()].concat()),
    }
    if shared {
        flag(b"shared");
    }
    if let Backing::Template { flat: true, .. } = rule.backing {
        flag(b"flat");
    }
    let options = mount_options(&rule.backing);
    if !options.is_empty() {
        flag(&[b"mntopts=", options.join(&b',').as_slice()].concat());
    }
    method
}

fn mount_options<'r>(backing: &'r Backing<'_>) -> Vec<&'r [u8]> {
    let (flags, data) = match backing {
        Backing::Prefix { flags, .. }
        | Backing::Template { flags, .. }
        | Backing::Tmpdir { flags, .. } => (flags, &b""[..]),
        Backing::Tmpfs { options, .. } => (&options.flags, options.data.to_bytes()),
    };
    let data = Some(data).filter(|data| !data.is_empty());
    let mut names: Vec<&[u8]> = flag_names(flags).map(str::as_bytes).collect();
    names.extend(data);
    names
}

/// The flags that are set, by their names in `mntopts=`.
pub fn flag_names(flags: &BindFlags) -> impl Iterator<Item = &'static str> {
    let BindFlags { read_only, nosuid, nodev, noexec } = *flags;
    [(read_only, "ro"), (nosuid, "nosuid"), (nodev, "nodev"), (noexec, "noexec")]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
}

fn creation(create: &Create<'_>) -> Vec<u8> {
    let mode = create.mode.map(|mode| format!("0{mode:03o}").into_bytes());
    let owner = create.owner.as_ref().map(|word| word.as_bytes().to_vec());
    let group = create.group.as_ref().map(|word| word.as_bytes().to_vec());
    let parts = match (mode, owner, group) {
        (None, None, None) => return b"create".to_vec(),
        (mode, None, None) => vec![mode],
        (mode, owner, None) => vec![mode, owner],
        (mode, owner, group) => vec![mode, owner, group],
    };
    let parts: Vec<_> = parts.into_iter().map(Option::unwrap_or_default).collect();
    [b"create=", parts.join(&b',').as_slice()].concat()
}

/// The fourth field, without its quotes. `None`: everybody.
pub fn list(list: &List<'_>) -> Option<Vec<u8>> {
    let (sense, entries): (&[u8], _) = match list {
        List::AllBut(entries) if entries.is_empty() => return None,
        List::AllBut(entries) => (b"", entries),
        List::Only(entries) => (b"~", entries),
    };
    let entries: Vec<_> = entries.iter().map(|entry: &Entry<'_>| entry.word().as_bytes()).collect();
    Some([sense, entries.join(&b',').as_slice()].concat())
}

/// A word as it has to be written to be read back. A word without anything special is written as
/// it is; blanks and backslashes take quotes; what quotes cannot hold takes backslashes.
fn quoted(word: &[u8]) -> Result<Vec<u8>, Inexpressible> {
    if word.iter().any(|b| matches!(b, b'#' | 0)) {
        return Err(Inexpressible(word.to_vec()));
    }
    let plain = |b: &u8| !matches!(b, b'"' | b'\\' | b' ' | 0x08..=0x0d);
    if !word.is_empty() && word.iter().all(plain) {
        return Ok(word.to_vec());
    }
    if !word.iter().any(|b| matches!(b, b'"' | 0x08 | b'\t' | b'\n')) {
        return Ok([b"\"", word, b"\""].concat());
    }
    let escaped = |b: &u8| -> Cow<'static, [u8]> {
        match b {
            b'\n' => b"\\n"[..].into(),
            b'\t' => b"\\t"[..].into(),
            0x08 => b"\\b"[..].into(),
            b if plain(b) => vec![*b].into(),
            b => vec![b'\\', *b].into(),
        }
    };
    Ok(word.iter().map(escaped).collect::<Vec<_>>().concat())
}

#[cfg(test)]
#[path = "normal_tests.rs"]
mod tests;
