//! What the other tests of virtual machines rely on.

use rtmp_tests::vm::{Image, Vm};

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn a_machine_has_its_own_kernel_and_the_job_and_everything_runs() {
    let vm = Vm::start(Image::Bookworm);
    assert_eq!(vm.run("systemctl is-system-running").ok(), "running");
    assert_ne!(
        vm.run("uname -r").ok(),
        std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim()
    );
    vm.run("test -s /job/pam_rtmp.so && test -x /job/rtmpctl").ok();
    let told = vm.run("echo out; echo err >&2; exit 3");
    assert_eq!((told.status, &*told.out, &*told.err), (3, "out\n", "err\n"));
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn users_come_in_by_ssh_with_key_and_password_and_stay() {
    let vm = Vm::start(Image::Bookworm);
    for user in ["root", "alice", "bob", "carol"] {
        assert_eq!(vm.ssh(user).run("id -un").ok(), user);
    }
    assert_eq!(vm.ssh("alice").password("secret").run("id -un").ok(), "alice");
    vm.ssh("alice").password("wrong").run("true").fails();
    let mut shell = vm.ssh("bob").shell();
    shell.sh("cd /usr; here=$PWD").ok();
    assert_eq!(shell.sh("echo $here $PWD").ok(), "/usr /usr");
    assert!(vm.journal().iter().any(|line| line.contains("Accepted password for alice")));
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn there_is_no_way_out() {
    let vm = Vm::start(Image::Bookworm);
    for host in ["10.0.2.2", "192.0.2.1"] {
        vm.run(&format!("timeout 20 bash -c ': </dev/tcp/{host}/22'")).fails();
    }
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn a_user_logs_in_on_the_console() {
    let vm = Vm::start(Image::Bookworm);
    vm.run("systemctl start serial-getty@ttyS0").ok();
    let mut console = vm.console();
    console.log_in("alice");
    let said = console.run("echo $((20 + 3))-$(id -un); (exit 3)");
    assert!(said.status == 3 && said.out.contains("23-alice"), "{said:?}");
    console.log_out();
    console.log_in("root");
    assert_eq!(console.run("test $(id -u) = 0").status, 0);
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn what_is_on_the_disk_survives_a_reboot_and_a_machine_forgets_it() {
    let vm = Vm::start(Image::Bookworm);
    vm.run("echo kept > /root/file; echo lost > /run/file").ok();
    vm.reboot();
    assert_eq!(vm.run("cat /root/file; ls /run/file").out, "kept\n");
    drop(vm);
    Vm::start(Image::Bookworm).run("ls /root/file").fails();
}
