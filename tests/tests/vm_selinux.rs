//! SELinux that enforces: Debian's `default` policy (MCS) and its `mls`, with the policy module of
//! `packaging/selinux` in it, as the images have it. docs/mls.md shows what these machines print.

use rtmp_tests::vm::{Image, Vm};

const PARENT: &str = "/tmp/tmp-inst";
const PREFIX: &str = "/tmp /tmp/tmp-inst/ level root";
const TEMPLATE: &str = "/tmp /tmp/user_tmpl/%{UID} level:level,root";

/// A host with the module behind `pam_selinux.so open` in sshd's and newrole's stacks, the policy's
/// boolean on, and this configuration.
fn host(image: Image, conf: &str) -> Vm {
    let vm = Vm::start(image);
    if image == Image::SeMls {
        vm.run("setenforce 1 2>&1 | cat").ok();
    }
    vm.run(
        "install -m 0755 /job/rtmpctl /usr/local/sbin/
        install -m 0644 /job/pam_rtmp.so /usr/lib/x86_64-linux-gnu/security/
        ! selinuxenabled || setsebool allow_polyinstantiation=on 2>&1 | cat
        sed -i /pam_namespace/d /etc/pam.d/newrole
        for service in sshd newrole; do
            echo 'session required pam_rtmp.so' >>/etc/pam.d/$service
        done 2>/dev/null",
    )
    .ok();
    configure(&vm, conf);
    vm
}

fn configure(vm: &Vm, conf: &str) {
    vm.run(&format!("echo '{conf}' >/etc/security/namespace.conf")).ok();
}

/// Gives the module in sshd's stack other options, or another module.
fn call(vm: &Vm, module_and_options: &str) {
    let line = format!("session required {module_and_options}");
    vm.run(&format!("sed -i '$s/.*/{line}/' /etc/pam.d/sshd")).ok();
}

fn label(vm: &Vm, path: &str) -> String {
    vm.run(&format!("stat -c %C '{path}'")).ok()
}

/// What is in a directory: context, mode, owner and name of each.
fn listing(vm: &Vm, directory: &str) -> Vec<String> {
    let text = vm.run(&format!("cd {directory} && stat -c '%C %a %U %n' * 2>/dev/null")).out;
    text.lines().map(str::to_owned).collect()
}

/// What the policy denied to the programs that open sessions, in enforcing and in permissive mode.
fn denials(vm: &Vm) -> Vec<String> {
    let log = vm.run("journalctl -b --quiet -o cat _TRANSPORT=audit").ok();
    let opens = |line: &str| ["sshd", "newrole"].iter().any(|p| line.contains(&format!("\"{p}\"")));
    log.lines().filter(|line| line.contains("denied") && opens(line)).map(str::to_owned).collect()
}

/// What the module said, without who said it.
fn said(vm: &Vm) -> Vec<String> {
    let journal = vm.journal();
    let ours = journal.iter().filter_map(|line| line.split_once("pam_rtmp("));
    ours.filter_map(|(_, text)| Some(text.split_once("): ")?.1.to_owned())).collect()
}

/// Runs a command at another level, as newrole(1) does for a user on a terminal. The password is
/// typed until somebody has asked for it.
fn newrole(vm: &Vm, user: &str, level: &str, command: &str) -> String {
    let asked = vm.ssh(user).run(&format!(
        "while sleep 2; do echo secret; done | script -qec 'newrole -l {level} -- -c \"{command}\"' /dev/null"
    ));
    let said = asked.ok().replace('\r', "");
    // The terminal shows what is typed.
    said.lines()
        .filter(|line| !["secret", "Password: "].contains(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn two_levels_of_one_user_are_two_instances_that_cannot_see_each_other() {
    let vm = host(Image::SeDefault, TEMPLATE);
    assert_eq!(vm.ssh("alice").run("touch /tmp/first; ls /tmp").ok(), "first");
    let look = "touch /tmp/second; ls /tmp; stat -c %C /tmp";
    let seen = newrole(&vm, "alice", "s0-s0:c3,c4", look);
    assert!(seen.ends_with("second\nsystem_u:object_r:tmp_t:s0-s0:c3,c4"), "{seen}");
    assert_eq!(vm.ssh("alice").run("ls /tmp").ok(), "first");
    assert_eq!(
        listing(&vm, "/tmp/user_tmpl/1000"),
        [
            "system_u:object_r:tmp_t:s0-s0:c0.c1023 1777 root tmp_system_u:object_r:tmp_t:s0-s0:c0.c1023",
            "system_u:object_r:tmp_t:s0-s0:c3,c4 1777 root tmp_system_u:object_r:tmp_t:s0-s0:c3,c4",
        ]
    );
    assert_eq!(denials(&vm), [""; 0]);
    assert_eq!(said(&vm), [""; 0]);
}

/// The parent as `file_contexts` of our policy module has it, the box like the polydir, no draft left.
#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn everything_that_is_made_is_labelled() {
    let vm = host(Image::SeDefault, TEMPLATE);
    vm.ssh("bob").run("true").ok();
    assert_eq!(label(&vm, "/tmp/user_tmpl"), "system_u:object_r:tmp_t:s0");
    assert_eq!(label(&vm, "/tmp/user_tmpl/1001"), "system_u:object_r:tmp_t:s0");
    assert_eq!(vm.run("find /tmp -name ':rtmp*'").ok(), "");
    // A parent that file_contexts does not know is like the directory above it, not sshd_tmp_t.
    configure(&vm, "/tmp /tmp/elsewhere/ user root\n$HOME/made /tmp/made/ user:create root");
    vm.ssh("bob").run("true").ok();
    assert_eq!(label(&vm, "/tmp/elsewhere"), "system_u:object_r:tmp_t:s0");
    assert_eq!(label(&vm, "/tmp/elsewhere/bob"), "system_u:object_r:tmp_t:s0");
    assert_eq!(label(&vm, "/home/bob/made"), "unconfined_u:object_r:user_home_t:s0");
    assert_eq!(denials(&vm), [""; 0]);
}

/// "names and labels equal to what the distribution's pam_namespace makes for the same configuration"
fn both_make_the_same(image: Image, users: [&str; 2]) {
    let vm = host(image, PREFIX);
    // pam_namespace's newrole and sshd may not run it under every policy.
    vm.run("rm /etc/security/namespace.init").ok();
    for (conf, options) in [
        (PREFIX, ""),
        ("/tmp /tmp/tmp-inst/ context root", ""),
        ("/tmp /tmp/tmp-inst/ user root", ""),
        ("/tmp /tmp/tmp-inst/ level:shared root", ""),
        ("/tmp /tmp/tmp-inst/x- level root", "gen_hash"),
        ("/tmp /tmp/tmp-inst/ level root", "use_default_context"),
        ("/tmp /tmp/tmp-inst/ level root", "use_current_context require_selinux"),
    ] {
        configure(&vm, conf);
        let [theirs, ours] = ["pam_namespace.so", "pam_rtmp.so"].map(|module| {
            call(&vm, &format!("{module} {options}"));
            vm.run(&format!("rm -rf {PARENT}; mkdir -m 000 --context=$(stat -c %C /tmp) {PARENT}"))
                .ok();
            let seen = users.map(|user| vm.ssh(user).run("stat -c '%C %a %U' /tmp").ok());
            (seen, listing(&vm, PARENT))
        });
        assert_eq!(theirs, ours, "{conf} {options}");
    }
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn names_and_labels_are_those_of_pam_namespace() {
    both_make_the_same(Image::SeDefault, ["alice", "bob"]);
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn a_line_before_pam_selinux_refuses_and_names_the_cure() {
    let vm = host(Image::SeDefault, PREFIX);
    vm.run(
        "sed -i '$d' /etc/pam.d/sshd
        echo 'session required pam_rtmp.so' >>/etc/pam.d/common-session",
    )
    .ok();
    vm.ssh("alice").run("true").fails();
    assert_eq!(
        said(&vm),
        [
            "/etc/security/namespace.conf:1:1: the methods level and context need the session's SELinux context, and none is set: in the PAM service, pam_rtmp.so must come after \"pam_selinux.so open\""
        ]
    );
    // By name there is nothing to merge, so the order does not matter.
    configure(&vm, "/tmp /tmp/tmp-inst/ user root");
    assert_eq!(vm.ssh("alice").run("stat -c %C /tmp").ok(), "system_u:object_r:tmp_t:s0");
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn a_permissive_host_is_like_one_that_enforces_and_a_disabled_one_knows_names_only() {
    let vm = host(Image::SeDefault, PREFIX);
    vm.run("setenforce 0 2>&1 | cat").ok();
    let at = "system_u:object_r:tmp_t:s0:c1-s0:c1,c2";
    assert_eq!(vm.ssh("bob").run("stat -c %C /tmp").ok(), at);
    assert_eq!(listing(&vm, PARENT), [format!("{at} 1777 root {at}_bob")]);
    drop(vm);
    let vm = host(Image::Bookworm, PREFIX);
    vm.ssh("bob").run("true").ok();
    assert_eq!(vm.run(&format!("ls {PARENT}")).ok(), "bob");
    call(&vm, "pam_rtmp.so require_selinux");
    vm.ssh("bob").run("true").fails();
    assert_eq!(said(&vm), ["SELinux is required by require_selinux and is disabled"]);
}

/// Without the boolean the policy lets sshd open no such session: refused, and the log says where to
/// look.
#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn what_the_policy_denies_is_refused_and_leaves_nothing() {
    let vm = host(Image::SeDefault, PREFIX);
    vm.run("setsebool allow_polyinstantiation=off 2>&1 | cat").ok();
    vm.ssh("alice").run("true").fails();
    let said = said(&vm);
    assert!(said[0].ends_with("where SELinux is enabled, see ausearch -m avc"), "{said:?}");
    assert_ne!(denials(&vm), [""; 0]);
    vm.run(&format!("test ! -e {PARENT}")).ok();
}

/// The box is the user's, who can rename what is in it, but not make one level's instance another's.
#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn an_instance_under_the_name_of_another_level_is_moved_aside() {
    let vm = host(Image::SeDefault, TEMPLATE);
    vm.ssh("alice").run("touch /tmp/first").ok();
    vm.run(
        "cd /tmp/user_tmpl/1000 && runuser -u alice -- \
        mv 'tmp_system_u:object_r:tmp_t:s0-s0:c0.c1023' 'tmp_system_u:object_r:tmp_t:s0-s0:c3,c4'",
    )
    .ok();
    let seen = newrole(&vm, "alice", "s0-s0:c3,c4", "ls /tmp; stat -c %C /tmp");
    assert!(seen.ends_with("system_u:object_r:tmp_t:s0-s0:c3,c4"), "{seen}");
    assert!(!seen.contains("first"), "{seen}");
    let moved = "not the instance we would have made, moved aside as :rtmp-";
    assert!(said(&vm).iter().any(|line| line.contains(moved)), "{:?}", said(&vm));
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn a_build_without_selinux_makes_nothing_where_selinux_is_enabled() {
    let vm = host(Image::SeDefault, PREFIX);
    let install = "install -m 0644 /job/pam_rtmp-without-selinux.so \
                   /usr/lib/x86_64-linux-gnu/security/pam_rtmp.so";
    vm.run(install).ok();
    vm.ssh("alice").run("true").fails();
    configure(&vm, "/tmp /tmp/tmp-inst/ user root");
    vm.ssh("alice").run("true").fails();
    vm.run(&format!("test ! -e {PARENT}")).ok();
    assert_eq!(
        said(&vm),
        [
            "/etc/security/namespace.conf:1:1: the methods level and context need SELinux support, which this build of pam_rtmp.so lacks, and SELinux is enabled",
            "unable to open instance parent /tmp/tmp-inst: SELinux is enabled, and this build of pam_rtmp.so cannot label what it makes",
        ]
    );
}

#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn explain_names_the_instance_of_a_level() {
    let vm = host(Image::SeDefault, TEMPLATE);
    let explain = |arguments: &str| vm.run(&format!("rtmpctl explain alice {arguments}")).ok();
    assert!(explain("").contains("/tmp is /tmp/user_tmpl/1000/tmp_<context> ("));
    let text = explain("--level s0-s0:c3,c4");
    assert!(
        text.contains("/tmp is /tmp/user_tmpl/1000/tmp_<user:role:type>:s0-s0:c3,c4 ("),
        "{text}"
    );
    let name = "/tmp/user_tmpl/1000/tmp_system_u:object_r:tmp_t:s0-s0:c3,c4";
    assert!(text.contains(&format!("{name}  will be made")), "{text}");
    newrole(&vm, "alice", "s0-s0:c3,c4", "true");
    let text = explain("--level s0-s0:c3,c4");
    assert!(text.contains(&format!("{name}  exists, owner 0, mode 1777")), "{text}");
}

/// A script of the administrator's may give an instance another type; the module would not.
#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn verify_tells_an_instance_with_the_polydirs_context_from_one_without() {
    let vm = host(Image::SeDefault, "/tmp /tmp/tmp-inst/ user:noinit root");
    let verified = vm.run("rtmpctl verify alice bob");
    let kept = "PASS  the SELinux context is the polydir's (alice /tmp)";
    assert!(verified.out.contains(kept), "{verified:?}");
    vm.run(
        "rm -rf /tmp/tmp-inst
        printf '#!/bin/sh\\nchcon -t user_tmp_t \"$1\"\\n' >/etc/security/namespace.init
        chmod 0755 /etc/security/namespace.init",
    )
    .ok();
    configure(&vm, "/tmp /tmp/tmp-inst/ user root");
    let verified = vm.run("rtmpctl verify alice bob");
    let broken = "FAIL  the SELinux context is the polydir's (alice /tmp): \
                  system_u:object_r:user_tmp_t:s0; it must be system_u:object_r:tmp_t:s0";
    assert!(verified.out.contains(broken), "{verified:?}");
    assert_eq!(verified.status, 2);
}

/// Levels of sensitivity: s0 cannot even be looked at as another user's, and s3 has its own.
#[test]
#[ignore = "needs a virtual machine: tests/vm"]
fn two_sensitivities_of_one_user_are_two_instances() {
    let vm = host(Image::SeMls, TEMPLATE);
    let seen = vm.ssh("alice").run("touch /tmp/low; stat -c %C /tmp /tmp/low").ok();
    assert_eq!(seen, "system_u:object_r:tmp_t:s0-s15:c0.c1023\nstaff_u:object_r:user_tmp_t:s0");
    let look = "touch /tmp/high; ls /tmp; stat -c %C /tmp /tmp/high";
    let seen = newrole(&vm, "alice", "s3-s15:c0.c1023", look);
    let want = "high\nsystem_u:object_r:tmp_t:s3-s15:c0.c1023\nstaff_u:object_r:user_tmp_t:s3";
    assert!(seen.ends_with(want), "{seen}");
    assert_eq!(label(&vm, "/tmp/user_tmpl"), "system_u:object_r:tmp_t:s0-s15:c0.c1023");
    assert_eq!(denials(&vm), [""; 0]);
}

mod all {
    use super::*;

    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn names_and_labels_are_those_of_pam_namespace_with_mls() {
        both_make_the_same(Image::SeMls, ["alice", "bob"]);
    }

    /// Files labelled as restorecon(8) would label them; and a tmpfs is the policy's own business.
    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn a_new_home_is_filled_with_labelled_files() {
        let vm = host(Image::SeDefault, "$HOME /tmp/homes/ user root\n/tmp /x/ tmpfs root");
        assert_eq!(
            vm.ssh("bob").run("stat -c '%C %U' ~ ~/.bashrc /tmp").ok(),
            "unconfined_u:object_r:user_home_dir_t:s0 bob\n\
             unconfined_u:object_r:user_home_t:s0 bob\n\
             system_u:object_r:tmpfs_t:s0 root"
        );
        assert_eq!(denials(&vm), [""; 0]);
    }

    /// With all that is in it, by sshd itself.
    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn a_tmpdir_is_removed() {
        let vm = host(Image::SeDefault, "/tmp /tmp/tmp-inst/ tmpdir root");
        vm.ssh("alice").run("mkdir /tmp/d; touch /tmp/d/f; ln -s x /tmp/l; mkfifo /tmp/p").ok();
        vm.run(&format!("for n in $(seq 60); do ls {PARENT} | grep -q . || break; sleep 1; done"))
            .ok();
        assert_eq!(vm.run(&format!("ls {PARENT}")).ok(), "");
        assert_eq!(denials(&vm), [""; 0]);
    }

    /// Each call on which libselinux rests fails once, at the first login of a user: refused, with
    /// nothing half made, or opened with everything as it should be.
    #[test]
    #[ignore = "needs a virtual machine: tests/vm --all"]
    fn every_call_of_libselinux_may_fail() {
        let vm = host(Image::SeDefault, PREFIX);
        vm.run(
            "printf 'session required pam_selinux.so open\\nsession required pam_rtmp.so\\n' \
            >/etc/pam.d/rtmp",
        )
        .ok();
        let (mut refused, mut opened) = (0, 0);
        for (calls, path) in [
            ("openat,read,write", "/proc/thread-self/attr/fscreate"),
            ("openat,read", "/proc/thread-self/attr/exec"),
            ("openat", "/etc/selinux/default/contexts/files/file_contexts.bin"),
            ("getxattr", "/tmp"),
        ] {
            for nth in 1.. {
                vm.run(&format!("rm -rf {PARENT}")).ok();
                let login = vm.run(&format!(
                    "strace -f -qq -o /run/trace -P {path} -e trace={calls} \
                    -e inject={calls}:error=EIO:when={nth} pamtester rtmp alice open_session 2>&1"
                ));
                let trace = vm.run("cat /run/trace").out;
                if !trace.contains("(INJECTED)") {
                    break;
                }
                let made = listing(&vm, PARENT);
                assert_eq!(vm.run("find /tmp -name ':rtmp*'").ok(), "", "{path} {nth}: {trace}");
                match login.status {
                    0 => opened += 1,
                    _ => refused += 1,
                }
                for line in made {
                    let whole = line.split(' ').collect::<Vec<_>>();
                    let [context, mode, owner, name] = whole[..] else { panic!("{line}") };
                    assert_eq!((mode, owner), ("1777", "root"), "{path} {nth}: {line}");
                    assert!(name.starts_with(context), "{path} {nth}: {line}");
                }
            }
        }
        assert!(refused > 8, "{refused} refused, {opened} opened");
    }
}
