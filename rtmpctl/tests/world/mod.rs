//! A system below a directory, for `--root`, and what `rtmpctl` says of it.
#![allow(dead_code, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // not every test uses everything

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const PASSWD: &str = "\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1::/usr/sbin:/bin/sh
alice:x:1001:1001::/home/alice:/bin/sh
bob:x:1002:1002::/home/bob:/bin/sh
bob2:x:1002:1002::/home/bob:/bin/sh
";

const GROUP: &str = "root:x:0:\nadm:x:4:alice\nweb:x:33:\nalice:x:1001:\nbob:x:1002:\n";

/// A system with root, alice, bob, a `/tmp` and a `/var/tmp`, all as they should be.
pub struct World(TempDir);

impl World {
    pub fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "run this as root: it makes files of many users");
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).expect("its mode");
        let world = Self(dir);
        world.dir("/tmp", 0, 0o1777).dir("/var/tmp", 0, 0o1777);
        world.file("/etc/passwd", PASSWD).file("/etc/group", GROUP);
        world
    }

    /// A world with this as its `namespace.conf`.
    pub fn with(conf: impl AsRef<[u8]>) -> Self {
        let world = Self::new();
        world.file("/etc/security/namespace.conf", conf);
        world
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_start_matches('/'))
    }

    pub fn file(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("the directories above");
        fs::write(path, text).expect("a file");
        self
    }

    pub fn dir(&self, path: &str, uid: u32, mode: u32) -> &Self {
        fs::create_dir_all(self.path(path)).expect("a directory");
        self.chmod(path, mode);
        chown(self.path(path), Some(uid), Some(uid)).expect("its owner");
        self
    }

    pub fn chmod(&self, path: &str, mode: u32) -> &Self {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).expect("a mode");
        self
    }

    pub fn link(&self, path: &str, target: &str, uid: u32) -> &Self {
        let path = self.path(path);
        if path.is_dir() {
            fs::remove_dir(&path).expect("an empty directory");
        }
        symlink(target, &path).expect("a link");
        std::os::unix::fs::lchown(path, Some(uid), Some(uid)).expect("its owner");
        self
    }

    /// What a command says of this world.
    pub fn ask(&self, command: &str, words: &[&str]) -> Said {
        let root = self.0.path().as_os_str();
        let words = words.iter().map(OsStr::new);
        let words = [command.as_ref(), "--root".as_ref(), root].into_iter().chain(words);
        Said::of(rtmpctl().args(words), Some(self.0.path()))
    }

    /// The same, asked by somebody who may do nothing.
    pub fn ask_as_nobody(&self, command: &str, words: &[&str]) -> Said {
        let program = self.path("/rtmpctl");
        fs::copy(env!("CARGO_BIN_EXE_rtmpctl"), &program).expect("a copy that nobody can reach");
        let mut asked = Command::new(program);
        asked.uid(65534).gid(65534).current_dir(self.0.path());
        asked.args([command, "--root", "."]).args(words);
        Said::of(&mut asked, None)
    }

    /// `check`'s findings in a line each: `1:5: error: …`, without the file, or as they are.
    pub fn findings(&self) -> Vec<String> {
        self.ask("check", &[]).findings()
    }
}

pub fn rtmpctl() -> Command {
    Command::new(env!("CARGO_BIN_EXE_rtmpctl"))
}

/// What a command said.
pub struct Said {
    pub bytes: Vec<u8>,
    pub text: String,
    pub complaint: String,
    pub status: i32,
}

impl Said {
    /// Runs a command; `R` stands for the world's directory in what it says.
    pub fn of(command: &mut Command, root: Option<&Path>) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("rtmpctl runs");
        let short = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            root.map_or(text.clone(), |root| text.replace(&root.display().to_string(), "R"))
        };
        Self {
            text: short(&stdout),
            complaint: short(&stderr),
            status: status.code().unwrap_or_else(|| panic!("{status}")),
            bytes: stdout,
        }
    }

    /// Lines that start a finding. The ground these tests stand on may be a tmpfs.
    fn findings(&self) -> Vec<String> {
        let is_first = |line: &&str| !line.starts_with(' ') && !line.contains("on a tmpfs");
        let short = |line: &str| line.replace("R/etc/security/namespace.conf:", "");
        let mut lines: Vec<_> = self.text.lines().filter(is_first).map(short).collect();
        lines.pop();
        lines
    }

    pub fn json(&self) -> serde_json::Value {
        let json: serde_json::Value = serde_json::from_str(&self.text).expect("JSON");
        assert_eq!(json["schema"], "rtmpctl/1");
        json
    }
}
