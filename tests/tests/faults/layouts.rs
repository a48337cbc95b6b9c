//! Every method and layout that is failed: how it is set up, and what it may leave on disk.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rtmp_tests::World;

/// A configuration, the host it meets, and what is right afterwards.
#[derive(Clone, Copy)]
pub struct Layout {
    pub name: &'static str,
    pub conf: &'static str,
    pub args: &'static str,
    /// Run as root after each clean-up.
    pub setup: &'static str,
    /// Who is logged in already when alice comes, in the same process.
    pub inside: Option<&'static str>,
    /// The caller's root directory.
    pub chroot: Option<&'static str>,
    /// What covers each polydir.
    pub covers: &'static [(&'static str, Cover)],
    /// `PATH UID GID MODE`: what may be there. `whole`: never without the ones below it. `killed`:
    /// only where its maker was killed.
    pub tree: &'static str,
    /// An own script, which must have run for each polydir of an open session.
    pub script: bool,
    /// Whether the kernel is one of 2019.
    pub old: bool,
    /// Whether most of its calls are another layout's, too.
    pub variant: bool,
}

/// What a session sees at a polydir.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cover {
    /// This directory of the host.
    Instance(&'static str),
    /// A directory of the host whose path starts so.
    Temporary(&'static str),
    Tmpfs,
}

use Cover::{Instance, Temporary, Tmpfs};

const PLAIN: Layout = Layout {
    name: "",
    conf: "",
    args: "",
    setup: "",
    inside: None,
    chroot: None,
    covers: &[],
    tree: "",
    script: false,
    old: false,
    variant: false,
};

/// Both spellings of the first page, an instance in a box each.
pub const TEMPLATES: Layout = Layout {
    name: "templates",
    conf: "\
/tmp     /tmp/user_tmpl/%{UID}     level:level,root
/var/tmp /var/tmp/user_tmpl/%{UID} level=root,root
",
    covers: &[
        ("/tmp", Instance("/tmp/user_tmpl/1001/tmp")),
        ("/var/tmp", Instance("/var/tmp/user_tmpl/1001/var-tmp")),
    ],
    tree: "
/tmp/user_tmpl 0 0 755
/tmp/user_tmpl/1001 1001 1001 700
/tmp/user_tmpl/1001/tmp 0 0 1777
/var/tmp/user_tmpl 0 0 755
/var/tmp/user_tmpl/1001 1001 1001 700
/var/tmp/user_tmpl/1001/var-tmp 0 0 1777",
    ..PLAIN
};

/// `/tmp` has flags of its own, and its instances are on another mount; `/var/tmp` gets some.
pub const PREFIX: Layout = Layout {
    name: "prefix",
    setup: "mountpoint -q /tmp || mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /tmp",
    conf: "/tmp /srv/inst/ user root\n/var/tmp /var/tmp/inst/ level:mntopts=nodev,nosuid root\n",
    covers: &[("/tmp", Instance("/srv/inst/alice")), ("/var/tmp", Instance("/var/tmp/inst/alice"))],
    tree: "
/srv/inst 0 0 0
/srv/inst/alice 0 0 1777
/var/tmp/inst 0 0 0
/var/tmp/inst/alice 0 0 1777",
    ..PLAIN
};

pub const FLAT: Layout = Layout {
    name: "flat",
    conf: "/tmp /tmp/box/%{UID} user:flat root\n",
    covers: &[("/tmp", Instance("/tmp/box/1001"))],
    tree: "
/tmp/box 0 0 755
/tmp/box/1001 1001 1001 700",
    ..PLAIN
};

pub const TMPDIR: Layout = Layout {
    name: "tmpdir",
    conf: "/tmp /tmp/inst/t. tmpdir root\n/var/tmp /srv/inst/ user root\n",
    covers: &[("/tmp", Temporary("/tmp/inst/t.")), ("/var/tmp", Instance("/srv/inst/alice"))],
    tree: "
/tmp/inst 0 0 0
/srv/inst 0 0 0
/srv/inst/alice 0 0 1777",
    ..PLAIN
};

pub const TMPFS: Layout = Layout {
    name: "tmpfs",
    conf: "/tmp tmpfs tmpfs:mntopts=size=10%,nosuid root\n/var/tmp /srv/inst/ user root\n",
    args: "unmount_on_close",
    covers: &[("/tmp", Tmpfs), ("/var/tmp", Instance("/srv/inst/alice"))],
    tree: "
/srv/inst 0 0 0
/srv/inst/alice 0 0 1777",
    ..PLAIN
};

pub const CREATE: Layout = Layout {
    name: "create",
    conf: "/srv/made /srv/inst/ user:create=0750,alice,students root\n",
    covers: &[("/srv/made", Instance("/srv/inst/alice"))],
    tree: "
/srv/made 1001 2001 750
/srv/inst 0 0 0
/srv/inst/alice 1001 2001 750",
    ..PLAIN
};

pub const HOME: Layout = Layout {
    name: "a polydir in $HOME",
    conf: "$HOME/private $HOME/$USER.inst/ user root\n/tmp $HOME/boxes/%{UID} user root\n",
    setup: "install -d -m 750 -o alice -g students /home/alice/private",
    covers: &[
        ("/home/alice/private", Instance("/home/alice/alice.inst/alice")),
        ("/tmp", Instance("/home/alice/boxes/1001/tmp")),
    ],
    tree: "
/home/alice/private 1001 2001 750
/home/alice/alice.inst 0 0 0
/home/alice/alice.inst/alice 1001 2001 750
/home/alice/boxes 0 0 755
/home/alice/boxes 0 0 750 killed
/home/alice/boxes/1001 1001 1001 700
/home/alice/boxes/1001/tmp 0 0 1777",
    ..PLAIN
};

/// The stock `namespace.init`, done natively: a new home is filled. Its mode is login.defs' UMASK's,
/// or 0700 where that cannot be read.
pub const SKELETON: Layout = Layout {
    name: "a home filled from /etc/skel",
    conf: "$HOME /srv/homes/ user root\n",
    setup: "rm -rf /etc/skel; mkdir -p /etc/skel/.config; echo a > /etc/skel/.profile; \
            echo b > /etc/skel/.config/b; ln -s .profile /etc/skel/.link",
    covers: &[("/home/alice", Instance("/srv/homes/alice"))],
    tree: "
/srv/homes 0 0 0
/srv/homes/alice 1001 1001 755 whole
/srv/homes/alice 1001 1001 700 whole
/srv/homes/alice/.profile 1001 1001 644
/srv/homes/alice/.link 1001 1001 777
/srv/homes/alice/.config 1001 1001 755 whole
/srv/homes/alice/.config/b 1001 1001 644",
    ..PLAIN
};

/// bob has taken the parents' places.
pub const SQUATTED: Layout = Layout {
    name: "a squatted parent",
    setup: "install -d -o bob -g bob /tmp/user_tmpl; ln -s /etc /var/tmp/user_tmpl; \
            chown -h bob:bob /var/tmp/user_tmpl",
    ..TEMPLATES
};

/// alice's box stands open, and what is in it is not what we would have made.
pub const FORGED: Layout = Layout {
    name: "a forged box",
    setup: "mkdir -m 755 /tmp/user_tmpl /var/tmp/user_tmpl; \
            install -d -m 755 -o alice -g alice /tmp/user_tmpl/1001; \
            ln -s /etc /tmp/user_tmpl/1001/tmp; chown -h alice:alice /tmp/user_tmpl/1001/tmp; \
            install -d -m 700 -o alice -g alice /var/tmp/user_tmpl/1001; \
            install -d -m 700 /var/tmp/user_tmpl/1001/var-tmp",
    variant: true,
    ..TEMPLATES
};

/// alice comes out of bob's session.
pub const NESTED: Layout =
    Layout { name: "a nested session", inside: Some("bob"), variant: true, ..TEMPLATES };

/// The same where the way to her instances is covered by his.
pub const NESTED_PREFIX: Layout =
    Layout { name: "a nested session, prefix", inside: Some("bob"), variant: true, ..PREFIX };

/// The caller is in a chroot that is no mount, with a /proc.
pub const CHROOT: Layout = Layout {
    name: "a caller in a chroot",
    setup: "cd /srv; mkdir -p jail/tmp jail/var jail/proc; chmod 1777 jail/tmp; cp -a /etc jail; \
            mount --bind /proc jail/proc",
    chroot: Some("/srv/jail"),
    conf: "/tmp /var/inst/ user root\n",
    covers: &[("/tmp", Instance("/srv/jail/var/inst/alice"))],
    tree: "
/srv/jail/var/inst 0 0 0
/srv/jail/var/inst/alice 0 0 1777",
    ..PLAIN
};

/// An own script, run after each mount.
pub const SCRIPT: Layout = Layout { name: "an own script", script: true, ..TEMPLATES };

pub const SCRIPT_PREFIX: Layout =
    Layout { name: "an own script, prefix and mntopts", script: true, variant: true, ..PREFIX };

pub const SCRIPT_TMPDIR: Layout =
    Layout { name: "an own script, tmpdir and an instance", script: true, variant: true, ..TMPDIR };

pub const SCRIPT_TMPFS: Layout =
    Layout { name: "an own script, tmpfs and an instance", script: true, variant: true, ..TMPFS };

/// Without the newer calls: `MountApi`'s other half.
pub const OLD: Layout = Layout { name: "an old kernel", old: true, ..TEMPLATES };

pub const OLD_PREFIX: Layout =
    Layout { name: "an old kernel, prefix", old: true, variant: true, ..PREFIX };

pub const OLD_TMPDIR: Layout =
    Layout { name: "an old kernel, tmpdir", old: true, variant: true, ..TMPDIR };

/// Everything that may be in the way of the next setup.
const GROUNDS: [&str; 4] = ["/tmp", "/var/tmp", "/srv", "/home/alice"];

/// Something on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    path: String,
    inode: (u64, u64),
    /// As a line of [`Layout::tree`].
    line: String,
}

/// What may be on disk beside what a layout lists.
#[derive(Clone, Copy)]
pub struct Allowed<'a> {
    /// What was there before; it may have been moved aside, and must be there still.
    pub before: &'a [Entry],
    /// Whether its maker was killed.
    pub killed: bool,
    /// Whether a draft may be there: it could not be removed.
    pub drafts: bool,
    /// Whether a `tmpdir` instance may be there: its session was not closed.
    pub temporaries: bool,
}

impl Layout {
    /// As it was before anybody logged in.
    pub fn lay(&self, w: &World) {
        if self.chroot.is_some() {
            // Before the first login there is none.
            drop(w.sh("umount -l /srv/jail/proc"));
        }
        for entry in GROUNDS.iter().flat_map(|ground| fs::read_dir(ground).unwrap()) {
            let entry = entry.unwrap();
            let is_dir = entry.file_type().unwrap().is_dir();
            let remove = if is_dir { fs::remove_dir_all } else { fs::remove_file };
            remove(entry.path()).unwrap();
        }
        if self.script {
            w.write("/etc/security/namespace.init", "#!/bin/sh\n: > \"$1/.ran\"\n");
        }
        if !self.setup.is_empty() {
            w.sh(self.setup).ok();
        }
    }

    fn listed(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.tree.lines().filter(|line| !line.is_empty());
        lines.map(|line| (line.split(' ').next().unwrap(), line))
    }

    /// What is on disk, down to the instances; what is in those is their users' business.
    pub fn look(&self) -> Vec<Entry> {
        let mut found = Vec::new();
        GROUNDS.iter().for_each(|ground| self.look_in(Path::new(ground), &mut found));
        found
    }

    fn look_in(&self, dir: &Path, found: &mut Vec<Entry>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let is = fs::symlink_metadata(&path).unwrap();
            let text = path.to_str().unwrap().to_owned();
            let line = format!("{text} {} {} {:o}", is.uid(), is.gid(), is.mode() & 0o7777);
            found.push(Entry { path: text, inode: (is.dev(), is.ino()), line });
            let is_above = |inner: &str| {
                Path::new(inner).parent().is_some_and(|above| above.starts_with(&path))
            };
            let covers = self.covers.iter().filter_map(|(_, cover)| match cover {
                Temporary(start) => Some(*start),
                Instance(_) | Tmpfs => None,
            });
            let mut leads_on = self.listed().map(|(path, _)| path).chain(covers);
            let is_draft = || path.to_str().unwrap().contains("/:rtmp-");
            if is.is_dir() && (leads_on.any(is_above) || is_draft()) {
                self.look_in(&path, found);
            }
        }
    }

    /// What is on disk and must not be, or is incomplete.
    pub fn wrong_on_disk(&self, allowed: Allowed<'_>) -> Vec<String> {
        let found = self.look();
        let is_temporary = |path: &str| {
            let mut covers = self.covers.iter();
            covers.any(|(_, cover)| matches!(cover, Temporary(start) if path.starts_with(start)))
        };
        let is_old = |entry: &Entry| allowed.before.iter().any(|old| old.inode == entry.inode);
        let in_room = |room: &Entry| {
            let inside = format!("{}/", room.path);
            found.iter().filter(move |entry| entry.path.starts_with(&inside))
        };
        let is_listed = |entry: &Entry| {
            self.listed().any(|(_, line)| match line.strip_suffix(" killed") {
                Some(line) => allowed.killed && line == entry.line,
                None => line.trim_end_matches(" whole") == entry.line,
            })
        };
        let is_right = |entry: &Entry| {
            is_listed(entry)
                || allowed.before.contains(entry)
                || entry.path.contains("/:rtmp-")
                    && (allowed.killed
                        || allowed.drafts
                        || is_old(entry)
                        || in_room(entry).any(is_old))
                || (allowed.killed || allowed.temporaries) && is_temporary(&entry.path)
        };
        let surplus = found.iter().filter(|entry| !is_right(entry)).map(|entry| &entry.line);
        let surplus = surplus.map(|line| format!("on disk: {line}"));
        let is_there = |path: &str| found.iter().any(|entry| entry.path == path);
        let wholes =
            self.listed().filter(|(path, line)| line.ends_with(" whole") && is_there(path));
        let parts = wholes.flat_map(|(whole, _)| {
            self.listed().filter(move |(path, _)| path.starts_with(&format!("{whole}/")))
        });
        let missing = parts.filter(|(path, _)| !is_there(path));
        let is_kept = |old: &&Entry| found.iter().any(|entry| entry.inode == old.inode);
        let lost = allowed.before.iter().filter(|old| !is_kept(old));
        let missing = missing.map(|(path, _)| path).chain(lost.map(|old| old.line.as_str()));
        surplus.chain(missing.map(|what| format!("missing: {what}"))).collect()
    }
}
