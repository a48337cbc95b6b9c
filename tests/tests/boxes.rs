//! What users do to the places where instances are: squats, forged instances, loosened boxes. "One
//! user never locks out everybody."

use std::os::unix::fs::MetadataExt;

use rtmp_tests::examples::{PREFIX, TEMPLATE};
use rtmp_tests::{Code, Module, World};

const LINK: &str = "a symbolic link stands there; only root's links in directories that only root can write are \
     followed";

/// "A squat (a parent in sticky `/tmp` that is not root's, or a link or file in its place) is
/// swapped in one step [...] One log line names the owner. One user never locks out everybody."
#[test]
fn a_squat_in_sticky_tmp_is_moved_aside_and_its_owner_named() {
    for example in [TEMPLATE, PREFIX] {
        let place = example.places[0];
        for squat in [
            "mkdir P",
            "mkdir -p P/1001/tmp",
            "mkdir -m 0 P",
            "ln -s /home/bob P",
            "ln -s /etc P",
            "ln -s /nowhere P",
            "touch P",
            "mkfifo P",
        ] {
            World::with(Module::Ours).conf(example.conf).run(|w| {
                w.sh_as("bob", &squat.replace('P', place.parent)).ok();
                let squatted = w.stat(place.parent);
                let attempt = w.attempt("alice");
                assert_eq!(attempt.code, Code::SUCCESS, "{squat}: {:#?}", attempt.log);
                let said: Vec<_> = attempt.log.iter().map(|line| line.words()).collect();
                assert_eq!(said.len(), 1, "{squat}: {said:#?}");
                let aside = said[0]
                    .strip_prefix(&format!("{}: made by uid 1002, moved aside as ", place.parent))
                    .unwrap_or_else(|| panic!("{squat}: {said:?}"));
                assert!(aside.starts_with(':'), "{aside}");
                let kept = w.stat(&format!("/tmp/{aside}"));
                assert_eq!((kept.ino(), kept.mode()), (squatted.ino(), squatted.mode()));
                assert_eq!(w.owner(place.parent), (0, 0));
                assert_eq!(w.mode(place.parent), place.parent_mode());
                assert_eq!(w.attempt("carol").log, [], "it is logged once");
            });
        }
    }
}

/// "In a box a wrong one is moved aside", "never followed, never deleted".
#[test]
fn an_instance_in_a_box_that_its_user_put_there_is_moved_aside() {
    for (setup, kind) in [
        ("ln -s /etc I", "symbolic link"),
        ("ln -s /home/bob I", "symbolic link"),
        ("touch I", "regular empty file"),
        ("mkfifo I", "fifo"),
        ("mkdir I && touch I/file", "directory"),
    ] {
        World::with(Module::Ours).conf(TEMPLATE.conf).run(|w| {
            drop(w.login("alice"));
            let instance = "/tmp/user_tmpl/1001/tmp";
            // She owns the box and may rename what is in it.
            w.sh_as("alice", &format!("mv {instance} {instance}.old")).ok();
            w.sh_as("alice", &setup.replace('I', instance)).ok();
            let session = w.login("alice");
            assert_eq!(session.sh("ls -A /tmp; stat -c '%a %u' /tmp").ok(), "1777 0", "{setup}");
            let said = w.said();
            assert_eq!(said.len(), 1, "{said:#?}");
            let begin =
                format!("{instance}: not the instance we would have made, moved aside as :");
            assert!(said[0].starts_with(&begin), "{said:#?}");
            let aside = said[0].rsplit_once(' ').unwrap().1;
            let found = w.sh(&format!("stat -c %F /tmp/user_tmpl/1001/{aside}")).ok();
            assert_eq!(found, kind);
        });
    }
}

/// "a box with loosened mode is set to 0700 and logged; a box of another owner, or a link, is
/// refused"
#[test]
fn a_box_must_be_the_users_and_closed() {
    let own = "it must belong to the user, but has owner";
    for (setup, reason) in [
        ("mkdir -m 700 B; chown bob B", format!("{own} 1002 and mode 0700")),
        ("mkdir -m 700 B", format!("{own} 0 and mode 0700")),
        ("ln -s /home/alice B", LINK.to_owned()),
        ("ln -s /home/alice B; chown -h alice B", LINK.to_owned()),
        ("touch B; chown alice B", "it is not a directory".to_owned()),
    ] {
        for parent in ["/srv/box", "/tmp/user_tmpl"] {
            for flat in ["user:flat", "user"] {
                let line = format!("/tmp {parent}/%{{UID}} {flat} root\n");
                let user_box = format!("{parent}/1001");
                let setup = format!("umask 022; mkdir {parent}; {}", setup.replace('B', &user_box));
                World::with(Module::Ours).conf(&line).run(|w| {
                    w.sh(&setup).ok();
                    let sentence = format!("unable to open box {user_box}: {reason}");
                    w.attempt("alice").is_refused(Code::SESSION_ERR, &sentence);
                });
            }
        }
    }
    for mode in ["0755", "0777", "1700", "0500"] {
        World::with(Module::Ours).conf(TEMPLATE.conf).run(|w| {
            drop(w.login("alice"));
            w.sh_as("alice", &format!("chmod {mode} /tmp/user_tmpl/1001")).ok();
            w.login("alice").sh("touch /tmp/file").ok();
            assert_eq!(w.mode("/tmp/user_tmpl/1001"), 0o700);
            assert_eq!(w.said(), [format!("/tmp/user_tmpl/1001: had mode {mode}, set to 0700")]);
        });
    }
}
