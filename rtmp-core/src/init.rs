//! What prepares a new instance: `namespace.init`, or what that script would do.

use std::ffi::CStr;

use nix::errno::Errno;
use nix::sys::stat::fstat;
use sha2::{Digest, Sha256};

use crate::accounts::Account;
use crate::conf::sources::{SYSTEM_DIR, VENDOR_DIR, open_to_read, read_all};
use crate::path::{AbsPath, PathFault};

/// What is done to an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Preparation {
    /// Nothing: `noinit`, no script, or one that does nothing for this polydir.
    None,
    /// A new instance of the user's home is filled from `/etc/skel`: what the stock script does,
    /// done without a shell, before anybody can see the instance.
    Skeleton {
        /// The home's mode: 0777 less the UMASK of login.defs(5), or 0700.
        mode: u32,
    },
    /// This script is run after each mount.
    Script(AbsPath),
    /// This script is there and cannot be run, so no session is opened.
    NotExecutable(AbsPath),
}

/// SHA-256 of the scripts that Linux-PAM shipped since 1.1.1, all of which do the same for a new
/// instance: set its label, and fill it from `/etc/skel` if it is the user's home. Older ones are
/// run.
const STOCK: [[u8; 32]; 6] = [
    digest(b"772e5773586a236034156ac660f8d234bf50f4cebf5811b15b55b890b83cef64"), // 1.7.1 and later
    digest(b"2518e151f59b2f92fa4ab2230d74ffc60eb40b8c48fca917ff05b878cff4a60d"), // 1.6.1
    digest(b"7e000a15fc112d031d0d2b6cc6c86ddcbb94cc501e86f4f50394fb81110cbb22"), // 1.5.3
    digest(b"2d76094c06f10839c566ef64bde5624c325aeab7991e7f5d776c5310e8f41932"), // 1.2.0 to 1.5.2, Debian 12
    digest(b"7d8dd8ba987484040782a6aaa2634d1cb65fb98d01dede052e84d5fae888226e"), // 1.1.6
    digest(b"87f450e4cdd0893c399ae57e488932b7a78eb374d491828f7bb6404b838e4042"), // 1.1.1
];

/// The longest stock script has 1,939 bytes; a longer file is not one and need not be hashed.
const LONGEST_STOCK: libc::off_t = 4096;

/// A script that is there, and what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Script {
    /// One of [`STOCK`]; its path does not matter.
    Stock,
    /// The administrator's.
    Other(AbsPath),
    /// It cannot be run.
    NotExecutable(AbsPath),
}

impl Script {
    /// Looks at a script. One that is not there means nothing, as in `pam_namespace`; one that
    /// cannot be looked at is run, whatever it is.
    pub fn look(path: AbsPath) -> Option<Self> {
        match Kind::of(path.as_cstr()) {
            Ok(Kind::Stock) => Some(Self::Stock),
            Ok(Kind::NotExecutable) => Some(Self::NotExecutable(path)),
            Err(Errno::ENOENT | Errno::ENOTDIR) => None,
            Ok(Kind::Other) | Err(_) => Some(Self::Other(path)),
        }
    }
}

enum Kind {
    Stock,
    Other,
    NotExecutable,
}

impl Kind {
    fn of(script: &CStr) -> Result<Self, Errno> {
        let file = open_to_read(script)?;
        let found = fstat(&file)?;
        Ok(if found.st_mode & 0o111 == 0 {
            Self::NotExecutable
        } else if found.st_size <= LONGEST_STOCK && is_stock(&read_all(&file)?) {
            Self::Stock
        } else {
            Self::Other
        })
    }
}

/// Where `namespace.init` is looked for, in this order.
pub fn default_paths() -> impl Iterator<Item = AbsPath> {
    let dirs = [Some(SYSTEM_DIR), VENDOR_DIR].into_iter().flatten();
    dirs.filter_map(|dir| AbsPath::new(&[dir.as_bytes(), b"/namespace.init"].concat()).ok())
}

/// `iscript=`: a relative path is one in `/etc/security/namespace.d`.
pub fn named_path(name: &[u8]) -> Result<AbsPath, PathFault> {
    let dir: &[u8] = if name.starts_with(b"/") { b"" } else { b"/etc/security/namespace.d/" };
    AbsPath::new(&[dir, name].concat())
}

impl Preparation {
    /// What a script means for a polydir.
    pub fn of(script: Option<Script>, polydir: &AbsPath, account: &Account) -> Self {
        match script {
            None => Self::None,
            Some(Script::NotExecutable(path)) => Self::NotExecutable(path),
            Some(Script::Other(path)) => Self::Script(path),
            Some(Script::Stock) if polydir.is_written(&account.home) => {
                Self::Skeleton { mode: home_mode() }
            }
            Some(Script::Stock) => Self::None,
        }
    }
}

fn is_stock(text: &[u8]) -> bool {
    STOCK.contains(&Sha256::digest(text).into())
}

/// The bytes of a digest that is written in hexadecimal digits.
#[allow(clippy::indexing_slicing)] // only when this is compiled
const fn digest(text: &[u8; 64]) -> [u8; 32] {
    let mut bytes = [0; 32];
    let mut rest: &[u8] = text;
    let mut at = 0;
    while let [high, low, more @ ..] = rest {
        bytes[at] = digit(*high) << 4 | digit(*low);
        at += 1;
        rest = more;
    }
    bytes
}

const fn digit(digit: u8) -> u8 {
    if digit < b'a' { digit - b'0' } else { digit - b'a' + 10 }
}

/// As the stock script reads login.defs(5).
#[cold]
fn home_mode() -> u32 {
    let defs = std::fs::read_to_string("/etc/login.defs").unwrap_or_default();
    let umask = defs.lines().find_map(|line| {
        let value = line.strip_prefix("UMASK")?;
        u32::from_str_radix(value.split_whitespace().next()?, 8).ok()
    });
    umask.map_or(0o700, |umask| 0o777 & !umask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_of_one_s_own_is_no_stock_script() {
        assert!(!is_stock(b"#!/bin/sh\nexit 0\n"));
    }
}
