//! The end of a session: root removes what the session made, and nothing else, and comes to an end.

use std::fs;
use std::time::{Duration, Instant};

use rtmp_tests::process::{patience, start};
use rtmp_tests::{Code, Module, World};

/// alice puts a directory of her own, with one of bob's in it, in the place of the temporary
/// instance, whose parent lies in her home.
#[test]
fn nothing_but_the_sessions_own_directory_is_removed_at_close() {
    World::with(Module::Ours).conf("/srv/data $HOME/.inst/ tmpdir root\n").run(|w| {
        w.mkdir("/srv/data", 0o1777, (0, 0));
        w.sh("chmod 755 ~alice").ok();
        let alice = w.login("alice");
        let root = alice.after.mounts().top_at("/srv/data").unwrap().root.clone();
        let name = root.rsplit_once('/').unwrap().1.to_owned();
        w.sh_as("alice", "mkdir -m 777 ~/open").ok();
        w.sh_as("bob", "mkdir ~alice/open/bobs && echo his > ~alice/open/bobs/file").ok();
        w.sh_as("alice", "rm -r ~/open 2>/dev/null").fails();
        let swap = format!("cd && mv .inst .old && mkdir .inst && mv open .inst/{name}");
        w.sh_as("alice", &swap).ok();
        assert_eq!(alice.close(), Code::SUCCESS);
        assert_eq!(
            w.sh("find ~alice -name file").ok(),
            format!("/home/alice/.inst/{name}/bobs/file")
        );
    });
}

/// alice keeps making directories in directories while root removes her temporary instance.
#[test]
fn a_close_ends_although_the_directory_keeps_growing() {
    World::with(Module::Ours).conf("/srv/data /srv/inst/ tmpdir root\n").run(|w| {
        w.mkdir("/srv/data", 0o1777, (0, 0));
        let alice = w.login("alice");
        alice.sh("cd /srv/data; (while :; do mkdir -p $RANDOM/a/b/c; done) >/dev/null 2>&1 &").ok();
        alice
            .sh("cd /srv/data; (while :; do mkdir -p x$RANDOM/a/b/c; done) >/dev/null 2>&1 &")
            .ok();
        std::thread::sleep(Duration::from_millis(50));
        let begin = Instant::now();
        let closing = start(|| {
            let code = alice.close_session();
            fs::write("/run/closed", "").unwrap();
            code
        });
        while !w.exists("/run/closed") {
            assert!(
                begin.elapsed() < Duration::from_secs(patience(20).into()),
                "a close goes on for ever"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(closing.join(), Code::SUCCESS);
        println!("closed after {:?}", begin.elapsed());
    });
}

/// alice's working directory is gone; what lies above it is the shared /tmp.
#[test]
fn a_working_directory_that_is_gone_is_no_way_into_the_shared_one() {
    World::with(Module::Ours).conf("/tmp /tmp-inst/ user root\n").run(|w| {
        w.sh("mkdir /tmp/gone").ok();
        let leave = || fs::remove_dir("/tmp/gone").unwrap();
        let session = w.visitor("alice").cwd("/tmp/gone").first(leave).login();
        w.sh("echo shared > /tmp/shared").ok();
        let seen = session.sh("ls -A .. 2>&1");
        assert!(!seen.out.contains("shared"), "{seen:?}");
    });
}

/// bob owns what everybody has an own version of, in a place where owners rename. With his name for
/// it goes alice's mount, in every namespace; nothing that a module could do holds a name there. The
/// place is the administrator's choice, as for `pam_namespace`, so nobody is refused: the log says
/// at each login who can do what.
#[test]
fn who_owns_a_polydir_in_a_place_like_tmp_can_end_its_privacy_and_is_named() {
    for module in [Module::Ours, Module::Theirs] {
        World::with(module).conf("/tmp/of-bob /srv/box/ user root\n").run(|w| {
            w.mkdir("/srv/box", 0, (0, 0));
            w.sh_as("bob", "mkdir /tmp/of-bob && chmod 777 /tmp/of-bob").ok();
            let alice = w.login("alice");
            alice.sh("echo hers > /tmp/of-bob/file").ok();
            w.sh_as("bob", "cat /tmp/of-bob/file").fails();
            w.sh_as("bob", "mv /tmp/of-bob /tmp/x; mkdir /tmp/of-bob; chmod 777 /tmp/of-bob").ok();
            alice.sh("echo hers > /tmp/of-bob/file").ok();
            assert_eq!(w.sh_as("bob", "cat /tmp/of-bob/file").ok(), "hers");
            if module == Module::Ours {
                let named = "/tmp/of-bob: belongs to uid 1002, who can rename it and so end its \
                             privacy";
                assert_eq!(w.said(), [named]);
            }
            w.login("bob");
            assert_eq!(w.said().len(), usize::from(module == Module::Ours), "bob's own");
        });
    }
}
