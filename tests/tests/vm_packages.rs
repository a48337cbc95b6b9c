//! The Debian packages on a host that boots.

use rtmp_tests::vm::{Image, Ssh, Vm};

const PAM_FILES: &str = "cd /etc/pam.d && sha256sum *";

fn install(vm: &Vm) {
    vm.run("dpkg -i /job/*.deb").ok();
}

/// Which directory /tmp is, and which /var/tmp.
fn directories(ssh: &Ssh) -> String {
    ssh.run("stat -c %d:%i /tmp /var/tmp").ok()
}

mod all {
    use super::*;

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn installing_changes_nobody_s_tmp_and_removing_restores_the_pam_files_byte_for_byte() {
        let vm = Vm::start(Image::Bookworm);
        let before = vm.run(PAM_FILES).ok();
        let host = directories(&vm.ssh("root"));
        install(&vm);
        assert_eq!(vm.run(PAM_FILES).ok(), before);
        assert_eq!(directories(&vm.ssh("alice")), host);
        for profile in ["rtmp", "rtmp-interactive"] {
            vm.run(&format!("pam-auth-update --enable {profile}")).ok();
            assert_ne!(vm.run(PAM_FILES).ok(), before);
            vm.run("dpkg --remove libpam-rtmp rtmpctl").ok();
            assert_eq!(vm.run(PAM_FILES).ok(), before, "{profile}");
            install(&vm);
        }
        vm.run("dpkg --purge libpam-rtmp rtmpctl").ok();
        assert_eq!(vm.run(PAM_FILES).ok(), before);
        assert_eq!(vm.run("ls /usr/lib/x86_64-linux-gnu/security/pam_rtmp.so").status, 2);
    }
}
