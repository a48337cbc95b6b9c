//! Callers and disks at their limits: private or refused, and nothing is left behind.

use nix::mount::MsFlags;
use rtmp_tests::attack::{rounds, within};
use rtmp_tests::examples::{Example, PREFIX, TEMPLATE, TEMPLATES};
use rtmp_tests::figures::report;
use rtmp_tests::programs::su;
use rtmp_tests::{Code, Module, MountTable, Pam, World};

/// Everything that a login must not leave: directories in the making, here or in a box.
fn drafts(w: &World) -> String {
    w.sh("find /tmp /var/tmp /tmp-inst /srv -name ':*' 2>/dev/null; true").ok()
}

fn attempt_in_time(w: &World, user: &str) -> Code {
    let tried = within(10, || Pam::start("rtmp", user).unwrap().open_session());
    tried.unwrap_or_else(|| panic!("a login of {user} hangs: {:#?}", w.said()))
}

/// The instance and its box or parent are what they must be.
fn is_in_order(w: &World, example: Example, user: &str, uid: u32) {
    for place in example.places {
        assert_eq!((w.mode(place.parent), w.owner(place.parent)), (place.parent_mode(), (0, 0)));
        let instance = place.instance_of(user);
        assert_eq!((w.mode(&instance), w.owner(&instance)), (0o1777, (0, 0)), "{instance}");
        if let Some(user_box) = place.box_of(user) {
            assert_eq!((w.mode(&user_box), w.owner(&user_box)), (0o700, (uid, uid)));
        }
    }
    assert_eq!(drafts(w), "");
}

#[test]
fn a_callers_umask_and_a_directorys_group_and_acl_change_no_mode() {
    for example in [TEMPLATES, PREFIX] {
        for umask in [0, 0o022, 0o777] {
            for setup in ["true", "chown root:students /tmp /var/tmp; chmod g+s /tmp /var/tmp"] {
                World::with(Module::Ours).conf(example.conf).run(|w| {
                    w.sh(setup).ok();
                    let polydir = w.mode("/tmp");
                    drop(w.visitor("alice").umask(umask).login());
                    if polydir == 0o1777 {
                        is_in_order(w, example, "alice", 1001);
                    }
                    let place = example.places[0];
                    let instance = place.instance_of("alice");
                    assert_eq!((w.mode(&instance), w.owner(&instance)), (polydir, w.owner("/tmp")));
                    let parent = place.parent;
                    assert_eq!((w.mode(parent), w.owner(parent)), (place.parent_mode(), (0, 0)));
                });
            }
        }
    }
}

/// setrlimit(2) of whoever calls su(1): at every number of descriptors it is private or refused.
#[test]
fn a_caller_with_few_descriptors_is_private_or_refused() {
    for example in [TEMPLATES, PREFIX] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            let mut private = 0;
            for limit in 4..24 {
                w.sh("rm -rf /tmp/* /var/tmp/*; echo shared > /tmp/shared").ok();
                let prlimit = ["prlimit".to_owned(), format!("--nofile={limit}")];
                let said =
                    w.exec(prlimit.into_iter().chain(su("alice", "ls /tmp; stat -c %a /tmp")));
                assert!(!said.out.contains("shared"), "{limit}: {said:?}");
                if said.status == 0 {
                    assert_eq!(said.out, "1777\n");
                    private += 1;
                }
                assert_eq!(drafts(w), "", "{limit}");
            }
            assert!((1..20).contains(&private), "{private} of 20");
        });
    }
}

#[test]
fn a_caller_that_may_write_no_byte_is_private() {
    for example in [TEMPLATES, PREFIX] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            let limited = ["prlimit", "--fsize=0"].map(str::to_owned).into_iter();
            let said = w.exec(limited.chain(su("alice", "ls -A /tmp; stat -c %a /tmp")));
            assert_eq!((said.status, said.out.as_str()), (0, "1777\n"), "{said:?}");
            is_in_order(w, example, "alice", 1001);
        });
    }
}

/// bob fills the disk. Who has an instance gets in; who has none is refused, and nothing is left.
#[test]
fn a_full_disk_refuses_who_has_no_instance_yet_and_leaves_nothing() {
    for example in [TEMPLATE, PREFIX] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            w.sh("mount -t tmpfs -o mode=1777,nr_inodes=64 tmpfs /tmp").ok();
            drop(w.login("alice"));
            w.sh_as(
                "bob",
                "mkdir /tmp/b; i=0; while touch /tmp/b/$i; do i=$((i+1)); done 2>/dev/null; true",
            )
            .ok();
            drop(w.login("alice"));
            for free in 0..4 {
                let carol = w.attempt("carol");
                assert_eq!(drafts(w), "", "with {free} inodes free");
                if carol.code == Code::SUCCESS {
                    assert!(free > 0);
                    is_in_order(w, example, "carol", 1003);
                    return;
                }
                assert_eq!(carol.before, carol.after);
                let words = carol.log[0].words();
                assert!(words.ends_with("No space left on device (ENOSPC)"), "{words}");
                w.sh(&format!("rm /tmp/b/{free}")).ok();
            }
            panic!("carol is refused with 4 inodes free");
        });
    }
}

#[test]
fn a_disk_that_cannot_be_written_refuses_who_has_no_instance_yet() {
    for example in [TEMPLATE, PREFIX] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            w.mount_tmpfs("/tmp", MsFlags::empty());
            drop(w.login("alice"));
            w.sh("mount -o remount,ro /tmp").ok();
            let options =
                w.login("alice").after.mounts().top_at("/tmp").unwrap().super_options.clone();
            assert_eq!(options[0], "ro");
            let carol = w.attempt("carol");
            assert_eq!((carol.code, &carol.before), (Code::SESSION_ERR, &carol.after));
            assert!(carol.log[0].words().ends_with("Read-only file system (EROFS)"));
        });
    }
}

#[test]
fn ten_thousand_mounts_change_nothing() {
    World::with(Module::Ours).conf(TEMPLATES.conf).run(|w| {
        // Doubling, so that making them does not take the test's time.
        let mounts = if rounds(1) > 1 { 14 } else { 10 };
        w.sh("mkdir /srv/m; mount --bind --make-private /srv/m /srv/m; mkdir /srv/m/a /srv/m/b; mount -t tmpfs t /srv/m/a").ok();
        for n in 0..mounts {
            w.sh(&format!("mkdir -p /srv/m/a/{n} && mount --rbind /srv/m/a /srv/m/a/{n}")).ok();
        }
        let host = MountTable::here().0.len();
        assert!(host > 1 << mounts, "{host}");
        let alice = w.login("alice");
        assert_eq!(alice.after.mounts().0.len(), host + 2);
        assert_eq!(MountTable::here().0.len(), host);
        println!("a login with {host} mounts");
    });
}

/// bob holds what he can hold on what he can open: locks, and leases on files of his own.
#[test]
fn locks_of_others_block_nobody() {
    for example in [TEMPLATE, PREFIX] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            drop(w.login("alice"));
            for path in [
                example.places[0].parent,
                "/tmp",
                "/etc/security/namespace.conf",
                "/etc/passwd",
                "/",
            ] {
                w.sh_as(
                    "bob",
                    &format!("setsid flock {path} sleep 60 >/dev/null 2>&1 & sleep 0.02"),
                )
                .ok();
            }
            for user in ["alice", "bob", "carol"] {
                assert_eq!(attempt_in_time(w, user), Code::SUCCESS, "{:#?}", w.said());
            }
        });
    }
}

/// A login that is killed at any moment leaves nothing that keeps the next one out.
#[test]
fn logins_that_are_killed_keep_nobody_out() {
    for example in [TEMPLATES, PREFIX] {
        let (logins, left) = World::with(Module::Ours).conf(example.conf).run(|w| {
            let logins = rounds(100).min(1500);
            let mut left = 0_u32;
            for n in 0..logins {
                w.sh("rm -rf /tmp/* /var/tmp/*").ok();
                let login = rtmp_tests::process::start(|| {
                    Pam::start("rtmp", "alice").unwrap().open_session()
                });
                std::thread::sleep(std::time::Duration::from_micros(u64::from(n % 50) * 40));
                login.kill();
                left += u32::from(!drafts(w).is_empty());
                assert_eq!(attempt_in_time(w, "alice"), Code::SUCCESS, "{:#?}", w.said());
                let instance = example.places[0].instance_of("alice");
                assert_eq!((w.mode(&instance), w.owner(&instance)), (0o1777, (0, 0)));
            }
            (logins, left)
        });
        report(&format!("{logins} logins killed, {left} directories in the making left"));
    }
}
