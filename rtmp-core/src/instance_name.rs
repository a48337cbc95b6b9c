//! What an instance is called.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use md5::{Digest, Md5};

use crate::path::{AbsPath, Name, NameFault, Shown, in_hex};
use crate::selinux::Context;

/// Names longer than this are cut, in bytes: `pam_namespace`'s number, kept so that the instances
/// it made are found.
const LONGEST: usize = 80;

/// The hexadecimal MD5 of a text. Not for secrecy: `pam_namespace` names instances so.
fn md5_hex(text: &[u8]) -> Vec<u8> {
    Md5::digest(text).into_iter().flat_map(in_hex).collect()
}

/// A name as `pam_namespace` would have it: hashed with `gen_hash`, else cut to 80 bytes, the last
/// 33 of which are then an underscore and the hash of the whole.
pub fn fit(name: Cow<'_, [u8]>, gen_hash: bool) -> Cow<'_, [u8]> {
    if gen_hash {
        return md5_hex(&name).into();
    }
    if name.len() <= LONGEST {
        return name;
    }
    let hash = md5_hex(&name);
    let kept = name.get(..LONGEST - hash.len() - 1).unwrap_or_default();
    [kept, b"_", &hash].concat().into()
}

/// The name of a polydir's instance in a box.
pub fn in_box(polydir: &AbsPath) -> Result<Name, NameFault> {
    Name::new(fit(escaped(polydir).into(), false))
}

/// A polydir as a name: the path with `/` as `-`, `-` as `\x2d` and `\` as `\x5c`, so that one box
/// can serve `/tmp` and `/var/tmp`. systemd-escape(1) writes paths the same way.
pub fn escaped(polydir: &AbsPath) -> Vec<u8> {
    let path = polydir.as_bytes();
    // The slash is left out, and leaves room for a NUL.
    let mut name = Vec::with_capacity(path.len());
    for &byte in path.strip_prefix(b"/").unwrap_or(path) {
        match byte {
            b'/' => name.push(b'-'),
            b'-' => name.extend_from_slice(b"\\x2d"),
            // Or `/a\x2db` and `/a-b` would share an instance.
            b'\\' => name.extend_from_slice(b"\\x5c"),
            other => name.push(other),
        }
    }
    name
}

/// A name that opening completes with the instance's SELinux context, which only the polydir, once
/// it is open, can tell.
#[derive(Debug, PartialEq, Eq)]
pub struct Hole<T> {
    /// Of the name, what comes before what may be hashed.
    pub start: Vec<u8>,
    /// What comes before the context.
    pub before: Vec<u8>,
    /// What comes after it.
    pub after: Vec<u8>,
    /// Whether `gen_hash` hashes all but the start.
    pub gen_hash: bool,
    /// The name, once it is known.
    pub filled: OnceCell<T>,
}

impl<T> Hole<T> {
    fn complete(&self, context: &Context) -> Result<Name, NameFault> {
        let whole = [&self.before, context.as_bytes(), &self.after].concat();
        Name::new([&self.start[..], &fit(whole.into(), self.gen_hash)].concat())
    }

    /// What the name starts with and what it ends with, whatever the context. `None`: it is hashed.
    pub fn around(&self) -> Option<(Vec<u8>, &[u8])> {
        (!self.gen_hash).then(|| ([&self.start[..], &self.before].concat(), &self.after[..]))
    }

    /// The name with this in the context's place, for a person.
    pub fn show(&self, context: &dyn fmt::Display, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, before, after) = (Shown(&self.start), Shown(&self.before), Shown(&self.after));
        match self.gen_hash {
            true => write!(f, "{start}<md5 of {before}{context}{after}>"),
            false => write!(f, "{start}{before}{context}{after}"),
        }
    }
}

/// The name of an instance, or of one and its box.
#[derive(Debug, PartialEq, Eq)]
pub enum Naming<T> {
    /// Known when the session is planned.
    Known(T),
    /// Known when the polydir is open.
    WithContext(Hole<T>),
}

impl<T> Naming<T> {
    /// The name, as far as it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(name) => Some(name),
            Self::WithContext(hole) => hole.filled.get(),
        }
    }

    /// The name, completed with an instance's context where it has a hole for it.
    ///
    /// # Errors
    ///
    /// The hole stays: there is no context, or one that makes no name.
    pub fn complete(
        &self,
        context: Option<&Context>,
        finish: impl FnOnce(Name) -> T,
    ) -> Result<&T, NameFault> {
        match (self, context) {
            (Self::Known(name), _) => Ok(name),
            (Self::WithContext(_), None) => Err(NameFault),
            (Self::WithContext(hole), Some(context)) => {
                let name = hole.complete(context)?;
                Ok(hole.filled.get_or_init(|| finish(name)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_md5_of_the_name() {
        assert_eq!(fit(b"alice"[..].into(), true)[..], *b"6384e2b2184bcbf58eccf10ca7a6563c");
    }

    #[test]
    fn names_over_80_bytes_are_cut_to_80() {
        let long = [b'a'; 81];
        assert_eq!(fit(long[..80].into(), false)[..], long[..80]);
        let cut = fit(long[..].into(), false);
        assert_eq!(cut.len(), 80);
        assert!(cut.starts_with(&[b'a'; 47]) && cut.get(47) == Some(&b'_'));
        assert!(cut.ends_with(&md5_hex(&long)));
    }

    #[test]
    fn an_instance_in_a_box_is_named_after_its_polydir() {
        for (polydir, want) in [
            ("/tmp", "tmp"),
            ("/var/tmp", "var-tmp"),
            ("/a-b/c", "a\\x2db-c"),
            ("/a\\x2d", "a\\x5cx2d"),
        ] {
            let name = AbsPath::new(polydir.as_bytes()).ok().and_then(|path| in_box(&path).ok());
            assert_eq!(name.map(|name| name.as_bytes().to_vec()), Some(want.as_bytes().to_vec()));
        }
    }

    fn hole(start: &str, before: &str, after: &str, gen_hash: bool) -> Naming<Name> {
        let (start, before, after) = (start.into(), before.into(), after.into());
        Naming::WithContext(Hole { start, before, after, gen_hash, filled: OnceCell::new() })
    }

    fn complete(naming: &Naming<Name>, context: &std::ffi::CStr) -> Result<String, NameFault> {
        let name = naming.complete(Some(&Context::new(context)), |name| name)?;
        Ok(name.to_string())
    }

    /// "level/context: `<raw context>_<user>` [...]; `shared`: raw context only."
    #[test]
    fn a_context_fills_the_hole_in_a_name() {
        for (naming, want) in [
            (hole("", "", "_alice", false), "u:r:tmp_t:s0-s0:c3,c4_alice"),
            (hole("", "", "", false), "u:r:tmp_t:s0-s0:c3,c4"),
            (hole("x-", "", "_alice", false), "x-u:r:tmp_t:s0-s0:c3,c4_alice"),
            (hole("x-", "", "_alice", true), "x-02ec737dd5ea09a855ff02cd0a376563"),
            (hole("", "tmp_", "", false), "tmp_u:r:tmp_t:s0-s0:c3,c4"),
        ] {
            let found = complete(&naming, c"u:r:tmp_t:s0-s0:c3,c4");
            assert_eq!(found.as_deref(), Ok(want));
            assert_eq!(naming.known().map(ToString::to_string).as_deref(), Some(want));
        }
    }

    /// "Length: > 80 bytes => first **47** bytes + `_` + md5 hex(32) of the whole".
    #[test]
    fn a_long_context_is_cut_like_any_name() {
        let long = c"system_u:object_r:tmp_t:s0-s15:c1,c3,c5,c7,c9,c11,c13,c15,c17,c19,c21,c23,c25";
        let name = complete(&hole("", "", "_alice", false), long);
        let whole = format!("{}_alice", long.to_string_lossy());
        let want = format!("{}_{}", &whole[..47], Shown(&md5_hex(whole.as_bytes())));
        assert_eq!(name, Ok(want));
    }

    #[test]
    fn a_hole_without_a_context_stays() {
        let naming = hole("", "", "_alice", false);
        assert!(naming.complete(None, |name| name).is_err());
        assert!(complete(&naming, c"a/b:r:t").is_err());
        assert_eq!(naming.known(), None);
    }
}
