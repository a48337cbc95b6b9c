//! Hard links: a file of root's or of bob's under a name where root opens, makes, moves or removes.
//! alice makes it herself: link(2) asks, where `fs.protected_hardlinks` is set, for no more than
//! that she may read and write the file.

use rtmp_tests::examples::{PREFIX, TEMPLATE};
use rtmp_tests::{Code, Module, World};

/// Somebody else's files, that everybody may write.
const FILES: [&str; 2] = ["/srv/shared/roots", "/srv/shared/bobs"];

fn share(w: &World) {
    w.sh("mkdir -m 755 /srv/shared && cd /srv/shared && echo theirs | tee roots bobs").ok();
    w.sh("cd /srv/shared && chown bob:bob bobs && chmod 666 *").ok();
}

/// Number, type and mode, owner, group, size, times and contents.
fn likeness(w: &World, file: &str) -> String {
    w.sh(&format!("stat -c '%i %f %u %g %s %y' {file} && cat {file}")).ok()
}

fn names(w: &World, file: &str) -> String {
    w.sh(&format!("stat -c %h {file}")).ok()
}

#[test]
fn what_is_linked_into_roots_way_is_neither_changed_nor_removed() {
    const BOX: &str = "/tmp/user_tmpl/1001";
    for (conf, place, code) in [
        (TEMPLATE.conf, "/tmp/user_tmpl", Code::SUCCESS),
        (PREFIX.conf, "/tmp/tmp-inst", Code::SUCCESS),
        (TEMPLATE.conf, "/tmp/user_tmpl/1001/tmp", Code::SUCCESS),
        ("$HOME/work /srv/inst/ user root\n", "/home/alice/work", Code::SESSION_ERR),
        ("$HOME/work /srv/inst/ user:create root\n", "/home/alice/work", Code::SESSION_ERR),
        ("$HOME/work /srv/inst/ tmpfs:create root\n", "/home/alice/work", Code::SESSION_ERR),
        ("/srv/data $HOME/.inst/ user root\n", "/home/alice/.inst", Code::SESSION_ERR),
        ("/srv/data $HOME/.inst/ tmpdir root\n", "/home/alice/.inst", Code::SESSION_ERR),
        ("/srv/data $HOME/.inst/%{UID} user root\n", "/home/alice/.inst", Code::SESSION_ERR),
    ] {
        for file in FILES {
            World::with(Module::Ours).conf(conf).run(|w| {
                w.mkdir("/srv/data", 0o1777, (0, 0));
                share(w);
                if place.starts_with(BOX) {
                    drop(w.login("alice"));
                    w.sh_as("alice", &format!("mv {place} {BOX}/old")).ok();
                }
                w.sh_as("alice", &format!("ln {file} {place}")).ok();
                let before = likeness(w, file);
                assert_eq!(names(w, file), "2");
                assert_eq!(w.attempt("alice").code, code, "{conf}{place}: {:#?}", w.said());
                assert_eq!(likeness(w, file), before, "{conf}{place}");
                assert_eq!(names(w, file), "2", "{conf}{place}: a name was removed");
            });
        }
    }
}

/// The end of a session removes the names in its directory, and no file that has another name.
#[test]
fn what_is_linked_into_a_temporary_instance_is_not_changed_at_close() {
    for file in FILES {
        let plan = World::with(Module::Ours).conf("/srv/data /srv/inst/ tmpdir root\n");
        plan.args("ignore_instance_parent_mode").run(|w| {
            w.mkdir("/srv/data", 0o1777, (0, 0));
            w.mkdir("/srv/inst", 0o755, (0, 0));
            share(w);
            let alice = w.login("alice");
            w.sh_as("alice", &format!("cd /srv/inst/* && mkdir a && ln {file} a/x")).ok();
            let before = likeness(w, file);
            assert_eq!(names(w, file), "2");
            assert_eq!(alice.close(), Code::SUCCESS);
            assert_eq!((likeness(w, file), names(w, file)), (before, "1".to_owned()));
            assert_eq!(w.sh("ls -A /srv/inst").ok(), "");
        });
    }
}

/// In the place of the directory itself, whose parent lies in her home.
#[test]
fn what_is_linked_into_the_place_of_a_temporary_instance_stays_at_close() {
    for file in FILES {
        World::with(Module::Ours).conf("/srv/data $HOME/.inst/ tmpdir root\n").run(|w| {
            w.mkdir("/srv/data", 0o1777, (0, 0));
            share(w);
            let alice = w.login("alice");
            let root = alice.after.mounts().top_at("/srv/data").unwrap().root.clone();
            let name = root.rsplit_once('/').unwrap().1.to_owned();
            let swap = format!("cd && mv .inst .old && mkdir .inst && ln {file} .inst/{name}");
            w.sh_as("alice", &swap).ok();
            let before = likeness(w, file);
            assert_eq!(alice.close(), Code::SUCCESS);
            assert_eq!((likeness(w, file), names(w, file)), (before, "2".to_owned()));
        });
    }
}
