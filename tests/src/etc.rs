//! The /etc of a world: a small Debian, nothing of the host's configuration.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

const SHADOW: u32 = 42;

const FILES: [(&str, u32, &str); 14] = [
    ("passwd", 0o644, include_str!("../etc/passwd")),
    ("group", 0o644, include_str!("../etc/group")),
    ("shadow", 0o640, include_str!("../etc/shadow")),
    ("nsswitch.conf", 0o644, include_str!("../etc/nsswitch.conf")),
    ("hosts", 0o644, include_str!("../etc/hosts")),
    ("hostname", 0o644, "world\n"),
    ("login.defs", 0o644, include_str!("../etc/login.defs")),
    ("sudoers", 0o440, include_str!("../etc/sudoers")),
    ("profile", 0o644, include_str!("../etc/profile")),
    ("shells", 0o644, include_str!("../etc/shells")),
    ("environment", 0o644, ""),
    ("security/limits.conf", 0o644, ""),
    ("security/pam_env.conf", 0o644, ""),
    ("ssh/sshd_config", 0o644, include_str!("../etc/sshd_config")),
];

/// Debian's services, each with `@MODULE@` where the line of the module under test goes.
const SERVICES: [(&str, &str); 13] = [
    ("common-account", include_str!("../etc/pam.d/common-account")),
    ("common-auth", include_str!("../etc/pam.d/common-auth")),
    ("common-password", include_str!("../etc/pam.d/common-password")),
    ("common-session", include_str!("../etc/pam.d/common-session")),
    ("common-session-noninteractive", include_str!("../etc/pam.d/common-session-noninteractive")),
    ("login", include_str!("../etc/pam.d/login")),
    ("other", include_str!("../etc/pam.d/other")),
    ("rtmp", include_str!("../etc/pam.d/rtmp")),
    ("sshd", include_str!("../etc/pam.d/sshd")),
    ("su", include_str!("../etc/pam.d/su")),
    ("su-l", include_str!("../etc/pam.d/su-l")),
    ("sudo", include_str!("../etc/pam.d/sudo")),
    ("sudo-i", include_str!("../etc/pam.d/sudo-i")),
];

/// What programs and modules of the host need of their own: read, never written.
const HOSTS: [&str; 2] = ["ld.so.cache", "security/namespace.init"];

/// Writes /etc; `host` is where the host's root is seen.
pub(crate) fn write(host: &Path) {
    for directory in ["security/namespace.d", "pam.d", "ssh", "skel"] {
        fs::create_dir_all(Path::new("/etc").join(directory)).unwrap();
    }
    for (name, mode, text) in FILES {
        let path = Path::new("/etc").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    chown("/etc/shadow", None, Some(SHADOW)).unwrap();
    for name in HOSTS {
        // A host without the file makes a world without it. Copying keeps the mode.
        let _ = fs::copy(host.join("etc").join(name), Path::new("/etc").join(name));
    }
}

/// Writes /etc/pam.d with this line for the module under test.
pub(crate) fn write_services(line: &str) {
    for (name, text) in SERVICES {
        fs::write(Path::new("/etc/pam.d").join(name), text.replace("@MODULE@", line)).unwrap();
    }
}
