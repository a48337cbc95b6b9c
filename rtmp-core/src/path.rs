//! Paths and names that were checked once and need no second look.

use std::ffi::{CStr, CString};
use std::fmt::{self, Write};

/// Bytes for a message: printable text as it is, everything else escaped, so that a name cannot
/// forge a log line or drive a terminal.
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                if c.is_control() {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    f.write_char(c)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// The names in a path, without what leads nowhere.
fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&b| b == b'/').filter(|component| !matches!(component, [] | [b'.']))
}

/// What comes before the last slash of an absolute path, or that slash where it is the first byte, and
/// what comes after it.
pub fn at_last_slash(path: &[u8]) -> (&[u8], &[u8]) {
    let slash = path.iter().rposition(|&b| b == b'/').unwrap_or(0);
    let (before, after) = (path.get(..slash.max(1)), path.get(slash + 1..));
    (before.unwrap_or_default(), after.unwrap_or_default())
}

/// The two digits of a byte.
pub fn in_hex(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|digit| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 })
}

/// A number in decimal digits.
pub struct Decimal {
    digits: [u8; 10],
    start: usize,
}

impl Decimal {
    /// The digits of a number.
    pub fn of(mut number: u32) -> Self {
        let mut decimal = Self { digits: [b'0'; 10], start: 10 };
        for digit in decimal.digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
            decimal.start -= 1;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        decimal
    }

    /// The digits as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// What makes a text no path for a polydir or an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// The text is empty, or nothing but a root directory.
    #[error("is not a directory below /")]
    Root,
    /// The text does not start with a slash.
    #[error("must start with /")]
    Relative,
    /// Two dots anywhere, as `pam_namespace` has it.
    #[error("must not contain ..")]
    Dots,
    /// Longer than the kernel takes.
    #[error("is longer than {} bytes", PATH_MAX - 1)]
    TooLong,
    /// A NUL byte, which no file name can hold.
    #[error("must not contain a NUL byte")]
    Nul,
}

/// The longest path the kernel takes, its final NUL included (`linux/limits.h`).
pub const PATH_MAX: usize = 4096;

/// What is known of a path after one look at each of its bytes.
enum Form {
    Clean,
    /// It may have doubled or trailing slashes, or a `.` to leave out.
    Unclean,
}

/// An absolute path without `..`, `.`, doubled or trailing slashes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AbsPath(CString);

impl AbsPath {
    /// What makes a text no path, if anything does. The root directory is a path; see
    /// [`PathFault::Root`] for where it is refused.
    pub fn check(text: &[u8]) -> Result<(), PathFault> {
        Self::form(text).map(drop)
    }

    fn form(text: &[u8]) -> Result<Form, PathFault> {
        if text.len() >= PATH_MAX {
            return Err(PathFault::TooLong);
        }
        let [b'/', rest @ ..] = text else { return Err(PathFault::Relative) };
        let mut last = b'/';
        let mut form = Form::Clean;
        for &byte in rest {
            // Letters and digits come after all that matters.
            if byte <= b'/' {
                match (last, byte) {
                    (b'.', b'.') => return Err(PathFault::Dots),
                    (_, 0) => return Err(PathFault::Nul),
                    // Or a hidden directory, of which there are few.
                    (b'/', b'/' | b'.') => form = Form::Unclean,
                    _ => {}
                }
            }
            last = byte;
        }
        Ok(if last == b'/' { Form::Unclean } else { form })
    }

    /// [`AbsPath::check`], where the root directory will not do.
    pub fn check_below_root(text: &[u8]) -> Result<(), PathFault> {
        Self::check(text)?;
        components(text).next().map(drop).ok_or(PathFault::Root)
    }

    /// Checks and normalises a path.
    pub fn new(text: &[u8]) -> Result<Self, PathFault> {
        match Self::form(text)? {
            Form::Clean => CString::new(text).map(Self).map_err(|_| PathFault::Nul),
            Form::Unclean => Self::cleaned(text),
        }
    }

    #[cold]
    fn cleaned(text: &[u8]) -> Result<Self, PathFault> {
        // Room for the slash that a root directory keeps, and for the NUL.
        let mut clean = Vec::with_capacity(text.len() + 1);
        for component in components(text) {
            clean.push(b'/');
            clean.extend_from_slice(component);
        }
        if clean.is_empty() {
            clean.push(b'/');
        }
        CString::new(clean).map(Self).map_err(|_| PathFault::Nul)
    }

    /// Checks a path and parts it: the directory above, and the name in it. `None`: it is the root
    /// directory.
    pub fn parted(text: &[u8]) -> Result<Option<(Self, Name)>, PathFault> {
        match Self::form(text)? {
            Form::Clean => {
                let (above, name) = at_last_slash(text);
                let owned = |part: &[u8]| CString::new(part).map_err(|_| PathFault::Nul);
                Ok(Some((Self(owned(above)?), Name(owned(name)?))))
            }
            Form::Unclean => Ok(Self::cleaned(text)?.split()),
        }
    }

    /// Whether a text is a path of this directory, normal or not.
    pub fn is_written(&self, text: &[u8]) -> bool {
        Self::check(text).is_ok() && components(text).eq(components(self.as_bytes()))
    }

    fn split(&self) -> Option<(Self, Name)> {
        let name = Name(self.name()?.to_owned());
        Some((CString::new(self.above()).map(Self).ok()?, name))
    }

    /// The path for a system call.
    pub fn as_cstr(&self) -> &CStr {
        &self.0
    }

    /// The path as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.to_bytes()
    }

    /// Whether this is `/`.
    pub fn is_root(&self) -> bool {
        self.as_bytes() == b"/"
    }

    /// The directory above, as bytes; of the root directory, itself.
    pub fn above(&self) -> &[u8] {
        at_last_slash(self.as_bytes()).0
    }

    /// The name in the directory above; `None` for the root directory.
    pub fn name(&self) -> Option<&CStr> {
        let path = self.0.to_bytes_with_nul();
        let slash = path.iter().rposition(|&b| b == b'/')?;
        let name = CStr::from_bytes_with_nul(path.get(slash + 1..)?).ok()?;
        (!name.is_empty()).then_some(name)
    }

    /// Whether `path` is this directory or lies below it.
    pub fn contains(&self, path: &[u8]) -> bool {
        self.is_root()
            || path
                .strip_prefix(self.as_bytes())
                .is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
    }
}

impl fmt::Display for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.as_bytes()).fmt(f)
    }
}

impl fmt::Debug for AbsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// What makes a text no name for one directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is empty, . or .., or holds a slash or a NUL byte")]
pub struct NameFault;

/// The name of one directory: not empty, not `.` or `..`, without `/` and NUL.
///
/// Joining a user's name to a directory is what made `pam_namespace` mount the parent of the
/// instance parent for a user called `..`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(CString);

impl Name {
    /// Checks a name.
    pub fn new(text: impl AsRef<[u8]> + Into<Vec<u8>>) -> Result<Self, NameFault> {
        let name = text.as_ref();
        if matches!(name, [] | [b'.'] | [b'.', b'.']) || name.contains(&b'/') {
            return Err(NameFault);
        }
        CString::new(text).map(Self).map_err(|_| NameFault)
    }

    /// The name for a system call.
    pub fn as_cstr(&self) -> &CStr {
        &self.0
    }

    /// The name as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.to_bytes()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown(self.as_bytes()).fmt(f)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> String {
        match AbsPath::new(text.as_bytes()) {
            Ok(path) => path.to_string(),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn a_path_is_absolute_and_normal() {
        for (given, want) in [
            ("/tmp", "/tmp"),
            ("/tmp/", "/tmp"),
            ("/tmp///", "/tmp"),
            ("//var//tmp", "/var/tmp"),
            ("/./tmp/.", "/tmp"),
            ("/", "/"),
            ("///", "/"),
            ("tmp", "must start with /"),
            ("", "must start with /"),
            ("/a/../b", "must not contain .."),
            ("/a..b", "must not contain .."),
            ("/a\0b", "must not contain a NUL byte"),
        ] {
            assert_eq!(path(given), want, "{given:?}");
        }
        assert_eq!(path(&"/a".repeat(2048)), "is longer than 4095 bytes");
    }

    #[test]
    fn a_number_has_its_digits() {
        for number in [0, 7, 10, 1001, u32::MAX] {
            assert_eq!(Decimal::of(number).as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn a_path_has_a_directory_above_and_a_name() {
        for (given, above, name) in
            [("/tmp", "/", Some(c"tmp")), ("/var/tmp", "/var", Some(c"tmp")), ("/", "/", None)]
        {
            let path = AbsPath::new(given.as_bytes());
            assert_eq!(path.as_ref().map(AbsPath::above), Ok(above.as_bytes()));
            assert_eq!(path.as_ref().map(AbsPath::name), Ok(name));
        }
    }

    #[test]
    fn a_directory_contains_itself_and_what_lies_below_but_not_its_namesakes() {
        let contains =
            |dir: &[u8], path: &[u8]| AbsPath::new(dir).map(|dir| dir.contains(path)) == Ok(true);
        assert!(contains(b"/tmp", b"/tmp"));
        assert!(contains(b"/tmp", b"/tmp/x"));
        assert!(contains(b"/", b"/tmp"));
        assert!(!contains(b"/tmp", b"/tmpfoo"));
        assert!(!contains(b"/tmp/x", b"/tmp"));
    }

    #[test]
    fn a_directory_can_be_written_in_more_than_one_way() {
        let written = |dir: &[u8], text: &[u8]| AbsPath::new(dir).map(|dir| dir.is_written(text));
        for text in [&b"/home/alice"[..], b"/home/alice/", b"//home/./alice"] {
            assert_eq!(written(b"/home/alice", text), Ok(true), "{}", Shown(text));
        }
        for text in [&b"/home"[..], b"/home/alice/x", b"home/alice", b"/home/bob/../alice", b""] {
            assert_eq!(written(b"/home/alice", text), Ok(false), "{}", Shown(text));
        }
        assert_eq!(written(b"/", b"/"), Ok(true));
    }

    #[test]
    fn a_path_is_parted_into_the_directory_above_and_a_name() {
        for (given, want) in [
            ("/tmp", "/ tmp"),
            ("/a/b", "/a b"),
            ("/a//b/", "/a b"),
            ("/a/./b", "/a b"),
            ("/a/b/.", "/a b"),
            ("/a/.b", "/a .b"),
            ("/.a/b", "/.a b"),
            ("/", "nothing"),
            ("//", "nothing"),
            ("/.", "nothing"),
            ("/a/..", "must not contain .."),
            ("a/b", "must start with /"),
            ("/a\0/b", "must not contain a NUL byte"),
        ] {
            let parted = match AbsPath::parted(given.as_bytes()) {
                Ok(Some((above, name))) => format!("{above} {name}"),
                Ok(None) => "nothing".to_owned(),
                Err(fault) => fault.to_string(),
            };
            assert_eq!(parted, want, "{given:?}");
        }
    }

    #[test]
    fn a_name_is_one_directory() {
        for bad in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0b"] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
        for good in [&b"alice"[..], b"...", b".hidden", b"DOM\\bob", b"\xff"] {
            assert!(Name::new(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_message_shows_no_control_characters() {
        assert_eq!(Shown(b"a\nb\x1b[0m\xff\xc3\xa9").to_string(), "a\\nb\\u{1b}[0m\\xff\u{e9}");
    }
}
