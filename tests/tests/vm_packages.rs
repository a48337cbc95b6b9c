//! The Debian packages on a host that boots: installed, upgraded and removed, also under the feet of
//! users who are logged in.

use rtmp_tests::Shell;
use rtmp_tests::vm::{CONF, Image, Ssh, Vm};

const MODULE: &str = "/usr/lib/x86_64-linux-gnu/security/pam_rtmp.so";

/// The same packages, a version later.
const NEXT: &str = r#"
mkdir /run/next && cd /run/next
for deb in /job/*.deb; do
    dpkg-deb --raw-extract "$deb" tree
    sed -i 's/^Version: .*/&+next/; s/rtmpctl (= \([^)]*\))/rtmpctl (= \1+next)/' tree/DEBIAN/control
    dpkg-deb -Zgzip --build tree . && rm -r tree
done"#;

fn install(vm: &Vm) {
    vm.run("dpkg -i /job/*.deb").ok();
}

/// PAM's files: bytes, owners, modes.
fn pam_files(vm: &Vm) -> String {
    vm.run("cd /etc/pam.d && sha256sum * && stat -c '%n %a %U:%G' *").ok()
}

/// Which directory /tmp is, and which /var/tmp.
fn directories(ssh: &Ssh) -> String {
    ssh.run("stat -c %d:%i /tmp /var/tmp").ok()
}

/// Two users at work, each with a program that does not end before they do.
struct Logins([(&'static str, Shell); 2]);

impl Logins {
    fn begin(vm: &Vm) -> Self {
        let mut logins = Logins(["alice", "bob"].map(|user| (user, vm.ssh(user).shell())));
        for (_, shell) in &mut logins.0 {
            shell.sh("echo begun >/tmp/work; tail -f /tmp/work >/dev/null & job=$!").ok();
        }
        logins
    }

    /// They see their own directories, keep what they had there, write, and start programs.
    fn work(&mut self) {
        for (user, shell) in &mut self.0 {
            assert_eq!(shell.sh("whose").ok(), format!("{user}'s"));
            assert_eq!(shell.sh("cat /tmp/work").ok(), "begun");
            shell
                .sh("seq 1000 | sort -R -T /var/tmp >/tmp/sorted && mv /tmp/sorted /tmp/kept")
                .ok();
            assert_eq!(shell.sh("wc -l </tmp/kept").ok(), "1000");
            shell.sh("kill -0 $job && systemd-run --user --quiet --wait true").ok();
        }
    }

    /// They log out, and nothing of them is left, nor an error in the log.
    fn end(self, vm: &Vm) {
        for (user, mut shell) in self.0 {
            shell.sh("kill $job").ok();
            assert_eq!(shell.exit(), 0, "{user}");
            vm.run(&format!(
                "until ! loginctl --no-legend list-sessions | grep -w {user}; do sleep 0.2; done"
            ))
            .ok();
        }
        let complaints = vm.run("journalctl -b -o cat | grep -i 'pam_rtmp\\|PAM .*faulty'");
        assert_eq!(complaints.out, "");
    }
}

mod all {
    use super::*;

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn installing_changes_nobody_s_tmp_and_removing_restores_the_pam_files_byte_for_byte() {
        let vm = Vm::start(Image::Bookworm);
        let before = pam_files(&vm);
        let host = directories(&vm.ssh("root"));
        install(&vm);
        assert_eq!(pam_files(&vm), before);
        assert_eq!(directories(&vm.ssh("alice")), host);
        for profile in ["rtmp", "rtmp-interactive"] {
            vm.run(&format!("pam-auth-update --enable {profile}")).ok();
            assert_ne!(pam_files(&vm), before);
            vm.run("dpkg --remove libpam-rtmp rtmpctl").ok();
            assert_eq!(pam_files(&vm), before, "{profile}");
            install(&vm);
        }
        vm.run("dpkg --purge libpam-rtmp rtmpctl").ok();
        assert_eq!(pam_files(&vm), before);
        assert_eq!(vm.run(&format!("ls {MODULE} /var/lib/rtmpctl")).out, "");
    }

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn users_who_are_logged_in_notice_no_upgrade_and_no_removal_on_debian_12() {
        under_their_feet(Image::Bookworm);
    }

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn users_who_are_logged_in_notice_no_upgrade_and_no_removal_on_debian_13() {
        under_their_feet(Image::Trixie);
    }

    fn under_their_feet(image: Image) {
        let vm = Vm::start(image);
        let before = pam_files(&vm);
        vm.run(NEXT).ok();
        // By a profile, and by lines in the services' own files.
        for enable in ["--non-interactive", "--services sshd,systemd-user"] {
            install(&vm);
            vm.write("/etc/security/namespace.conf", CONF);
            vm.run(&format!("rtmpctl enable --yes {enable}")).ok();
            vm.mark();
            let enabled = pam_files(&vm);
            let mut logins = Logins::begin(&vm);
            logins.work();

            let module = vm.run(&format!("stat -c %i {MODULE}")).ok();
            vm.run("dpkg -i /run/next/*.deb").ok();
            assert_ne!(vm.run(&format!("stat -c %i {MODULE}")).ok(), module, "it is another file");
            assert_eq!(pam_files(&vm), enabled);
            logins.work();
            for user in ["alice", "bob"] {
                assert_eq!(
                    vm.ssh(user).run("whose; cat /tmp/work").ok(),
                    format!("{user}'s\nbegun")
                );
            }

            vm.run("dpkg --remove libpam-rtmp").ok();
            assert_eq!(pam_files(&vm), before, "{enable}");
            vm.run(&format!("test ! -e {MODULE}")).ok();
            logins.work();
            for user in ["alice", "bob", "carol", "root"] {
                assert_eq!(vm.ssh(user).run("whose").ok(), "the host's");
            }
            logins.work();
            logins.end(&vm);
        }
        vm.run("dpkg --purge libpam-rtmp rtmpctl").ok();
        assert_eq!(pam_files(&vm), before);
        assert_eq!(vm.run(&format!("ls {MODULE} /var/lib/rtmpctl")).out, "");
    }

    /// Else the next login would look for the module in vain, and be refused.
    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn a_package_whose_module_is_called_from_elsewhere_stays() {
        let vm = Vm::start(Image::Bookworm);
        install(&vm);
        vm.run("mkdir -p /usr/lib/pam.d; cp /etc/pam.d/su /usr/lib/pam.d/kiosk").ok();
        vm.run("echo 'session required pam_rtmp.so' >>/usr/lib/pam.d/kiosk").ok();
        let said = vm.run("dpkg --remove libpam-rtmp");
        assert_eq!(said.status, 1);
        assert!(said.out.contains("service kiosk still calls pam_rtmp.so"), "{said:?}");
        vm.run(&format!("test -e {MODULE}")).ok();
        vm.run("rm /usr/lib/pam.d/kiosk; dpkg --remove libpam-rtmp").ok();
    }
}
