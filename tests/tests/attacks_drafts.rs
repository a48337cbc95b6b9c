//! Directories in the making: nobody finds one before it is finished and in its place, and nothing
//! that a user puts into one is removed by root.

use std::fs;
use std::path::PathBuf;

use rtmp_tests::attack::{Tally, in_worlds, knock, relentless, rounds};
use rtmp_tests::{Code, Module, World};

/// Boxes that everybody can list, two instances in each.
const BOXES: &str = "/tmp /srv/box/%{UID} user root\n/var/tmp /srv/box/%{UID} user root\n";
const PARENT: &str = "/srv/box";
const BOX: &str = "/srv/box/1001";
const INSTANCE: &str = "/srv/box/1001/var-tmp";

/// The directories in the making that a user can see.
fn drafts() -> Vec<PathBuf> {
    let entries = fs::read_dir(PARENT).into_iter().flatten().flatten();
    let drafts = entries.filter(|entry| entry.file_name().as_encoded_bytes()[0] == b':');
    drafts.map(|entry| entry.path()).collect()
}

/// bob waits for alice's instance and tries to be in it before it lies in her box, which keeps him
/// out: a descriptor that he has then is good for ever.
#[test]
fn nobody_gets_into_an_instance_before_it_is_in_its_box() {
    let plan = World::with(Module::Ours).conf(BOXES);
    let tally = in_worlds(&plan, rounds(600), |w, logins| {
        assert_eq!(knock("alice", || ()).0, Code::SUCCESS);
        let _bob = relentless("bob", || {
            for draft in drafts() {
                let inside = [draft.join("bob-was-here"), draft.join("made/bob-was-here")];
                while draft.exists() && !inside.iter().any(|file| fs::write(file, "").is_ok()) {}
            }
        });
        let mut tally = Tally::default();
        for _ in 0..logins {
            // alice may do this herself; the directory is in her box.
            fs::remove_dir_all(INSTANCE).unwrap();
            tally.login(knock("alice", || ()).0);
            if w.exists(&format!("{INSTANCE}/bob-was-here")) {
                tally.win("bob was in alice's directory".to_owned());
            }
        }
        tally
    });
    tally.report("into an instance in the making");
    assert_eq!((tally.wins, tally.refused), (0, 0));
}

/// alice puts a directory of bob's, which she cannot empty, into a directory in the making and has
/// its making fail.
#[test]
fn root_removes_nothing_that_a_user_put_into_a_directory_in_the_making() {
    const OPEN: &str = "/home/alice/open";
    const FILE: &str = "/home/alice/open/bobs/file";
    let plan = World::with(Module::Ours).conf(BOXES);
    let tally = in_worlds(&plan, rounds(300), |w, logins| {
        assert_eq!(knock("alice", || ()).0, Code::SUCCESS);
        w.sh("chmod 755 /home/alice").ok();
        let make = || {
            w.mkdir(OPEN, 0o777, (1001, 1001));
            w.mkdir(&format!("{OPEN}/bobs"), 0o755, (1002, 1002));
            w.write(FILE, "his");
        };
        make();
        let _alice = relentless("alice", || {
            for draft in drafts() {
                // Her login is at it now; with this it will be too late.
                let _ = fs::create_dir(INSTANCE);
                let inside = [draft.join("open"), draft.join("made/open")];
                while draft.exists() && !inside.iter().any(|to| fs::rename(OPEN, to).is_ok()) {}
            }
        });
        let mut tally = Tally::default();
        for _ in 0..logins {
            for entry in fs::read_dir(BOX).unwrap().flatten() {
                if entry.file_name() != "tmp" {
                    let _ = fs::remove_dir_all(entry.path());
                }
            }
            tally.login(knock("alice", || ()).0);
            if !w.exists(FILE) {
                let found = w.sh("find /srv /home -name file").ok();
                tally.win(format!("bob's file is now at {found:?}"));
                w.sh(&format!("rm -rf {OPEN} {PARENT}/:*")).ok();
                make();
            }
        }
        tally
    });
    tally.report("a directory in the making");
    assert_eq!(tally.wins, 0, "{:#?}", tally.won);
}
