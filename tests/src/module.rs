//! Which module is under test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A PAM module that gives private directories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// `pam_rtmp.so`: `$RTMP_MODULE`, or built from this tree as it is shipped.
    Ours,
    /// The distribution's `pam_namespace.so`.
    Theirs,
}

impl Module {
    /// Its name in a service file.
    pub fn name(self) -> &'static str {
        match self {
            Module::Ours => "pam_rtmp.so",
            Module::Theirs => "pam_namespace.so",
        }
    }

    /// Where it is on this machine.
    pub fn file(self) -> PathBuf {
        match self {
            Module::Ours => ours().to_owned(),
            Module::Theirs => directory().join(self.name()),
        }
    }
}

/// Where this machine's libpam looks for modules.
pub fn directory() -> &'static Path {
    const KNOWN: [&str; 5] = [
        "/usr/lib/x86_64-linux-gnu/security",
        "/usr/lib/aarch64-linux-gnu/security",
        "/usr/lib64/security",
        "/usr/lib/security",
        "/lib/x86_64-linux-gnu/security", // where /lib is not in /usr
    ];
    let found = KNOWN.iter().map(Path::new).find(|dir| dir.join("pam_unix.so").exists());
    found.expect("no pam_unix.so in any directory where libpam looks for modules")
}

fn ours() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| match std::env::var_os("RTMP_MODULE") {
        Some(given) => std::fs::canonicalize(&given).unwrap_or_else(|e| panic!("{given:?}: {e}")),
        None => built("pam_rtmp", &["--release"], "release/libpam_rtmp.so"),
    })
}

/// `rtmpctl`, built from this tree.
pub(crate) fn rtmpctl() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| built("rtmpctl", &[], "debug/rtmpctl"))
}

/// The vendor's directory of [`with_vendor_dir`]: where Linux-PAM's own build has it since 1.7.2.
pub const VENDOR_DIR: &str = "/usr/share/pam/security";

/// Our module as a distribution builds it that keeps its own files apart from the administrator's.
/// In a target directory of its own, since cargo would build everything anew in the usual one.
pub(crate) fn with_vendor_dir() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let target = target_directory().join("vendor");
        cargo_build("pam_rtmp", &[], &target, &[("RTMP_VENDOR_DIR", VENDOR_DIR)]);
        target.join("debug/libpam_rtmp.so")
    })
}

/// What cargo makes of a package. It is always asked, which is quick when nothing changed: an old
/// program must not pass new tests.
fn built(package: &str, options: &[&str], file: &str) -> PathBuf {
    let target = target_directory();
    cargo_build(package, options, &target, &[]);
    target.join(file)
}

fn cargo_build(package: &str, options: &[&str], target: &Path, settings: &[(&str, &str)]) {
    let status = Command::new(std::env::var_os("CARGO").as_deref().unwrap_or("cargo".as_ref()))
        .args(["build", "--quiet", "--package", package, "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .args(options)
        .arg("--target-dir")
        .arg(target)
        .envs(settings.iter().copied())
        .status()
        .unwrap_or_else(|e| panic!("cargo is needed to build {package}: {e}"));
    assert!(status.success(), "{package} does not build");
}

/// The directory that cargo built this test in: `TARGET/debug/deps/test-hash`.
fn target_directory() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let deps = test.ancestors().find(|dir| dir.file_name() == Some(OsStr::new("deps")));
    deps.and_then(|deps| deps.parent()?.parent()).expect("not run by cargo").to_owned()
}
