//! What users mount, with real FUSE: nobody is kept out, nothing hangs, and what it claims to be
//! root's is not believed.

use rtmp_tests::attack::within;
use rtmp_tests::examples::{PREFIX, TEMPLATE};
use rtmp_tests::fuse::{Claim, Daemon, Fuse};
use rtmp_tests::{Code, Module, MountTable, Pam, World};

fn in_time(what: &str, act: impl FnOnce() -> Code) -> Code {
    within(10, act).unwrap_or_else(|| panic!("{what} hangs"))
}

fn login(user: &str) -> Code {
    in_time("a login", || Pam::start("rtmp", user).unwrap().open_session())
}

/// fusermount3(1) mounts on files, too.
#[test]
fn a_file_system_on_a_squat_keeps_nobody_out() {
    for example in [TEMPLATE, PREFIX] {
        for squat in ["mkdir", "touch"] {
            for daemon in [Daemon::Mute, Daemon::Liar(&[])] {
                World::with(Module::Ours).conf(example.conf).run(|w| {
                    let parent = example.places[0].parent;
                    w.sh_as("bob", &format!("{squat} {parent}")).ok();
                    let _fuse = Fuse::mount("bob", parent, daemon);
                    assert_eq!(
                        login("alice"),
                        Code::SUCCESS,
                        "{squat}, {daemon:?}: {:#?}",
                        w.said()
                    );
                });
            }
        }
    }
}

/// alice's file system over her home says that it is root's, with root's link to another place.
#[test]
fn a_file_system_over_a_home_is_not_believed() {
    const CLAIMS: &[Claim] = &[
        Claim { name: "work", mode: 0o120777, target: "/srv/target" },
        Claim { name: ".inst", mode: 0o120777, target: "/srv/hidden" },
    ];
    for conf in ["$HOME/work /srv/inst/ user root\n", "/srv/data $HOME/.inst/ user root\n"] {
        World::with(Module::Ours).conf(conf).run(|w| {
            w.sh("mkdir -m 755 /srv/target /srv/data; mkdir -m 0 /srv/hidden").ok();
            let _fuse = Fuse::mount("alice", "/home/alice", Daemon::Liar(CLAIMS));
            let mut pam = Pam::start("rtmp", "alice").unwrap();
            let code = pam.open_session();
            let table = MountTable::here();
            assert!(
                table.top_at("/srv/target").is_none(),
                "{code:?}: alice chose what is covered: {table:?}"
            );
            assert!(
                !w.exists("/srv/hidden/alice"),
                "{code:?}: alice chose where root made a directory"
            );
        });
    }
}

/// alice mounts in her session, over her own directory there, what never answers.
#[test]
fn a_close_does_not_wait_for_a_users_file_system() {
    for (method, args) in [("user", "unmount_on_close"), ("tmpdir", "")] {
        World::with(Module::Ours)
            .conf(&format!("$HOME/work /srv/inst/ {method} root\n"))
            .args(args)
            .run(|w| {
                w.sh_as("alice", "mkdir ~/work").ok();
                let code = in_time("a close", || {
                    let mut pam = Pam::start("rtmp", "alice").unwrap();
                    assert_eq!(pam.open_session(), Code::SUCCESS);
                    let fuse = Fuse::mount("alice", "/home/alice/work", Daemon::Mute);
                    let code = pam.close_session();
                    drop(fuse);
                    code
                });
                assert_eq!(code, Code::SUCCESS);
            });
    }
}
