//! The hosts: Debian as `pam-auth-update` makes it, and the stacks of others as files.

use std::path::{Path, PathBuf};

use rtmp_tests::{Blueprint, Outcome, World};

use crate::host::{RTMPCTL, TEMPLATES, with};

fn of_the_tree(path: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    path.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What pam_namespace.so obeys, too, where it takes its place back.
const PREFIXES: &str = "/tmp /tmp-inst/ user root\n/var/tmp /var/tmp-inst/ user root\n";

/// A world with `rtmpctl`, the module, and a configuration; its stacks are still to be laid.
pub fn blueprint() -> Blueprint {
    with(TEMPLATES)
}

/// The same with what `pam-auth-update` needs, and the package's profiles.
pub fn debian() -> Blueprint {
    blueprint()
        .bring("/etc/debconf.conf", "/etc/debconf.conf")
        .bring(
            "/var/lib/dpkg/info/libpam-runtime.templates",
            "/var/lib/dpkg/info/libpam-runtime.templates",
        )
        .layer(of_the_tree("../packaging/pam-configs"), "/usr/share/pam-configs")
}

/// The same with another distribution's stacks at hand: `el`, `suse`, `arch`.
pub fn other() -> Blueprint {
    blueprint().bring(of_the_tree("tests/stacks"), "/opt/stacks")
}

/// Lets `pam-auth-update` make the stacks, without the module, and adds cron's.
pub fn lay_debian(w: &World) {
    w.sh("rm /etc/pam.d/* && cp /usr/share/pam/common-* /etc/pam.d/ && rm -f /etc/pam.d/*.md5sums")
        .ok();
    w.sh("mkdir -p /var/lib/pam /var/cache/debconf").ok();
    w.sh("DEBIAN_FRONTEND=noninteractive pam-auth-update --package --force").ok();
    w.sh("rm -f /etc/pam.d/*.pam-old").ok();
    for (name, stack) in [
        ("sshd", "@include common-session\nsession required pam_limits.so\n"),
        ("login", "session required pam_limits.so\n@include common-session\n"),
        ("su", "session required pam_limits.so\n@include common-session\n"),
        ("su-l", "session include su\n"),
        ("cron", "session required pam_limits.so\n@include common-session-noninteractive\n"),
        ("other", "@include common-session\n"),
    ] {
        let rest = "auth sufficient pam_rootok.so\n@include common-auth\n@include common-account\n";
        w.write(&format!("/etc/pam.d/{name}"), &format!("{rest}{stack}"));
    }
}

/// Lays another distribution's stacks.
pub fn lay(w: &World, host: &str) {
    w.write(rtmp_tests::world::CONF, PREFIXES);
    for parent in ["/tmp-inst", "/var/tmp-inst"] {
        if !w.exists(parent) {
            w.mkdir(parent, 0, (0, 0));
        }
    }
    w.sh(&format!("rm /etc/pam.d/* && cp /opt/stacks/{host}/* /etc/pam.d/")).ok();
    if host == "suse" {
        w.sh("ln -s common-session-pc /etc/pam.d/common-session").ok();
    }
    w.sh("printf '%s required pam_deny.so\\n' auth account password session > /etc/pam.d/other")
        .ok();
}

/// Everything that is known of the files that `enable` may change: bytes, owners, modes, links.
pub fn look(w: &World) -> String {
    let dirs = "/etc/pam.d /usr/lib/pam.d /var/lib/pam /etc/security";
    w.sh(&format!(
        "find {dirs} -printf '%p %y %m %U:%G %l\\n' 2>/dev/null | sort; \
         find {dirs} -type f -exec md5sum {{}} + 2>/dev/null | sort -k 2"
    ))
    .out
}

/// Runs `rtmpctl` as root, outside every session.
pub fn rtmpctl(w: &World, words: impl IntoIterator<Item = impl Into<String>>) -> Outcome {
    w.exec([RTMPCTL.to_owned()].into_iter().chain(words.into_iter().map(Into::into)))
}

/// Whether a user's session through a service is private, opened by the real `su`, whose stack is the
/// service's.
pub fn is_private(w: &World, user: &str) -> bool {
    let here = w.sh("readlink /proc/self/ns/mnt").ok();
    w.exec(rtmp_tests::programs::su(user, "readlink /proc/self/ns/mnt")).ok().trim() != here
}
