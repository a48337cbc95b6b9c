//! What `rtmpctl clean` removes, and what it never does.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::print_stderr, clippy::panic)]

mod host;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use host::{RTMPCTL, TEMPLATES, json, make_box};
use rtmp_tests::attack::{Canary, Tally, exchange, in_worlds, knock, relentless, rounds};
use rtmp_tests::log::Facility;
use rtmp_tests::{Outcome, World};

fn clean(w: &World, words: &str) -> Outcome {
    w.sh(&format!("{RTMPCTL} clean {words}"))
}

/// Without the ages, which depend on how long this takes.
fn lines(said: &Outcome) -> Vec<String> {
    let without_age = |line: &str| line.split(", last used").next().unwrap_or_default().to_owned();
    said.out.lines().map(without_age).collect()
}

const OLD: &str = "find /tmp/user_tmpl/1777 -exec touch -h -d '60 days ago' {} +";

/// alice and bob were here, carol is, 1777 does not exist.
fn furnish(w: &World) -> rtmp_tests::Login {
    for user in ["alice", "bob"] {
        assert!(w.attempt(user).code == rtmp_tests::Code::SUCCESS);
    }
    make_box("/tmp/user_tmpl", 1777, "tmp");
    w.login("carol")
}

#[test]
fn each_option_narrows_what_is_removed() {
    const ALICE: &str = "alice (uid 1001)";
    let idle = |parent: &str, user: &str, uid: u32| {
        format!("would remove {parent}/user_tmpl/{uid}: idle, {user}")
    };
    let orphan = "would remove /tmp/user_tmpl/1777: orphan, uid 1777".to_owned();
    let carols =
        ["/tmp", "/var/tmp"].map(|dir| format!("kept {dir}/user_tmpl/1003: a process is in it"));
    let alices = ["/tmp", "/var/tmp"].map(|dir| idle(dir, ALICE, 1001));
    let nothing = || vec!["nothing to remove".to_owned()];
    for (words, want) in [
        ("", nothing()),
        ("--orphans", vec![orphan.clone()]),
        ("--orphans --user 1777", vec![orphan.clone()]),
        ("--user alice", alices.to_vec()),
        ("--user 1001", alices.to_vec()),
        ("--user zoe", nothing()),
        ("--user alice --orphans", nothing()),
        ("--user carol", carols.to_vec()),
        ("--age 1d", nothing()),
        ("--age 1h --orphans", nothing()),
    ] {
        let said = host::with(TEMPLATES).run(|w| {
            let _carol = furnish(w);
            let before = w.sh("find /tmp /var/tmp | sort").ok();
            let said = clean(w, &format!("--dry-run {words}"));
            assert_eq!(w.sh("find /tmp /var/tmp | sort").ok(), before);
            assert_eq!(w.log().iter().filter(|line| line.text.contains("clean by")).count(), 0);
            said
        });
        assert_eq!((lines(&said), said.status), (want, 0), "{words}");
    }
}

#[test]
fn what_is_removed_is_said_recorded_and_gone() {
    host::with(TEMPLATES).run(|w| {
        let carol = furnish(w);
        carol.sh("echo hers > /tmp/file").ok();
        let said = clean(w, "--user alice");
        let want = ["/tmp", "/var/tmp"]
            .map(|dir| format!("removed {dir}/user_tmpl/1001: idle, alice (uid 1001)"));
        assert_eq!((lines(&said), said.status), (want.to_vec(), 0));
        assert_eq!(w.sh("ls -A /tmp/user_tmpl").ok(), "1002\n1003\n1777");
        let log = w.log();
        let recorded: Vec<_> = log.iter().filter(|line| line.text.contains("clean by")).collect();
        assert!(recorded.iter().all(|line| line.facility == Facility::AUTHPRIV));
        let want = "clean by root (uid 0), not logged in: remove /tmp/user_tmpl/1001: idle, alice (uid 1001), last used";
        assert!(recorded.len() == 2 && recorded[0].text.contains(want), "{}", recorded[0].text);
        assert_eq!(carol.sh("cat /tmp/file").ok(), "hers");
        assert_eq!(lines(&clean(w, "--user alice")), ["nothing to remove"]);
        // A new login is as any first one.
        let alice = w.login("alice");
        alice.sh("echo hers > /tmp/file").ok();
    });
}

/// The top of it is old; something below is not.
#[test]
fn an_age_counts_for_all_that_is_in_it() {
    host::with(TEMPLATES).run(|w| {
        make_box("/tmp/user_tmpl", 1777, "tmp");
        w.sh("mkdir -p /tmp/user_tmpl/1777/tmp/a/b && echo x > /tmp/user_tmpl/1777/tmp/a/b/c").ok();
        assert_eq!(lines(&clean(w, "--age 30d")), ["nothing to remove"]);
        // A change of the times is one itself, so that no file is old until the clock goes on.
        w.sh(OLD).ok();
        assert_eq!(lines(&clean(w, "--age 1m")), ["nothing to remove"]);
        assert_eq!(lines(&clean(w, "--age 0s")), ["removed /tmp/user_tmpl/1777: orphan, uid 1777"]);
    });
}

#[test]
fn drafts_go_after_a_day_and_somebody_s_directory_does_not() {
    host::with(TEMPLATES).run(|w| {
        let _carol = furnish(w);
        w.sh("mkdir /tmp/user_tmpl/:rtmp-0123456789abcdef").ok();
        assert_eq!(lines(&clean(w, "")), ["nothing to remove"]);
        assert!(w.exists("/tmp/user_tmpl/:rtmp-0123456789abcdef"));
    });
}

/// A parent that holds other things, a box with something of the user's, a home.
#[test]
fn what_is_no_instance_stays() {
    for (conf, make, want) in [
        (
            "/tmp /srv/%{UID} user root\n",
            "mkdir -p /srv/www/tmp /srv/1777x/tmp",
            "nothing to remove",
        ),
        ("/tmp /srv/%{UID} user root\n", "mkdir -p /srv/1777/tmp", "nothing to remove"),
        (
            "/tmp /srv/%{USER} user root\n",
            "mkdir -p /srv/bob/tmp; chown 1001 /srv/bob",
            "nothing to remove",
        ),
        ("/tmp /srv/ user root\n", "mkdir /srv/www", "nothing to remove"),
        (
            "/tmp /srv/%{UID} user root\n",
            "mkdir -p /srv/1777/tmp /srv/1777/mail; chown 1777 /srv/1777",
            "kept /srv/1777: mail in it is no instance; look at it and remove it by hand",
        ),
        (
            "/tmp /home/%{USER} user:flat root\n",
            "rm -r /home/bob /home/carol",
            "kept /home/alice: a home directory is in it",
        ),
        (
            "/tmp /srv/%{UID} user root\n",
            "mkdir -p /srv/1777/tmp/m; chown 1777 /srv/1777; mount -t tmpfs x /srv/1777/tmp/m",
            "kept /srv/1777: something is mounted on /srv/1777/tmp/m",
        ),
    ] {
        let said = host::with(conf).run(|w| {
            w.sh(make).ok();
            let before = w.sh("find /srv /home | sort").ok();
            let said = clean(w, "--age 0s");
            assert_eq!(w.sh("find /srv /home | sort").ok(), before);
            said
        });
        assert_eq!(lines(&said), [want], "{conf}{make}");
    }
}

#[test]
fn only_root_removes_and_everybody_may_ask() {
    host::with(TEMPLATES).run(|w| {
        let _carol = furnish(w);
        let said = w.sh_as("bob", &format!("{RTMPCTL} clean --user bob"));
        assert_eq!(said.err, "rtmpctl: unable to remove instances: only root may do that\n");
        assert_eq!(said.status, 1);
        let said = w.sh_as("bob", &format!("{RTMPCTL} clean --user bob --dry-run --json"));
        assert_eq!(json(&said)["units"][0]["outcome"], "kept");
    });
}

/// Nobody would know who did it.
#[test]
fn without_a_log_nothing_is_removed() {
    host::with(TEMPLATES).run(|w| {
        let _carol = furnish(w);
        w.sh("rm /dev/log").ok();
        let said = clean(w, "--user alice");
        assert!(said.err.contains("unable to record this in the system log"), "{}", said.err);
        assert_eq!((said.status, w.sh("ls -A /tmp/user_tmpl").ok().lines().count()), (1, 4));
    });
}

/// A descriptor, a working directory: an administrator who looks around.
#[test]
fn what_somebody_holds_stays_and_keeps_its_name() {
    for hold in ["cd /tmp/user_tmpl/1001/tmp", "exec 9</tmp/user_tmpl/1001/tmp"] {
        host::with(TEMPLATES).run(|w| {
            let _carol = furnish(w);
            w.sh(&format!("{{ {hold}; touch /run/ready; sleep 60; }} >/dev/null 2>&1 &")).ok();
            w.sh("until [ -e /run/ready ]; do sleep 0.01; done").ok();
            let said = clean(w, "--user alice");
            assert!(said.out.starts_with("kept /tmp/user_tmpl/1001: process "), "{}", said.out);
            assert!(said.out.contains("removed /var/tmp/user_tmpl/1001"), "{}", said.out);
            assert!(w.exists("/tmp/user_tmpl/1001/tmp"));
        });
    }
}

/// alice has processes outside of every session, which put links in the place of directories in her
/// instance, whatever name that has, while root removes it. They go by path and hold nothing, or root
/// would see that they are there.
#[test]
fn links_that_are_swapped_in_during_a_removal_lead_nowhere() {
    let plan = host::with("/tmp /srv/box/a%{UID} user:flat root\n");
    let all = in_worlds(&plan, rounds(2000), |w, now| {
        let mut tally = Tally::default();
        w.mkdir("/srv/box", 0o755, (0, 0));
        // Whatever of this has gone, she could not have removed.
        w.sh("cd /srv && mkdir -p canary/roots && cd canary && echo x | tee roots/file > file")
            .ok();
        let (canary, roots) = (Canary::on("/srv/canary"), Canary::on("/srv/canary/roots"));
        let _attackers =
            [relentless("alice", swap_everywhere), relentless("alice", swap_everywhere)];
        for _ in 0..now.div_ceil(AT_ONCE) {
            make_trap();
            let said = clean(w, "--user alice");
            tally.logins += AT_ONCE;
            tally.refused += if said.out.starts_with("removed") { 0 } else { AT_ONCE };
            w.sh("mv /srv/box/* /srv/box/:* /srv/made; rm -rf /srv/made");
            for song in [canary.song(), roots.song()].into_iter().flatten() {
                tally.win(song);
            }
        }
        tally
    });
    eprintln!("{} directories, {} of them not removed to the end", all.logins, all.refused);
    assert_eq!((all.wins, all.won), (0, Vec::new()));
    assert!(all.refused < all.logins, "no removal came to its end");
}

/// How many directories there are in an instance.
const AT_ONCE: u32 = 200;

/// An instance of alice's, finished before she finds it: directories, and beside each a link to one
/// that is not hers.
fn make_trap() {
    let top = Path::new("/srv/made/1001");
    fs::create_dir_all(top).expect("directories");
    fs::set_permissions("/srv/made", fs::Permissions::from_mode(0o700)).expect("its mode");
    for i in 1..=AT_ONCE {
        let dir = top.join(i.to_string());
        fs::create_dir_all(dir.join("roots")).expect("directories");
        fs::write(dir.join("roots/file"), "x").expect("a file");
        fs::write(dir.join("file"), "x").expect("a file");
        symlink("/srv/canary", top.join(format!("link{i}"))).expect("a link");
        for path in [dir.join("roots"), dir] {
            chown(path, Some(1001), Some(1001)).expect("its owner");
        }
    }
    chown(top, Some(1001), Some(1001)).expect("its owner");
    fs::rename(top, "/srv/box/a1001").expect("a place in the parent");
}

/// Every directory that she can find by any name changes places with the link beside it.
fn swap_everywhere() {
    for instance in fs::read_dir("/srv/box").into_iter().flatten().flatten() {
        let instance = instance.path().display().to_string();
        for i in 1..=AT_ONCE {
            exchange(&format!("{instance}/{i}"), &format!("{instance}/link{i}"));
        }
    }
}

/// Somebody logs in while root keeps removing what nobody is in.
#[test]
fn a_login_never_loses_its_instance_to_a_removal() {
    let all = in_worlds(&host::with(TEMPLATES), rounds(60), |w, now| {
        let mut tally = Tally::default();
        assert!(w.attempt("alice").code == rtmp_tests::Code::SUCCESS);
        let _cleaner = relentless("root", || {
            w.sh(&format!("{RTMPCTL} clean --user alice >> /run/cleaned"));
        });
        for _ in 0..now {
            let (code, lost) = knock("alice", || {
                let lost = |path: &str| fs::write(format!("{path}/file"), "hers").is_err();
                (0..10).any(|_| {
                    std::thread::sleep(std::time::Duration::from_millis(1));
                    lost("/tmp") || lost("/var/tmp")
                })
            });
            tally.login(code);
            if lost == Some(true) {
                tally.win("an instance was removed under a session".to_owned());
            }
        }
        let removed = w.sh("grep -c ^removed /run/cleaned").out;
        eprintln!("{} logins, {} removals", tally.logins, removed.trim());
        tally
    });
    assert_eq!((all.refused, all.wins), (0, 0), "{:?}", all.won);
}
