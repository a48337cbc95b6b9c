//! What goes wrong on real hosts, and that nobody is locked out who must not be.

use rtmp_tests::vm::{Image, Vm};

fn enabled() -> Vm {
    let vm = Vm::start(Image::Bookworm);
    vm.enable();
    vm.mark();
    vm
}

/// What the module said, in order.
fn said(vm: &Vm) -> Vec<String> {
    let ours = |line: String| line.split_once("pam_rtmp(").map(|(_, rest)| rest.to_owned());
    vm.journal().into_iter().filter_map(ours).collect()
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn a_squatted_parent_stops_nobody_and_the_log_names_who_made_it() {
    let vm = Vm::start(Image::Bookworm);
    vm.enable();
    vm.run("rm -rf /tmp/user_tmpl; runuser -u bob -- mkdir -m 0777 /tmp/user_tmpl").ok();
    vm.mark();
    assert_eq!(vm.ssh("alice").run("whose").ok(), "alice's");
    assert_eq!(vm.run("stat -c '%U %a' /tmp/user_tmpl").ok(), "root 755");
    let squats: Vec<_> =
        said(&vm).into_iter().filter(|line| line.contains("/tmp/user_tmpl")).collect();
    assert_eq!(squats.len(), 1, "{squats:#?}");
    assert!(squats[0].contains("1001"), "{squats:#?}");
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn on_a_full_disk_who_has_an_instance_gets_in_and_so_does_root_and_who_has_none_is_refused() {
    let vm = enabled();
    vm.run("rm -rf /tmp/user_tmpl/1001 /var/tmp/user_tmpl/1001").ok();
    // What fallocate(1) leaves is filled by writing.
    vm.run("fallocate -l $(df --output=avail -B 1 / | tail -n 1) /full; cat /dev/zero >/full.rest")
        .fails();
    assert_eq!(vm.ssh("alice").run("whose").ok(), "alice's");
    vm.ssh("bob").run("whose").fails();
    assert_eq!(vm.ssh("root").run("whose").ok(), "the host's");
    vm.run("rm /full /full.rest").ok();
    assert_eq!(vm.ssh("bob").run("whose").ok(), "an empty one");
    let told = said(&vm);
    assert!(told.iter().any(|line| line.contains("No space left on device (ENOSPC)")), "{told:#?}");
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn after_a_reboot_with_tmp_on_tmpfs_the_parents_are_there_before_the_first_login() {
    let vm = enabled();
    vm.run("cp /usr/share/systemd/tmp.mount /etc/systemd/system/; systemctl enable tmp.mount").ok();
    vm.reboot();
    assert_eq!(vm.run("findmnt -no FSTYPE /tmp").ok(), "tmpfs");
    let parents = "stat -c '%U %a' /tmp/user_tmpl /var/tmp/user_tmpl";
    assert_eq!(vm.run(parents).ok(), "root 755\nroot 755");
    assert_eq!(vm.ssh("alice").run("whose").ok(), "an empty one, alice's");
    let flags = "findmnt -no FSTYPE,OPTIONS /tmp | tail -n 1";
    let seen = vm.ssh("alice").run(flags).ok();
    assert!(seen.starts_with("tmpfs ") && seen.contains("nosuid,nodev"), "{seen}");
    assert_eq!(said(&vm), Vec::<String>::new());
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn what_ages_is_cleaned_out_of_an_instance_and_nothing_around_it() {
    let vm = enabled();
    let mut session = vm.ssh("alice").shell();
    session.sh("mkdir /tmp/dir /var/tmp/dir; touch /tmp/old /var/tmp/old").ok();
    let instances = "/tmp/user_tmpl/1000/tmp /var/tmp/user_tmpl/1000/var-tmp";
    let around = format!("stat -c '%n %i %U %a' /tmp/user_tmpl /tmp/user_tmpl/1000 {instances}");
    let before = vm.run(&around).ok();
    for (days, tmp, var_tmp) in [(9, "old", "old"), (11, "gone", "old"), (40, "gone", "gone")] {
        vm.run(&format!(
            "date -s '+{days} days' && systemd-tmpfiles --clean && date -s '-{days} days'"
        ))
        .ok();
        for (file, expected) in [("/tmp/old", tmp), ("/var/tmp/old", var_tmp)] {
            let found = session.sh(&format!("[ -e {file} ] && echo old || echo gone")).ok();
            assert_eq!(found, expected, "{file} after {days} days");
        }
        assert_eq!(vm.run(&around).ok(), before, "after {days} days");
    }
    session.sh("touch /tmp/new /var/tmp/new").ok();
    vm.ssh("alice").run("ls /tmp/new /var/tmp/new").ok();
}
