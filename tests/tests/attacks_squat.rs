//! Nobody keeps others out by what lies in sticky /tmp where the module wants its own directory.

use rtmp_tests::examples::{PREFIX, TEMPLATE, TEMPLATES};
use rtmp_tests::{Code, Module, World};

/// Root's things that a user may put into /tmp: rename(2) asks for nothing of a file, and of a
/// directory only that one may write it.
#[test]
fn a_squat_that_is_roots_keeps_nobody_out() {
    for example in [TEMPLATE, PREFIX] {
        let parent = example.places[0].parent;
        for (made_by_root, what) in [
            ("echo > ~alice/.lesshst", "file"),
            ("ln -s /etc ~alice/.lesshst", "link"),
            ("ln -s /srv ~alice/.lesshst", "link"),
            ("mkdir -m 1777 ~alice/.lesshst", "directory"),
            ("mkfifo ~alice/.lesshst", "fifo"),
        ] {
            World::with(Module::Ours).conf(example.conf).run(|w| {
                w.sh(made_by_root).ok();
                w.sh_as("alice", &format!("mv ~/.lesshst {parent}")).ok();
                let bob = w.attempt("bob");
                assert_eq!(bob.code, Code::SUCCESS, "root's {what}: {:#?}", w.said());
            });
        }
    }
}

/// A user's instance is root's and the user's box is not, so the user can carry the instance away.
#[test]
fn an_instance_that_its_user_carried_into_the_parents_place_keeps_nobody_out() {
    World::with(Module::Ours).conf(TEMPLATES.conf).run(|w| {
        drop(w.login("alice"));
        // What a tmpfs or tmpfiles.d does to /tmp at boot.
        w.sh("rm -rf /tmp/user_tmpl").ok();
        w.sh_as("alice", "mv /var/tmp/user_tmpl/1001/var-tmp /tmp/user_tmpl").ok();
        let bob = w.attempt("bob");
        assert_eq!(bob.code, Code::SUCCESS, "{:#?}", w.said());
    });
}
