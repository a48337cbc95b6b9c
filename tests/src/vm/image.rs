//! What a machine starts from. Made when first asked for, and kept.

use std::fs::{File, create_dir_all};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::fcntl::{Flock, FlockArg};

use super::agent::Agent;
use super::machine::{From, Machine, disk};

/// A Debian, by its userland and kernel: the table of `tests/images/build`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// Debian 12: systemd 252, Linux-PAM 1.5.2, Linux 6.1.
    Bookworm,
    /// Debian 13: systemd 257, Linux-PAM 1.7.0, Linux 6.12, /tmp on tmpfs.
    Trixie,
    /// Debian 11: systemd 247, Linux-PAM 1.4.0, Linux 5.10.
    Bullseye,
    /// Debian 12 on Linux 5.10.
    Linux5,
    /// Debian 12 on Linux 6.12.
    Linux6,
    /// Debian 12 on Linux 7.
    Linux7,
    /// Debian 12 with SELinux's policy `default` (targeted, MCS), enforcing.
    SeDefault,
    /// Debian 12 with SELinux's policy `mls`. It starts permissive, as Debian's own does not start
    /// otherwise; `setenforce 1` is the test's first command.
    SeMls,
}

impl Image {
    /// Every one of them.
    pub const ALL: [Self; 8] = [
        Self::Bookworm,
        Self::Trixie,
        Self::Bullseye,
        Self::Linux5,
        Self::Linux6,
        Self::Linux7,
        Self::SeDefault,
        Self::SeMls,
    ];

    /// Its name for `tests/vm --shell` and `tests/images/build`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::Bullseye => "bullseye",
            Self::Linux5 => "bookworm-5.10",
            Self::Linux6 => "bookworm-6.12",
            Self::Linux7 => "bookworm-7",
            Self::SeDefault => "se-default",
            Self::SeMls => "se-mls",
        }
    }

    /// The image of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|image| image.name() == name)
    }

    /// Makes the image and its saved state, where that is not done, and returns its directory.
    pub fn ready(self) -> PathBuf {
        let cache = cache();
        create_dir_all(&cache).unwrap();
        let lock = File::create(cache.join(format!("{}.lock", self.name()))).unwrap();
        // Two tests may want it at the same time.
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, e)| e).unwrap();
        let status = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/images/build"))
            .arg(self.name())
            .arg(&cache)
            .status()
            .unwrap();
        assert!(status.success(), "the image {} cannot be made", self.name());
        let image = cache.join(self.name());
        if !image.join("state").exists() {
            save(&image);
        }
        image
    }
}

/// Starts from the disk, waits until everything runs and is quiet, and saves that.
fn save(image: &Path) {
    let layer = disk(image);
    let status = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b", "disk.img"])
        .arg(&layer)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "qemu-img");
    let (machine, ports) = Machine::start(image, &super::disk_of("RTMP_JOB"), From::Disk);
    let mut agent = Agent::on(ports.agent);
    agent.greeting();
    // Without its getty the serial line is free for tests.
    let quiet = "systemctl is-system-running --wait; systemctl stop serial-getty@ttyS0; sync";
    let state = agent.run(quiet).out;
    assert_eq!(state.trim(), "running", "{}", agent.run("systemctl --failed").out);
    machine.save(image);
}

/// Where images are kept: `$RTMP_VM`, else `target/vm`.
pub(super) fn cache() -> PathBuf {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/vm");
    std::env::var_os("RTMP_VM").map_or_else(|| own.into(), PathBuf::from)
}
