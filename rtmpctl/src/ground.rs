//! The directories a rule needs, judged as `pam_rtmp.so` judges them when it opens a session. It
//! judges descriptors, and again at each login; this judges paths, once, and only says so.

use nix::errno::Errno;
use rtmp_core::path::AbsPath;
use rtmp_core::plan::ParentRule;

use crate::standing::Standing;
use crate::tree::{Last, Look, Tree};

/// How a polydir stands. `create`: the rule may make it.
pub fn polydir(tree: &Tree, path: &AbsPath, create: bool) -> Standing {
    match tree.look(path, Last::Through) {
        Ok(look) if !look.is_dir() => Standing::Refused("it is not a directory".to_owned()),
        Ok(look) => match foreign_link(tree, path) {
            Some(why) => Standing::Refused(why),
            None => Standing::Fine(look),
        },
        Err(Errno::ENOENT) if create => missing(tree, path),
        Err(Errno::ENOENT) => {
            Standing::Refused("it does not exist, and the rule has no create".to_owned())
        }
        Err(errno) => unseen(errno),
    }
}

/// How an instance parent stands.
pub fn parent(tree: &Tree, path: &AbsPath, rule: ParentRule) -> Standing {
    let is_sticky = sticky_above(tree, path);
    let last = if is_sticky { Last::Itself } else { Last::Through };
    match tree.look(path, last) {
        Ok(look) if look.is_dir() => match wrong(rule, &look) {
            None => foreign_link(tree, path).map_or(Standing::Fine(look), Standing::Refused),
            Some(why) if look.uid == 0 || !is_sticky => Standing::Refused(why),
            Some(_) => Standing::Squat(format!("it belongs to user {}", look.uid)),
        },
        Ok(look) if look.uid != 0 && is_sticky => {
            let what = if look.is_link() { "a link" } else { "no directory" };
            Standing::Squat(format!("it is {what} and belongs to user {}", look.uid))
        }
        Ok(look) if look.is_link() => {
            Standing::Refused("it is a link in a directory that others can write".to_owned())
        }
        Ok(_) => Standing::Refused("it is not a directory".to_owned()),
        Err(Errno::EXDEV) => {
            Standing::Refused("it is a mount point in a directory that others can write".to_owned())
        }
        Err(Errno::ENOENT) => missing(tree, path),
        Err(errno) => unseen(errno),
    }
}

/// How a directory in an instance parent stands: an instance, or a user's box (`owner`).
pub fn inside(tree: &Tree, path: &AbsPath, owner: Option<u32>) -> Standing {
    match (tree.look(path, Last::Itself), owner) {
        (Ok(look), _) if !look.is_dir() => Standing::Refused("it is not a directory".to_owned()),
        (Ok(look), Some(uid)) if look.uid != uid => Standing::Refused(format!(
            "it must belong to user {uid}, but belongs to user {}",
            look.uid
        )),
        (Ok(look), _) => Standing::Fine(look),
        (Err(Errno::ENOENT), _) => Standing::Missing,
        (Err(errno), _) => Standing::Unseen(errno),
    }
}

/// What is in a user's box is the user's: what is no instance there is moved aside.
pub fn boxed(tree: &Tree, path: &AbsPath) -> Standing {
    let standing = inside(tree, path, None);
    if let Standing::Refused(why) = standing { Standing::Squat(why) } else { standing }
}

/// The first directory above a path whose names somebody other than root can change, though it is
/// no place like `/tmp`. Whoever can, can move away what is below it.
pub fn movable_above(tree: &Tree, path: &AbsPath) -> Option<(AbsPath, Look)> {
    ancestors(path).find_map(|above| {
        let look = tree.look(&above, Last::Through).ok()?;
        (!look.is_roots_alone() && !look.is_sticky()).then_some((above, look))
    })
}

/// What a rule has against a directory, in the module's words.
fn wrong(rule: ParentRule, look: &Look) -> Option<String> {
    let must = match rule {
        ParentRule::Hidden if look.uid != 0 || look.mode & 0o777 != 0 => "to root with mode 000",
        ParentRule::Listed if !look.is_roots_alone() => "to root, and nobody else may write it",
        ParentRule::Hidden | ParentRule::Listed | ParentRule::Any => return None,
    };
    let (uid, mode) = (look.uid, look.permissions());
    Some(format!("it must belong {must}, but has owner {uid} and mode {mode:03o}"))
}

fn unseen(errno: Errno) -> Standing {
    if errno == Errno::ENOTDIR {
        Standing::Refused("what is above it is not a directory".to_owned())
    } else if errno == Errno::ENAMETOOLONG {
        Standing::Refused("its name is too long".to_owned())
    } else {
        Standing::Unseen(errno)
    }
}

/// Only the last component is made, and not where a link has its name.
fn missing(tree: &Tree, path: &AbsPath) -> Standing {
    if tree.look(path, Last::Itself).is_ok() {
        return Standing::Refused("it is a link that leads nowhere".to_owned());
    }
    let Ok(above) = AbsPath::new(path.above()) else { return Standing::Missing };
    match tree.look(&above, Last::Through) {
        Ok(look) if look.is_dir() => Standing::Missing,
        Ok(_) => Standing::Refused(format!("{above} is not a directory")),
        Err(Errno::ENOENT) => {
            Standing::Refused(format!("neither it nor {above} exists, and only it would be made"))
        }
        Err(errno) => Standing::Unseen(errno),
    }
}

/// A link is followed if root made it where only root can make one.
fn foreign_link(tree: &Tree, path: &AbsPath) -> Option<String> {
    let look = tree.look(path, Last::Itself).ok().filter(Look::is_link)?;
    let is_firm = ancestors(path)
        .all(|above| tree.look(&above, Last::Through).is_ok_and(|look| look.is_roots_alone()));
    (look.uid != 0 || !is_firm)
        .then(|| "it is a link, and not root's in a directory that only root can write".to_owned())
}

fn sticky_above(tree: &Tree, path: &AbsPath) -> bool {
    let above = AbsPath::new(path.above());
    above.is_ok_and(|above| tree.look(&above, Last::Through).is_ok_and(|look| look.is_sticky()))
}

fn ancestors(path: &AbsPath) -> impl Iterator<Item = AbsPath> {
    let above =
        |path: &AbsPath| if path.is_root() { None } else { AbsPath::new(path.above()).ok() };
    std::iter::successors(above(path), above)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(uid: u32, mode: u32) -> Look {
        Look { uid, gid: 0, mode: 0o040_000 | mode, identity: (0, 0), on_tmpfs: false }
    }

    #[test]
    fn a_hidden_parent_is_root_s_with_mode_000_and_the_sticky_bit_does_not_count() {
        assert_eq!(wrong(ParentRule::Hidden, &look(0, 0)), None);
        assert_eq!(wrong(ParentRule::Hidden, &look(0, 0o1000)), None);
        for (uid, mode, end) in [
            (0, 0o755, "owner 0 and mode 755"),
            (0, 0o001, "owner 0 and mode 001"),
            (1000, 0, "owner 1000 and mode 000"),
        ] {
            let want = format!("it must belong to root with mode 000, but has {end}");
            assert_eq!(wrong(ParentRule::Hidden, &look(uid, mode)), Some(want));
        }
    }

    #[test]
    fn a_template_s_parent_is_root_s_and_nobody_else_writes_it() {
        for mode in [0o755, 0o711, 0o700, 0] {
            assert_eq!(wrong(ParentRule::Listed, &look(0, mode)), None);
        }
        for (uid, mode) in [(0, 0o775), (0, 0o757), (0, 0o1777), (1000, 0o755)] {
            assert!(wrong(ParentRule::Listed, &look(uid, mode)).is_some(), "{uid} {mode:o}");
        }
        assert_eq!(wrong(ParentRule::Any, &look(1000, 0o777)), None);
    }

    #[test]
    fn the_directories_above_are_asked_from_below() {
        let path =
            AbsPath::new(b"/a/b/c").map(|path| ancestors(&path).map(|p| p.to_string()).collect());
        assert_eq!(path, Ok(vec!["/a/b".to_owned(), "/a".to_owned(), "/".to_owned()]));
    }
}
