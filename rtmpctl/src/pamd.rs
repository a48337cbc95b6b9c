//! The grammar of PAM service files, `pam.d(5)`: lines joined by a final backslash, `#` to the end of
//! the line, words in `[…]` that may hold blanks, `@include`, and the controls `include` and
//! `substack`.

/// What libpam takes for one line.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line of the file where it starts, counted from 1.
    pub line: usize,
    /// The line where it ends: another one where lines are joined.
    pub last: usize,
    /// Its words.
    pub words: Vec<Vec<u8>>,
}

/// `-session` is `session` without a complaint when the module is missing.
pub fn is_session(kind: &[u8]) -> bool {
    kind.strip_prefix(b"-").unwrap_or(kind).eq_ignore_ascii_case(b"session")
}

/// The entries of a file.
pub fn entries(text: &[u8]) -> Vec<Entry> {
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
                entries.push(Entry { line: *start, last: index + 1, words });
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
    use rtmp_core::path::Shown;

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
