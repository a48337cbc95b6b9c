//! What an administrator does to a machine before the tests begin.

use super::Vm;

/// Two templates, as README.md has them.
pub const CONF: &str = "/tmp     /tmp/user_tmpl/%{UID}     level:level,root\n\
                        /var/tmp /var/tmp/user_tmpl/%{UID} level:level,root\n";

const INSTALL: &str = "\
install -m 0644 /job/pam_rtmp.so /usr/lib/x86_64-linux-gnu/security/ &&
install -m 0755 /job/rtmpctl /usr/sbin/ &&
install -m 0644 /job/rtmp /job/rtmp-interactive /usr/share/pam-configs/ &&
install -m 0644 /job/pam_rtmp.conf /usr/lib/tmpfiles.d/";

/// Whose /tmp and /var/tmp a session has: tells by the file `whose` in each.
const WHOSE: &str = r#"#!/bin/sh
tmp=$(cat /tmp/whose 2>/dev/null || echo 'an empty one')
var_tmp=$(cat /var/tmp/whose 2>/dev/null || echo 'an empty one')
[ "$tmp" = "$var_tmp" ] || tmp="$tmp, $var_tmp"
echo "$tmp"
"#;

impl Vm {
    /// Puts what was built where the packages put it, and [`CONF`] where the module looks for it.
    pub fn install(&self) {
        self.run(INSTALL).ok();
        self.write("/etc/security/namespace.conf", CONF);
    }

    /// The same, and switches the module on for every session.
    pub fn enable(&self) {
        self.install();
        self.run("pam-auth-update --enable rtmp").ok();
    }

    /// Writes a file, as root.
    pub fn write(&self, path: &str, text: &str) {
        self.run(&format!("cat >'{path}' <<'END OF TEXT'\n{text}\nEND OF TEXT")).ok();
    }

    /// Puts the file `whose` into the host's /tmp and /var/tmp and into those of alice, bob and carol,
    /// and the program `whose`, which says whose a session has.
    pub fn mark(&self) {
        self.write("/usr/bin/whose", WHOSE);
        let everywhere = "tee /tmp/whose /var/tmp/whose";
        self.run(&format!("chmod 0755 /usr/bin/whose; echo \"the host's\" | {everywhere}")).ok();
        for user in ["alice", "bob", "carol"] {
            self.ssh(user).run(&format!("echo \"{user}'s\" | {everywhere}")).ok();
        }
    }
}
