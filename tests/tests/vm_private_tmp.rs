//! systemd's `PrivateTmp=` where users' sessions are: sshd with one, and a unit that is itself a session.

use rtmp_tests::vm::{Image, Vm};

/// Enables it on a host where sshd has a private `/tmp`, which is said.
fn with_sshd_in_a_tmp_of_its_own() -> Vm {
    let vm = Vm::start(Image::Bookworm);
    vm.install();
    vm.run("mkdir /etc/systemd/system/ssh.service.d").ok();
    vm.write(DROP_IN, "[Service]\nPrivateTmp=yes");
    vm.run("systemctl daemon-reload; systemctl restart ssh").ok();
    let said = vm.run("rtmpctl enable --yes").ok();
    assert!(said.contains(&format!("note: {DROP_IN}:2: {FINDING}")), "{said}");
    vm
}

const DROP_IN: &str = "/etc/systemd/system/ssh.service.d/private.conf";

const FINDING: &str = "ssh.service has PrivateTmp=yes: its sessions share the service's own /tmp, \
                       and lose it when it is restarted";

/// Starts a unit that opens alice's session, as a kiosk does: its exit status, and whose `/tmp` it has.
fn kiosk(vm: &Vm, line: &str) -> String {
    vm.write(
        "/etc/systemd/system/kiosk.service",
        &format!(
            "[Service]\nType=oneshot\nUser=alice\nPAMName=login\n{line}\n\
             StandardOutput=truncate:/run/kiosk\nExecStart=whose"
        ),
    );
    vm.run("rm -f /run/kiosk; systemctl daemon-reload; systemctl start kiosk");
    vm.run("systemctl show -P ExecMainStatus kiosk; [ ! -e /run/kiosk ] || cat /run/kiosk").ok()
}

/// systemd makes the directory in the host's `/tmp`, opens the session, in whose mount namespace that is
/// covered, and looks for it there.
#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn a_session_of_a_unit_starts_without_private_tmp_and_doctor_says_so() {
    let vm = Vm::start(Image::Bookworm);
    vm.enable();
    vm.mark();
    assert_eq!(kiosk(&vm, "PrivateTmp=yes"), "226");
    let doctor = vm.run("rtmpctl doctor").out;
    let finding = "kiosk.service has PAMName=login and PrivateTmp=yes: where that session has a /tmp \
                   of pam_rtmp.so, the service does not start (226/NAMESPACE)";
    assert!(doctor.contains(finding), "{doctor}");
    let list = vm.run("rtmpctl privatetmp list kiosk").ok();
    let unsafe_ = "UNSAFE: it is a session itself (PAMName=login), and does not start with one";
    assert!(list.contains(unsafe_), "{list}");

    let (leave, instead) =
        ("leave PrivateTmp= out", "TemporaryFileSystem=/tmp:mode=1777 /var/tmp:mode=1777");
    assert!(doctor.contains(leave) && doctor.contains(instead), "{doctor}");
    assert_eq!(kiosk(&vm, ""), "0\nalice's");
    assert_eq!(kiosk(&vm, instead), "0\nan empty one");
    assert!(!vm.run("rtmpctl doctor").out.contains("kiosk"));
}

mod all {
    use super::*;

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn with_sshd_in_a_tmp_of_its_own_users_have_another_tmp_there_and_lose_it_when_sshd_is_restarted()
     {
        let vm = with_sshd_in_a_tmp_of_its_own();
        let everywhere = "tee /tmp/whose /var/tmp/whose";
        vm.run(&format!("echo \"the host's\" | {everywhere}")).ok();
        vm.run(&format!("su - alice -c 'echo hers | {everywhere}'")).ok();

        // Private it is, each user's own, but not the one that alice has elsewhere.
        let mut alice = vm.ssh("alice").shell();
        assert_eq!(alice.sh("ls -A /tmp /var/tmp").ok(), "/tmp:\n\n/var/tmp:");
        alice.sh("echo 'by ssh' >/tmp/whose").ok();
        assert_eq!(vm.ssh("alice").run("cat /tmp/whose").ok(), "by ssh");
        vm.ssh("bob").run("cat /tmp/whose").fails();
        assert_eq!(vm.run("su - alice -c 'cat /tmp/whose'").ok(), "hers");
        // Also root's: exempt means sshd's.
        vm.ssh("root").run("cat /tmp/whose").fails();

        vm.run("systemctl restart ssh").ok();
        alice.sh("cat /tmp/whose").fails();
        alice.sh("touch /tmp/file").fails();
        vm.ssh("alice").run("cat /tmp/whose").fails();
        assert_eq!(vm.run("su - alice -c 'cat /tmp/whose'").ok(), "hers");
    }

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn rtmpctl_names_sshd_s_private_tmp_and_leaves_it_to_whoever_wrote_it_and_the_cure_works() {
        let vm = with_sshd_in_a_tmp_of_its_own();
        vm.mark();
        let doctor = vm.run("rtmpctl doctor");
        assert_eq!(doctor.status, 2);
        assert!(doctor.out.contains(FINDING), "{}", doctor.out);

        let list = vm.run("rtmpctl privatetmp list ssh").ok();
        let unsafe_ = "UNSAFE: it lets users in, whose sessions would all share it";
        assert!(list.contains(unsafe_), "{list}");
        vm.run("rtmpctl privatetmp verify ssh").ok();
        for (command, why) in [
            ("enable ssh", "refused: it lets users in, whose sessions would all share it"),
            ("disable ssh", "refused: its PrivateTmp= is not from rtmpctl; see "),
        ] {
            let said = vm.run(&format!("rtmpctl privatetmp {command}"));
            assert_eq!(said.status, 2, "{said:?}");
            assert!(said.out.contains(why), "{said:?}");
        }

        let cure = "set PrivateTmp=no there, systemctl daemon-reload, and restart ssh.service";
        assert!(doctor.out.contains(cure), "{}", doctor.out);
        vm.write(DROP_IN, "[Service]\nPrivateTmp=no");
        vm.run("systemctl daemon-reload; systemctl restart ssh").ok();
        assert!(!vm.run("rtmpctl doctor").out.contains("PrivateTmp"));
        vm.mark();
        assert_eq!(vm.run("su - alice -c whose").ok(), "alice's");
    }
}
