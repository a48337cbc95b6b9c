//! What a PAM module can change in the process that called it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use nix::sys::stat::stat;
use serde::{Deserialize, Serialize};

use crate::mounts::MountTable;

/// A directory, by what it is and not by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inode {
    /// The device of its file system.
    pub dev: u64,
    /// Its number in there.
    pub ino: u64,
}

impl Inode {
    /// The directory or file at `path`.
    pub fn of(path: &str) -> Self {
        // Not by std, which may ask with statx(2): an old kernel has none.
        let found = stat(path).unwrap_or_else(|e| panic!("{path}: {e}"));
        Inode { dev: found.st_dev, ino: found.st_ino }
    }
}

/// The state of a process. Two are equal when a module left no trace in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The mount namespace.
    pub mnt_ns: u64,
    /// The root directory.
    pub root: Inode,
    /// The working directory's path.
    pub cwd: PathBuf,
    /// The working directory.
    pub cwd_inode: Inode,
    /// The open descriptors and what each is open on.
    pub descriptors: BTreeMap<i32, String>,
    /// Umask, users, groups, capabilities, threads and signal dispositions, as in
    /// `/proc/self/status`.
    pub status: BTreeMap<String, String>,
    /// `/proc/self/mountinfo`.
    pub mountinfo: String,
}

impl Caller {
    /// This thread of this process, now.
    pub fn now() -> Self {
        Self::at("/proc/thread-self")
    }

    /// Another process, now.
    pub fn of(pid: i32) -> Self {
        Self::at(&format!("/proc/{pid}"))
    }

    fn at(proc: &str) -> Self {
        let path = |name: &str| format!("{proc}/{name}");
        let text = |name| fs::read_to_string(path(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        Caller {
            mnt_ns: Inode::of(&path("ns/mnt")).ino,
            root: Inode::of(&path("root")),
            cwd: fs::read_link(path("cwd")).unwrap(),
            cwd_inode: Inode::of(&path("cwd")),
            descriptors: descriptors(&path("fd")),
            status: status(&text("status")),
            mountinfo: text("mountinfo"),
        }
    }

    /// Its mounts.
    pub fn mounts(&self) -> MountTable {
        MountTable::parse(&self.mountinfo)
    }

    /// The permission bits it takes away from new files.
    pub fn umask(&self) -> u32 {
        u32::from_str_radix(&self.status["Umask"], 8).unwrap()
    }
}

fn descriptors(fd: &str) -> BTreeMap<i32, String> {
    let mut open = BTreeMap::new();
    for entry in fs::read_dir(fd).unwrap() {
        let entry = entry.unwrap();
        let target = fs::read_link(entry.path()).unwrap().to_string_lossy().into_owned();
        // The one that lists the others.
        if !target.ends_with("/fd") {
            open.insert(entry.file_name().to_str().unwrap().parse().unwrap(), target);
        }
    }
    open
}

fn status(text: &str) -> BTreeMap<String, String> {
    const KEPT: [&str; 13] = [
        "Umask",
        "Uid",
        "Gid",
        "Groups",
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "NoNewPrivs",
        "Threads",
        "SigBlk",
        "SigIgn",
        "SigCgt",
    ];
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields
        .filter(|(name, _)| KEPT.contains(name))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}
