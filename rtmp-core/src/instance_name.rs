//! What an instance is called.

use std::fmt::Write;

use md5::{Digest, Md5};

use crate::path::{AbsPath, Name, NameFault};

/// Names longer than this are cut, in bytes: `pam_namespace`'s number, kept so that the instances
/// it made are found.
const LONGEST: usize = 80;

/// The hexadecimal MD5 of a text. Not for secrecy: `pam_namespace` names instances so.
fn md5_hex(text: &[u8]) -> String {
    Md5::digest(text).iter().fold(String::with_capacity(32), |mut hex, byte| {
        // Writing to a String cannot fail.
        write!(hex, "{byte:02x}").unwrap_or_default();
        hex
    })
}

/// A name as `pam_namespace` would have it: hashed with `gen_hash`, else cut to 80 bytes, the last
/// 33 of which are then an underscore and the hash of the whole.
pub fn fit(name: &[u8], gen_hash: bool) -> Vec<u8> {
    if gen_hash {
        return md5_hex(name).into_bytes();
    }
    if name.len() <= LONGEST {
        return name.to_vec();
    }
    let hash = md5_hex(name);
    let kept = name.get(..LONGEST - hash.len() - 1).unwrap_or_default();
    [kept, b"_", hash.as_bytes()].concat()
}

/// The name of a polydir's instance in a box: the path with `/` as `-` and `-` as `\x2d`, so that
/// one box can serve `/tmp` and `/var/tmp`. systemd-escape(1) writes paths the same way.
pub fn in_box(polydir: &AbsPath) -> Result<Name, NameFault> {
    let path = polydir.as_bytes();
    let path = path.strip_prefix(b"/").unwrap_or(path);
    let mut name = Vec::with_capacity(path.len());
    for &byte in path {
        match byte {
            b'/' => name.push(b'-'),
            b'-' => name.extend_from_slice(b"\\x2d"),
            other => name.push(other),
        }
    }
    Name::new(&fit(&name, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_md5_of_the_name() {
        assert_eq!(fit(b"alice", true), b"6384e2b2184bcbf58eccf10ca7a6563c");
    }

    #[test]
    fn names_over_80_bytes_are_cut_to_80() {
        let long = [b'a'; 81];
        assert_eq!(fit(&long[..80], false), long[..80]);
        let cut = fit(&long, false);
        assert_eq!(cut.len(), 80);
        assert!(cut.starts_with(&[b'a'; 47]) && cut.get(47) == Some(&b'_'));
        assert!(cut.ends_with(md5_hex(&long).as_bytes()));
    }

    #[test]
    fn an_instance_in_a_box_is_named_after_its_polydir() {
        for (polydir, want) in
            [("/tmp", "tmp"), ("/var/tmp", "var-tmp"), ("/a-b/c", "a\\x2db-c"), ("/.x", ".x")]
        {
            let name = AbsPath::new(polydir.as_bytes()).ok().and_then(|path| in_box(&path).ok());
            assert_eq!(name.map(|name| name.as_bytes().to_vec()), Some(want.as_bytes().to_vec()));
        }
    }
}
