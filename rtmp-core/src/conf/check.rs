//! What can be said of a line's paths before anybody logs in.

use std::fmt::Arguments;

use super::{Backing, Word};
use crate::path::{AbsPath, Shown};

/// A fault before its file and line are known: the column and the sentence.
pub type Complaint = (usize, String);

/// A complaint.
#[cold]
pub fn complaint(column: usize, message: Arguments<'_>) -> Complaint {
    (column, message.to_string())
}

/// Whether a prefix is a template: it has `%{UID}` or `%{USER}`.
pub fn is_template(prefix: &Word<'_>) -> Result<bool, Complaint> {
    let text = prefix.as_bytes();
    let mut own = false;
    let mut some = false;
    let percents = text.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    for (start, _) in percents {
        let rest = text.get(start..).unwrap_or_default();
        if !rest.starts_with(b"%{") {
            continue;
        }
        let end = rest.iter().position(|&b| b == b'}').map_or(rest.len(), |end| end + 1);
        some = true;
        match rest.get(..end).unwrap_or_default() {
            b"%{UID}" | b"%{USER}" => own = true,
            b"%{GID}" | b"%{HOME}" => {}
            other => {
                let (other, variables) = (Shown(other), "%{UID}, %{USER}, %{GID} and %{HOME}");
                return Err(complaint(
                    prefix.skip(start).column(),
                    format_args!("\"{other}\" is not a variable; the variables are {variables}"),
                ));
            }
        }
    }
    if some && !own {
        return Err(complaint(
            prefix.column(),
            format_args!("a template needs %{{UID}} or %{{USER}}, or users would share a box"),
        ));
    }
    Ok(own)
}

/// Checks the paths that hold no variables, so that a bad one is found before anybody logs in.
pub fn check_paths(polydir: &Word<'_>, backing: &Backing<'_>) -> Result<(), Complaint> {
    let literal = |word: &Word<'_>| !word.as_bytes().iter().any(|b| matches!(b, b'$' | b'%'));
    if literal(polydir) {
        AbsPath::check_below_root(polydir.as_bytes()).map_err(|fault| {
            complaint(polydir.column(), format_args!("polydir \"{polydir}\" {fault}"))
        })?;
    }
    let prefix = backing.prefix();
    let optional = matches!(backing, Backing::Tmpfs { .. }) && !prefix.as_bytes().starts_with(b"/");
    if literal(prefix) && !optional {
        AbsPath::check(prefix.as_bytes()).map_err(|fault| {
            complaint(prefix.column(), format_args!("instance prefix \"{prefix}\" {fault}"))
        })?;
    }
    if optional && prefix.as_bytes().windows(2).any(|pair| matches!(pair, b"..")) {
        return Err(complaint(
            prefix.column(),
            format_args!("instance prefix \"{prefix}\" must not contain .."),
        ));
    }
    Ok(())
}
