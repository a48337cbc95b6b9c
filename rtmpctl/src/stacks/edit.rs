//! One service file: where the module's lines go, and how they are taken out again. Text to text.

use std::ops::RangeInclusive;
use std::path::Path;

use rtmp_core::path::Shown;

use super::Refusal;
use crate::pamd::{Entry, entries, is_session};
use crate::service::{MODULE, NAMESPACE};

/// Nobody can lock root out: with a broken configuration root gets in, and mends it.
pub const JUMP: &str = "session\t[success=1 default=ignore]\tpam_succeed_if.so quiet uid = 0\n";

/// The module's own line.
pub const CALL: &str = "session\trequired\tpam_rtmp.so\n";

/// Where a line of the file stands, as an index into its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// `pam_namespace.so` stands in these, which are kept but for the name.
    Instead(RangeInclusive<usize>),
    /// Before this line.
    Before(usize),
    /// Behind the last line.
    End,
}

impl Place {
    fn is_taken(&self) -> bool {
        matches!(self, Self::Instead(_))
    }
}

/// The file with the module in it, behind a jump for root.
pub fn with_module(file: &Path, text: &[u8]) -> Result<Vec<u8>, Refusal> {
    let entries = entries(text);
    for entry in &entries {
        understood(file, entry)?;
    }
    let (index, place) = place(&entries);
    let before = entries.get(..index).unwrap_or_default();
    let led = match before.split_last() {
        Some((last, rest)) if place.is_taken() && is_root_jump(&last.words) => Some(rest),
        _ => None,
    };
    no_jump_past(file, led.unwrap_or(before), usize::from(led.is_some()))?;
    Ok(written(text, &place, led.is_some()))
}

/// The file without the module and the jump before it. `namespace`: what stood in its place.
pub fn without_module(text: &[u8], namespace: bool) -> Vec<u8> {
    let entries = entries(text);
    let mut gone = Vec::new();
    let mut renamed = Vec::new();
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| calls(entry, MODULE)) {
        let jump = index.checked_sub(1).and_then(|before| entries.get(before));
        gone.extend(
            jump.filter(|jump| is_root_jump(&jump.words)).map(|jump| jump.line..=jump.last),
        );
        let own = if namespace { &mut renamed } else { &mut gone };
        own.push(entry.line..=entry.last);
    }
    let within = |ranges: &[RangeInclusive<usize>], line: usize| {
        ranges.iter().any(|range| range.contains(&line))
    };
    let mut left = Vec::new();
    for (index, line) in lines(text).enumerate() {
        match index + 1 {
            line if within(&gone, line) => {}
            number if within(&renamed, number) => left.extend(replaced(line, MODULE, NAMESPACE)),
            _ => left.extend_from_slice(line),
        }
    }
    left
}

/// `session [success=1 …] pam_succeed_if.so … uid = 0`, or `user = root`.
pub fn is_root_jump(words: &[Vec<u8>]) -> bool {
    let [kind, control, module, words @ ..] = words else { return false };
    let is_root = |three: &[Vec<u8>]| {
        matches!(three, [what, equals, who] if equals == b"="
            && (what == b"uid" && who == b"0" || what == b"user" && who == b"root"))
    };
    is_session(kind)
        && control.split(u8::is_ascii_whitespace).any(|action| action == b"success=1")
        && module.ends_with(b"pam_succeed_if.so")
        && words.iter().position(|word| word == b"=").is_some_and(|equals| {
            words
                .get(equals.saturating_sub(1)..)
                .is_some_and(|rest| rest.len() == 3 && is_root(rest))
        })
}

/// A line of a shape that pam.d(5) has.
fn understood(file: &Path, entry: &Entry) -> Result<(), Refusal> {
    let refusal = |found: String, expected: &str| {
        Err(Refusal {
            file: file.to_owned(),
            line: entry.line,
            found,
            expected: expected.to_owned(),
        })
    };
    let text = Shown(&entry.words.join(&b' ')).to_string();
    let [kind, rest @ ..] = entry.words.as_slice() else { return Ok(()) };
    if kind == b"@include" {
        return match rest {
            [_] => Ok(()),
            _ => refusal(format!("\"{text}\""), "expected \"@include\" and a file"),
        };
    }
    let plain = kind.strip_prefix(b"-").unwrap_or(kind).to_ascii_lowercase();
    if ![&b"auth"[..], b"account", b"password", b"session"].contains(&plain.as_slice()) {
        return refusal(
            format!("\"{}\"", Shown(kind)),
            "expected auth, account, password, session or @include",
        );
    }
    let known: [&[u8]; 6] =
        [b"required", b"requisite", b"sufficient", b"optional", b"include", b"substack"];
    match rest {
        [control, _, ..] if known.contains(&control.to_ascii_lowercase().as_slice()) => Ok(()),
        [control, _, ..] if control.contains(&b'=') => Ok(()),
        [control, _, ..] => refusal(
            format!("\"{}\"", Shown(control)),
            "expected required, requisite, sufficient, optional, include, substack or [value=action]",
        ),
        _ => refusal(format!("\"{text}\""), "expected a type, a control and a module"),
    }
}

/// Where the module goes, and how many entries stand before it.
///
/// Where `pam_namespace.so` stands, for that is where its distribution wants it. Else behind
/// `pam_selinux.so open`, which sets the context that the level is taken from. Else before
/// `pam_systemd.so`, so that a refused session leaves none of logind's behind. Else before what the
/// session stack includes, where that one is.
fn place(entries: &[Entry]) -> (usize, Place) {
    let position = |test: &dyn Fn(&Entry) -> bool| entries.iter().position(test);
    let before = |index: usize| {
        (index, entries.get(index).map_or(Place::End, |e| Place::Before(e.line - 1)))
    };
    let theirs = |entry: &Entry| calls(entry, NAMESPACE);
    if let Some((index, entry)) = entries.iter().enumerate().find(|(_, entry)| theirs(entry)) {
        return (index, Place::Instead(entry.line - 1..=entry.last - 1));
    }
    let opens = |entry: &Entry| {
        calls(entry, b"pam_selinux.so") && entry.words.iter().any(|word| word == b"open")
    };
    if let Some(index) = entries.iter().rposition(opens) {
        return before(index + 1);
    }
    let includes = |entry: &Entry| match entry.words.as_slice() {
        [kind, _] => kind == b"@include" && !is_apart(entry),
        [kind, control, ..] => {
            is_session(kind) && (control == b"include" || control == b"substack")
        }
        _ => false,
    };
    match position(&|entry| calls(entry, b"pam_systemd.so")).or_else(|| position(&includes)) {
        Some(index) => before(index),
        None => (entries.len(), Place::End),
    }
}

/// Debian's `common-auth`, `common-account` and `common-password` bring no session lines.
fn is_apart(entry: &Entry) -> bool {
    let parts: [&[u8]; 3] = [b"common-auth", b"common-account", b"common-password"];
    entry.words.last().is_some_and(|file| parts.iter().any(|part| file.ends_with(part)))
}

fn calls(entry: &Entry, module: &[u8]) -> bool {
    let [kind, _, path, ..] = entry.words.as_slice() else { return false };
    is_session(kind) && path.rsplit(|&b| b == b'/').next() == Some(module)
}

/// Two lines more would change where a jump over this place lands. What an include brings is not
/// counted, so that a jump may be refused here that would not reach so far.
fn no_jump_past(file: &Path, before: &[Entry], behind: usize) -> Result<(), Refusal> {
    let sessions =
        before.iter().filter(|entry| entry.words.first().is_some_and(|kind| is_session(kind)));
    for (left, entry) in sessions.rev().enumerate() {
        let control = entry.words.get(1).map_or(&b""[..], Vec::as_slice);
        let actions = control.split(u8::is_ascii_whitespace);
        let number = |action: &[u8]| {
            std::str::from_utf8(action.rsplit(|&b| b == b'=').next()?).ok()?.parse::<usize>().ok()
        };
        if let Some(jump) = actions.filter_map(number).find(|jump| *jump > left + behind) {
            return Err(Refusal {
                file: file.to_owned(),
                line: entry.line,
                found: format!("a jump over {jump} lines, past the place where pam_rtmp.so goes"),
                expected: "put the module's two lines there by hand, and count again".to_owned(),
            });
        }
    }
    Ok(())
}

fn written(text: &[u8], place: &Place, led: bool) -> Vec<u8> {
    let jump = if led { "" } else { JUMP };
    let mut new = Vec::new();
    for (index, line) in lines(text).enumerate() {
        match place {
            Place::Instead(range) if range.contains(&index) => {
                if *range.start() == index {
                    new.extend_from_slice(jump.as_bytes());
                }
                new.extend(replaced(line, NAMESPACE, MODULE));
            }
            Place::Before(at) if *at == index => {
                new.extend([jump, CALL].concat().as_bytes());
                new.extend_from_slice(line);
            }
            Place::Instead(_) | Place::Before(_) | Place::End => new.extend_from_slice(line),
        }
    }
    if *place == Place::End {
        if !new.is_empty() && !new.ends_with(b"\n") {
            new.push(b'\n');
        }
        new.extend([jump, CALL].concat().as_bytes());
    }
    new
}

fn replaced(line: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let Some(at) = line.windows(old.len()).position(|part| part == old) else {
        return line.to_vec();
    };
    let (before, rest) = line.split_at(at);
    [before, new, rest.get(old.len()..).unwrap_or_default()].concat()
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|&b| b == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const JUMP_AND_CALL: &str = "\
session\t[success=1 default=ignore]\tpam_succeed_if.so quiet uid = 0
session\trequired\tpam_rtmp.so
";

    fn edited(text: &str) -> Result<String, String> {
        let new = with_module(Path::new("f"), text.as_bytes());
        new.map(|new| String::from_utf8_lossy(&new).into_owned()).map_err(|no| no.to_string())
    }

    #[test]
    fn the_module_goes_where_its_place_is_and_out_of_there_again() {
        for (before, behind) in [
            ("", ""),
            ("auth required a.so\nsession required b.so\n", ""),
            ("session required pam_selinux.so open\n", "session optional x.so\n"),
            ("-session optional a.so\n", "-session optional pam_systemd.so\n"),
            ("@include common-auth\nsession required a.so\n", "@include common-session\n"),
            ("session required a.so\n", "session include system-auth\nsession required b.so\n"),
            (
                "session [success=1 default=ignore] a.so\nsession required b.so\n",
                "session include c\n",
            ),
        ] {
            let want = format!("{before}{JUMP_AND_CALL}{behind}");
            let text = format!("{before}{behind}");
            assert_eq!(edited(&text).as_ref(), Ok(&want));
            assert_eq!(without_module(want.as_bytes(), false), text.as_bytes());
        }
        let unended = edited("session required a.so");
        assert_eq!(unended, Ok(format!("session required a.so\n{JUMP_AND_CALL}")));
    }

    #[test]
    fn pam_namespace_gives_its_place_and_its_words_and_gets_them_back() {
        let jump = JUMP;
        for (theirs, ours) in [
            ("session required pam_namespace.so\n", "session required pam_rtmp.so\n"),
            (
                " Session required /lib/security/pam_namespace.so a # b\n",
                " Session required /lib/security/pam_rtmp.so a # b\n",
            ),
            (
                "session \\\n required \\\n pam_namespace.so\n",
                "session \\\n required \\\n pam_rtmp.so\n",
            ),
        ] {
            let ours = format!("{jump}{ours}");
            assert_eq!(edited(theirs).as_ref(), Ok(&ours));
            assert_eq!(without_module(ours.as_bytes(), true), theirs.as_bytes());
        }
        let led = "session [default=ignore success=1] pam_succeed_if.so user = root\n";
        let text = format!("{led}session required pam_namespace.so\n");
        assert_eq!(edited(&text), Ok(format!("{led}session required pam_rtmp.so\n")));
    }

    #[test]
    fn a_jump_past_the_place_is_not_bent() {
        for text in [
            "session [success=1 default=ignore] a.so\nsession required pam_namespace.so\n",
            "session [success=2 default=ignore] a.so\nsession required b.so\n-session optional pam_systemd.so\nsession required c.so\n",
            "session [success=1 default=ignore] pam_succeed_if.so uid = 0\nsession include c\n",
        ] {
            let why = edited(text);
            assert!(why.as_ref().is_err_and(|why| why.starts_with("f:1: a jump over ")), "{why:?}");
        }
    }

    #[test]
    fn a_jump_for_root_is_for_uid_0_alone() {
        let words = |text: &str| {
            entries(text.as_bytes()).into_iter().flat_map(|e| e.words).collect::<Vec<_>>()
        };
        for (text, is_one) in [
            ("session [success=1 default=ignore] pam_succeed_if.so quiet uid = 0", true),
            (
                "-session [success=1 default=ignore] /lib/security/pam_succeed_if.so user = root",
                true,
            ),
            ("session [success=2 default=ignore] pam_succeed_if.so uid = 0", false),
            ("session [success=1 default=ignore] pam_succeed_if.so uid = 1000", false),
            ("session [success=1 default=ignore] pam_succeed_if.so uid = 0 user ingroup x", false),
            ("session [success=1 default=ignore] pam_succeed_if.so uid >= 0", false),
            ("session sufficient pam_succeed_if.so uid = 0", false),
            ("auth [success=1 default=ignore] pam_succeed_if.so uid = 0", false),
        ] {
            assert_eq!(is_root_jump(&words(text)), is_one, "{text}");
        }
    }
}
