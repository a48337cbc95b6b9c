//! Lines of a text, and words of a line: `pam_namespace`'s `argv_parse.c`, byte for byte.

use std::borrow::Cow;
use std::fmt;
use std::io::BufRead;

use crate::path::Shown;

/// The lines of a text.
pub fn lines(mut text: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || (!text.is_empty()).then(|| cut(&mut text, b'\n')))
}

/// Takes what comes before a byte off a text, and the byte. Std looks for it in many bytes at once, as
/// memchr(3) does; most of a distribution's file are long comments.
fn cut<'t>(text: &mut &'t [u8], end: u8) -> &'t [u8] {
    let all = *text;
    // Memory does not fail.
    let len = text.skip_until(end).unwrap_or(0);
    let taken = all.get(..len).unwrap_or_default();
    taken.strip_suffix(&[end]).unwrap_or(taken)
}

/// What comes before a byte, or all.
pub fn before(mut text: &[u8], end: u8) -> &[u8] {
    cut(&mut text, end)
}

/// One word of a line with its quotes and escapes taken out.
#[derive(Clone, PartialEq, Eq)]
pub struct Word<'t> {
    text: Cow<'t, [u8]>,
    column: usize,
}

impl<'t> Word<'t> {
    /// A word that starts at this column, counted from 1.
    pub fn new(text: impl Into<Cow<'t, [u8]>>, column: usize) -> Self {
        Self { text: text.into(), column }
    }

    /// What it says.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// Where it starts, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The pieces between separators, each with its own column where escapes do not blur it.
    pub fn split(&self, separator: u8) -> impl Iterator<Item = Word<'t>> + '_ {
        let mut start = 0;
        self.text.split(move |&b| b == separator).map(move |piece| {
            let word = self.piece(start, piece.len());
            start += piece.len() + 1;
            word
        })
    }

    /// The part before the first separator and the part after it.
    pub fn split_once(&self, separator: u8) -> Option<(Word<'t>, Word<'t>)> {
        let at = self.text.iter().position(|&b| b == separator)?;
        Some((self.piece(0, at), self.piece(at + 1, self.text.len() - at - 1)))
    }

    /// The word without its first bytes.
    pub fn skip(&self, bytes: usize) -> Word<'t> {
        self.piece(bytes, self.text.len().saturating_sub(bytes))
    }

    fn piece(&self, start: usize, len: usize) -> Word<'t> {
        let range = start..start + len;
        match &self.text {
            Cow::Borrowed(text) => {
                Word::new(text.get(range).unwrap_or_default(), self.column + start)
            }
            Cow::Owned(text) => {
                Word::new(text.get(range).unwrap_or_default().to_vec(), self.column)
            }
        }
    }
}

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(&self.text).fmt(f)
    }
}

impl fmt::Debug for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// White space of the C locale. The caller's locale plays no part, unlike in `pam_namespace`.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// The words of one line.
pub struct Words<'t> {
    line: &'t [u8],
    at: usize,
}

impl<'t> Words<'t> {
    /// The words of a line whose comment has been cut off.
    pub fn of(line: &'t [u8]) -> Self {
        Self { line, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Where the next word would start, counted from 1.
    pub fn column(&self) -> usize {
        self.at + 1
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    /// `"` toggles quoting in mid-word, and inside quotes a backslash is itself; outside, `\n`,
    /// `\t` and `\b` are control characters and `\x` is x. An open quote ends with the line.
    fn next(&mut self) -> Option<Word<'t>> {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
        let start = self.at;
        let rest = self.line.get(start..).filter(|rest| !rest.is_empty())?;
        // Most words have neither quotes nor escapes.
        let ends = |b: u8| b <= b'"' && (b == b'"' || is_space(b)) || b == b'\\';
        let len = rest.iter().position(|&b| ends(b));
        let (plain, rest) = rest.split_at(len.unwrap_or(rest.len()));
        if !matches!(rest, [b'"' | b'\\', ..]) {
            self.at += plain.len();
            return Some(Word::new(plain, start + 1));
        }
        let mut text = Vec::with_capacity(plain.len() + rest.len());
        let mut quoted = false;
        while let Some(byte) = self.peek().filter(|&b| quoted || !is_space(b)) {
            self.at += 1;
            match byte {
                b'"' => quoted = !quoted,
                b'\\' if !quoted => text.push(match self.next_byte() {
                    Some(b'n') => b'\n',
                    Some(b't') => b'\t',
                    Some(b'b') => 0x08,
                    Some(other) => other,
                    None => b'\\',
                }),
                other => text.push(other),
            }
        }
        Some(Word::new(text, start + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[u8]) -> Vec<String> {
        Words::of(line).map(|word| word.to_string()).collect()
    }

    #[test]
    fn quotes_and_escapes_are_argv_parse_s() {
        for (line, want) in [
            (&b"a b\tc"[..], &["a", "b", "c"][..]),
            (b"us\"er\" x", &["user", "x"]),
            (b"\"a b\" c", &["a b", "c"]),
            (b"\"a\\b\"", &["a\\b"]),
            (b"a\\ b c", &["a b", "c"]),
            (b"a\\nb", &["a\\nb"]),
            (b"\\x", &["x"]),
            (b"end\\", &["end\\"]),
            (b"\\", &["\\"]),
            (b"\"open quote", &["open quote"]),
            (b"\"\" b", &["", "b"]),
            (b"  \t ", &[]),
            (b"", &[]),
            (b"a\rb\x0bc", &["a", "b", "c"]),
        ] {
            assert_eq!(words(line), want, "{}", Shown(line));
        }
        assert_eq!(
            Words::of(b"a\\nb").next().map(|word| word.as_bytes().to_vec()),
            Some(b"a\nb".to_vec())
        );
    }

    #[test]
    fn a_word_knows_its_column_and_so_do_its_pieces() {
        let columns = |line: &'static [u8]| {
            Words::of(line)
                .flat_map(|word| word.split(b':').map(|piece| piece.column()).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        assert_eq!(columns(b"/tmp  level:noinit:x"), [1, 7, 13, 20]);
        assert_eq!(columns(b"\"level:noinit\""), [1, 1]);
    }
}
