//! The fourth field: who keeps the real polydir.

use super::Word;

/// The fourth field. Without it everybody is polyinstantiated, root included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List<'t> {
    /// `root,adm`: everybody but these is polyinstantiated.
    AllBut(Vec<Entry<'t>>),
    /// `~bob`: only these are polyinstantiated.
    Only(Vec<Entry<'t>>),
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry<'t> {
    /// A user's name. One that nobody has matches nobody, as in `pam_namespace`.
    User(Word<'t>),
    /// `@group`: its members, by primary or supplementary membership.
    Group(Word<'t>),
    /// `min:max`, `min:`, `:max` (the words of limits.conf(5)), both ends included.
    Uids(Word<'t>, std::ops::RangeInclusive<u32>),
}

impl<'t> Entry<'t> {
    /// The entry as written.
    pub fn word(&self) -> &Word<'t> {
        match self {
            Self::User(word) | Self::Group(word) | Self::Uids(word, _) => word,
        }
    }

    fn parse(word: Word<'t>) -> Result<Self, Complaint<'t>> {
        match word.as_bytes() {
            [b'@', _, ..] => Ok(Self::Group(word)),
            [b':'] => Err((word, "is no range of uids; expected min:max, min: or :max")),
            text if text.contains(&b':') && is_range(text) => match range(text) {
                Some(range) if range.is_empty() => Err((word, "starts above its end")),
                Some(range) => Ok(Self::Uids(word, range)),
                None => Err((word, "holds a number that is no uid")),
            },
            _ => Ok(Self::User(word)),
        }
    }
}

fn is_range(text: &[u8]) -> bool {
    text.iter().filter(|&&b| b == b':').count() == 1
        && text.iter().all(|b| b.is_ascii_digit() || *b == b':')
}

fn range(text: &[u8]) -> Option<std::ops::RangeInclusive<u32>> {
    let (min, max) = std::str::from_utf8(text).ok()?.split_once(':')?;
    let bound = |digits: &str, open: u32| {
        if digits.is_empty() { Some(open) } else { digits.parse().ok() }
    };
    Some(bound(min, 0)?..=bound(max, u32::MAX)?)
}

type Complaint<'t> = (Word<'t>, &'static str);

fn entries<'t>(word: &Word<'t>) -> Result<Vec<Entry<'t>>, Complaint<'t>> {
    let mut entries = Vec::with_capacity(1);
    for entry in word.split(b',') {
        entries.push(Entry::parse(entry)?);
    }
    Ok(entries)
}

impl<'t> List<'t> {
    /// The list nobody wrote.
    pub fn everybody() -> Self {
        Self::AllBut(Vec::new())
    }

    /// Parses a fourth field; an error names the entry and what is wrong with it.
    pub fn parse(word: &Word<'t>) -> Result<Self, Complaint<'t>> {
        match word.as_bytes() {
            [b'~', ..] => entries(&word.skip(1)).map(Self::Only),
            _ => entries(word).map(Self::AllBut),
        }
    }

    /// The entries, whatever the sense.
    pub fn entries(&self) -> &[Entry<'t>] {
        match self {
            Self::AllBut(entries) | Self::Only(entries) => entries,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &'static str) -> String {
        match List::parse(&Word::new(text.as_bytes(), 1)) {
            Ok(list) => format!("{list:?}"),
            Err((word, message)) => format!("{}: {word} {message}", word.column()),
        }
    }

    #[test]
    fn a_list_names_users_groups_and_ranges_in_either_sense() {
        for (text, want) in [
            ("root,adm", r#"AllBut([User("root"), User("adm")])"#),
            ("~bob", r#"Only([User("bob")])"#),
            ("~", r#"Only([User("")])"#),
            ("root,~bob", r#"AllBut([User("root"), User("~bob")])"#),
            ("~@students", r#"Only([Group("@students")])"#),
            ("@", r#"AllBut([User("@")])"#),
            ("1:999", r#"AllBut([Uids("1:999", 1..=999)])"#),
            ("1000:", r#"AllBut([Uids("1000:", 1000..=4294967295)])"#),
            (":999", r#"AllBut([Uids(":999", 0..=999)])"#),
            ("7:7", r#"AllBut([Uids("7:7", 7..=7)])"#),
            ("1000", r#"AllBut([User("1000")])"#),
            ("a:b", r#"AllBut([User("a:b")])"#),
            ("root,", r#"AllBut([User("root"), User("")])"#),
            ("root,:", "6: : is no range of uids; expected min:max, min: or :max"),
            ("9:1", "1: 9:1 starts above its end"),
            ("1:4294967296", "1: 1:4294967296 holds a number that is no uid"),
        ] {
            assert_eq!(list(text), want, "{text}");
        }
    }
}
