//! `rtmpctl enable`, `disable` and `doctor` on a Debian that boots, as an administrator runs them: over
//! ssh, with sudo, with systemd and the kernel's audit sessions.

use rtmp_tests::Shell;
use rtmp_tests::vm::{Image, Vm};

fn installed() -> Vm {
    let vm = Vm::start(Image::Bookworm);
    vm.install();
    vm
}

/// The bytes, owners and modes of all that may change.
fn look(vm: &Vm) -> String {
    vm.run("cd / && find etc/pam.d var/lib/pam -printf '%p %y %m %U:%G %l\\n' | sort; find etc/pam.d var/lib/pam -type f -exec md5sum {} + | sort -k 2").ok()
}

/// Whether a command's login has a mount namespace of its own.
fn is_private(vm: &Vm, user: &str) -> bool {
    vm.ssh(user).run("readlink /proc/self/ns/mnt").ok() != vm.run("readlink /proc/1/ns/mnt").ok()
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn an_administrator_enables_it_and_takes_it_back_byte_for_byte() {
    let vm = installed();
    let before = look(&vm);
    let carol = vm.ssh("carol");
    let said = carol.run("sudo rtmpctl enable --yes --as carol --as alice").ok();
    println!("{said}");
    for line in [
        "  root: opens, whatever namespace.conf says",
        "  carol (named): opens, private",
        "  alice (named): opens, private",
    ] {
        assert!(said.contains(line), "{said}");
    }
    for user in ["alice", "bob", "carol"] {
        assert!(is_private(&vm, user), "{user}");
    }
    assert!(!is_private(&vm, "root"));
    let log = vm.journal();
    let record = "rtmpctl[";
    assert!(
        log.iter().any(|line| line.contains(record) && line.contains("enable by root (uid 0), logged in as carol (uid 1002): /etc/pam.d/common-session")),
        "{log:#?}"
    );
    println!("{}", carol.run("sudo rtmpctl doctor").out);
    println!("{}", carol.run("sudo rtmpctl disable --yes").ok());
    assert_eq!(look(&vm), before);
    assert!(!is_private(&vm, "alice"));
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn with_try_it_goes_by_itself_after_the_login_that_made_it_has_gone() {
    let vm = installed();
    let before = look(&vm);
    let said = vm.ssh("carol").run("sudo rtmpctl enable --yes --try 5").ok();
    println!("{said}");
    assert!(vm.run("systemctl list-timers --all").ok().contains("run-"), "systemd waits");
    vm.run("while grep -q pam_rtmp /etc/pam.d/common-session; do sleep 0.2; done").ok();
    vm.run("while [ -e /var/lib/rtmpctl/enable ]; do sleep 0.2; done").ok();
    assert_eq!(look(&vm), before);
    assert!(
        vm.journal()
            .iter()
            .any(|line| line.contains("disable by root (uid 0), not logged in: not confirmed: "))
    );
}

/// sudo gives its command a session of its own (`use_pty`), so that the login is told by the kernel's
/// audit session.
#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn only_a_new_login_confirms_it() {
    let vm = installed();
    let mut first: Shell = vm.ssh("carol").shell();
    first.sh("sudo rtmpctl enable --yes --try 600").ok();
    let said = first.sh("sudo rtmpctl enable --confirm");
    println!("{}", said.out);
    assert_eq!(said.status, 2, "{said:?}");
    let said = vm.ssh("carol").run("sudo rtmpctl enable --confirm").ok();
    assert!(said.contains("Confirmed: it stays."), "{said}");
    println!("{said}");
}

/// The first of the ways in docs/recovery.md.
#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn with_a_broken_configuration_root_gets_in_and_mends_it() {
    let vm = installed();
    vm.run("rtmpctl enable --yes").ok();
    vm.run("echo '/tmp /tmp/user_tmpl/%{UID} uesr root' > /etc/security/namespace.conf").ok();
    vm.ssh("alice").run("true").fails();
    vm.ssh("carol").run("true").fails();
    let log = vm.journal();
    assert!(
        log.iter().any(|line| line.contains("pam_rtmp(sshd:session): ") && line.contains("uesr")),
        "{log:#?}"
    );
    println!(
        "{}",
        log.iter().filter(|line| line.contains("pam_rtmp")).cloned().collect::<Vec<_>>().join("\n")
    );
    assert_eq!(vm.ssh("root").run("id -un").ok(), "root", "by ssh");
    vm.run("systemctl start serial-getty@ttyS0").ok();
    let mut console = vm.console();
    console.log_in("root");
    assert_eq!(console.run("rtmpctl check").status, 2);
    console.run("rtmpctl disable --yes").ok();
    vm.ssh("alice").run("true").ok();
}
