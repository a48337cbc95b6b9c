//! Attackers who change names while root walks along them (CVE-2025-6020): in a sticky directory,
//! in a home, in a box. Root touches nothing but its own, and nobody is kept out by others.

use std::fs;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, symlink};

use rtmp_tests::attack::{Canary, Tally, exchange, in_worlds, knock, relentless, rounds};
use rtmp_tests::examples::{PREFIX, TEMPLATE};
use rtmp_tests::{Code, Module, MountTable, World};

/// Where an attacker leads root: one directory that anybody may look into, one that nobody may.
const OPEN: &str = "/srv/open";
const HIDDEN: &str = "/srv/hidden";

fn canaries(w: &World) -> [Canary; 3] {
    w.mkdir(OPEN, 0o755, (0, 0));
    w.mkdir(HIDDEN, 0, (0, 0));
    [Canary::on(OPEN), Canary::on(HIDDEN), Canary::on("/etc")]
}

/// The root of the mount that this process sees over a directory.
fn over(path: &str) -> Option<String> {
    MountTable::here().top_at(path).map(|mount| mount.root.clone())
}

fn clear(path: &str) {
    // It is one or the other, or gone.
    let _ = fs::remove_file(path);
    let _ = fs::remove_dir_all(path);
}

/// bob, on `/tmp/user_tmpl` or `/tmp/tmp-inst`: every kind of thing, in turn, by every way.
fn squat(module: Module, conf: &str, parent: &'static str, logins: u32) -> Tally {
    let plan = World::with(module).conf(conf);
    in_worlds(&plan, logins, |w, logins| {
        let canaries = canaries(w);
        w.mkdir("/tmp/link", 0o1777, (1002, 1002));
        w.sh_as("bob", &format!("ln -s {OPEN} /tmp/link/open; ln -s {HIDDEN} /tmp/link/hidden; mkdir /tmp/link/dir; mkdir -m 0 /tmp/link/closed")).ok();
        let mut turn = 0_usize;
        let _bob = relentless("bob", move || {
            turn += 1;
            match turn % 9 {
                0 => drop(symlink(OPEN, parent)),
                1 => drop(symlink(HIDDEN, parent)),
                2 => drop(fs::DirBuilder::new().mode(0o000).create(parent)),
                3 => drop(fs::create_dir_all(format!("{parent}/1001/tmp"))),
                4 => drop(fs::write(parent, "")),
                5 => exchange("/tmp/link/open", parent),
                6 => exchange("/tmp/link/hidden", parent),
                7 => exchange("/tmp/link/dir", parent),
                _ => exchange("/tmp/link/closed", parent),
            }
            if turn % 2 == 0 {
                drop(fs::rename(parent, format!("/tmp/bobs-{}", turn % 64)));
            }
        });
        let mut tally = Tally::default();
        for n in 0..logins {
            // Another user each time makes a box of their own; root clears now and then.
            if n % 4 == 0 {
                clear(parent);
            }
            let (code, seen) =
                knock("alice", || (over("/tmp"), fs::metadata("/tmp").unwrap().mode()));
            tally.login(code);
            match seen {
                Some((Some(root), 0o41777)) if root.starts_with(parent) => {}
                Some(other) => tally.win(format!("alice got {other:?}")),
                None => {}
            }
            canaries.iter().filter_map(Canary::song).for_each(|song| tally.win(song));
            let real = fs::symlink_metadata(parent).map(|found| (found.uid(), found.is_dir()));
            if code == Code::SUCCESS && !matches!(real, Ok((0, true))) {
                tally.win(format!("the parent is {real:?} after a login"));
            }
        }
        tally
    })
}

#[test]
fn a_squatter_who_never_tires_keeps_nobody_out() {
    for example in [TEMPLATE, PREFIX] {
        let tally = squat(Module::Ours, example.conf, example.places[0].parent, rounds(600));
        tally.report(&format!("squatting {}", example.places[0].parent));
        assert_eq!((tally.wins, tally.refused), (0, 0), "{:#?}", tally.won);
    }
    let tally = squat(Module::Theirs, PREFIX.conf, PREFIX.places[0].parent, 200);
    tally.report("squatting, pam_namespace");
    assert!(tally.refused + tally.wins > 0, "the attack is none");
}

/// alice, in her own home: the polydir and the instance parent become links and change places.
fn home(module: Module, conf: &str, logins: u32) -> Tally {
    let plan = World::with(module).conf(conf);
    in_worlds(&plan, logins, |w, logins| {
        let canaries = canaries(w);
        w.sh_as("alice", &format!("cd; mkdir -m 755 work deep deep/er own; mkdir -m 0 .none; ln -s {OPEN} l1; ln -s {HIDDEN} l2; ln -s / l3; ln -s {OPEN} deep/l4; mkfifo ff")).ok();
        let _ = knock("alice", || ());
        let mut turn = 0_usize;
        let _alice = relentless("alice", move || {
            turn = turn.wrapping_add(1);
            let home = |name: &str| format!("/home/alice/{name}");
            match turn % 8 {
                0 => exchange(&home("work"), &home("l1")),
                1 => exchange(&home(".inst"), &home("l2")),
                2 => exchange(&home("work"), &home("own")),
                3 => exchange(&home(".inst"), &home(".none")),
                4 => exchange(&home(".inst"), &home("l1")),
                5 => exchange(&home("deep/er"), &home("deep/l4")),
                6 => exchange(&home("deep"), &home("l3")),
                // pam_namespace would hang: see attacks_known.rs.
                _ if module == Module::Theirs => {}
                _ => exchange(&home("work"), &home("ff")),
            }
        });
        let mut tally = Tally::default();
        // Most are refused, and what is refused proves little: on until one got in.
        while tally.logins < logins || tally.refused == tally.logins && tally.logins < 20 * logins {
            let (code, seen) = knock("alice", || {
                ["/srv/open", "/srv/hidden", "/etc", "/srv", "/"]
                    .map(|path| MountTable::here().at(path).len())
            });
            tally.login(code);
            match seen {
                Some([0, 0, 0, 0, 1]) | None => {}
                Some(mounts) => tally.win(format!("mounts over root's directories: {mounts:?}")),
            }
            canaries.iter().filter_map(Canary::song).for_each(|song| {
                tally.win(song);
                let _ = fs::remove_dir_all("/srv/open/alice");
                let _ = fs::remove_dir_all("/srv/hidden/alice");
            });
        }
        tally
    })
}

#[test]
fn a_user_leads_root_nowhere_from_their_home() {
    for conf in [
        "$HOME/work $HOME/.inst/ user root\n",
        "$HOME/work $HOME/.inst/ user:create=0755 root\n",
        "$HOME/work $HOME/.inst/%{UID} user root\n",
        "$HOME/deep/er $HOME/.inst/ user:create root\n",
        "$HOME/work /srv/inst/ tmpfs root\n",
    ] {
        let tally = home(Module::Ours, conf, rounds(150));
        tally.report(&format!("a home, {}", conf.trim_end()));
        assert_eq!(tally.wins, 0, "{:#?}", tally.won);
        assert!(
            tally.refused < tally.logins,
            "the attack keeps every login out and proves nothing"
        );
    }
    let tally = home(Module::Theirs, "$HOME/work $HOME/.inst/ user root\n", 300);
    tally.report("a home, pam_namespace");
}

/// alice, in her own box: the instance is hers to rename, and root follows nothing there.
#[test]
fn a_user_leads_root_nowhere_from_their_box() {
    const BOX: &str = "/tmp/user_tmpl/1001";
    let plan = World::with(Module::Ours).conf(TEMPLATE.conf);
    let tally = in_worlds(&plan, rounds(1000), |w, logins| {
        let canaries = canaries(w);
        assert_eq!(knock("alice", || ()).0, Code::SUCCESS);
        w.sh_as("alice", &format!("cd {BOX}; ln -s {OPEN} open; ln -s {HIDDEN} hidden; mkdir -m 1777 own; mkfifo ff; mkdir own/tmp")).ok();
        w.mkdir(&format!("{BOX}/roots"), 0o700, (0, 0));
        w.write(&format!("{BOX}/roots/secret"), "root's");
        let mut turn = 0_usize;
        let _alice = relentless("alice", move || {
            turn = turn.wrapping_add(1);
            let entry = |name: &str| format!("{BOX}/{name}");
            let name = ["open", "hidden", "own", "ff"][turn % 4];
            exchange(&entry("tmp"), &entry(name));
            if turn % 7 == 0 {
                let _ = fs::rename(entry("tmp"), entry("elsewhere"));
                let _ = fs::remove_dir(entry("elsewhere"));
            }
            if turn % 64 == 0 {
                // What was moved aside piles up.
                for entry in fs::read_dir(BOX).unwrap().flatten() {
                    if entry.file_name().as_encoded_bytes()[0] == b':' {
                        let _ = fs::remove_dir_all(entry.path());
                        let _ = fs::remove_file(entry.path());
                    }
                }
                let _ = symlink(OPEN, entry("open"));
                let _ = symlink(HIDDEN, entry("hidden"));
                let _ = fs::create_dir(entry("own"));
            }
        });
        let mut tally = Tally::default();
        for _ in 0..logins {
            let (code, seen) = knock("alice", || {
                let found = fs::metadata("/tmp").unwrap();
                (
                    over("/tmp").unwrap_or_default().starts_with("/tmp/user_tmpl/1001/"),
                    found.uid(),
                    found.mode(),
                )
            });
            tally.login(code);
            match seen {
                Some((true, 0, 0o41777)) | None => {}
                Some(other) => tally.win(format!("alice's /tmp is {other:?}")),
            }
            canaries.iter().filter_map(Canary::song).for_each(|song| tally.win(song));
        }
        // Others come and go as ever.
        assert_eq!(knock("bob", || ()).0, Code::SUCCESS);
        tally
    });
    tally.report("her own box");
    assert_eq!(tally.wins, 0, "{:#?}", tally.won);
    assert!(tally.refused < tally.logins / 2, "{tally:?}");
}

/// bob, in a directory of his with alice's home in it: one of root's takes its place.
#[test]
fn who_can_rename_a_home_leads_root_nowhere_while_a_tmpfs_is_filled() {
    const HOME: &str = "/srv/team/alice";
    const ROOTS: &str = "/srv/team/roots";
    let plan = World::with(Module::Ours).conf("$HOME /unused tmpfs root\n");
    let tally = in_worlds(&plan, rounds(400), |w, logins| {
        w.sh("sed -i s:/home/alice:/srv/team/alice: /etc/passwd; echo new > /etc/skel/new").ok();
        w.mkdir("/srv/team", 0o755, (1002, 1002));
        w.mkdir(HOME, 0o700, (1001, 1001));
        w.mkdir(ROOTS, 0o700, (0, 0));
        // Whichever of the two has the name now.
        let look = |path| {
            let open = fs::File::open(path).unwrap();
            let found = open.metadata().unwrap();
            let entries = fs::read_dir(format!("/proc/self/fd/{}", open.as_raw_fd())).unwrap();
            (found.ino(), found.uid(), found.mode(), entries.count())
        };
        let before = [HOME, ROOTS].map(look);
        let _bob = relentless("bob", || exchange(HOME, ROOTS));
        let mut tally = Tally::default();
        for _ in 0..logins {
            tally.login(knock("alice", || ()).0);
            for found in [HOME, ROOTS].map(look) {
                if !before.contains(&found) {
                    tally.win(format!("of {before:?} one is {found:?}"));
                }
            }
        }
        tally
    });
    tally.report("a home that becomes a tmpfs");
    assert_eq!(tally.wins, 0, "{:#?}", tally.won);
    assert!(tally.refused < tally.logins, "the attack keeps every login out and proves nothing");
}
