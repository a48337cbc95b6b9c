//! What `rtmpctl list` and `rtmpctl du` say of a host with sessions alive.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::print_stderr)]

mod host;

use std::fs;
use std::time::Instant;

use host::{RTMPCTL, TEMPLATES, json, make_box};
use rtmp_tests::{Outcome, World};

fn ask(w: &World, words: &str) -> Outcome {
    w.sh(&format!("{RTMPCTL} {words}"))
}

/// `state` of each path.
fn states(said: &Outcome) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("-").to_owned();
    let instances = json(said)["instances"].as_array().cloned().expect("a list");
    let mut states: Vec<_> =
        instances.iter().map(|found| (text(&found["path"]), text(&found["state"]))).collect();
    states.sort();
    states
}

#[test]
fn every_instance_is_listed_with_its_user_and_who_is_in_it() {
    let said = host::with(TEMPLATES).run(|w| {
        let (alice, _again) = (w.login("alice"), w.login("alice"));
        alice.sh("sleep 60 >/dev/null 2>&1 &").ok();
        assert!(w.attempt("bob").code == rtmp_tests::Code::SUCCESS);
        make_box("/tmp/user_tmpl", 1777, "tmp");
        w.sh("mkdir -m 700 /tmp/user_tmpl/:rtmp-0123456789abcdef").ok();
        w.sh("touch -d '3 days ago' /tmp/user_tmpl/1777/tmp; echo x > /tmp/user_tmpl/file").ok();
        ask(w, "list")
    });
    // Whatever was just made is 0 or more seconds old, and a directory's own change shows.
    let text: Vec<_> =
        said.out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
    let without_age = |words: &Vec<&str>| match words.len() {
        8 => [&words[..5], &words[6..]].concat().join(" "),
        _ => words.join(" "),
    };
    let text: Vec<_> = text.iter().map(without_age).collect();
    assert_eq!(
        text,
        [
            "UID USER POLYDIR SESSIONS PROCESSES LAST USE STATE INSTANCE",
            "1001 alice /tmp 2 3 active /tmp/user_tmpl/1001/tmp",
            "1002 bob /tmp 0 0 idle /tmp/user_tmpl/1002/tmp",
            "1777 - /tmp 0 0 orphan /tmp/user_tmpl/1777/tmp",
            "- - - 0 0 draft /tmp/user_tmpl/:rtmp-0123456789abcdef",
            "1001 alice /var/tmp 2 3 active /var/tmp/user_tmpl/1001/var-tmp",
            "1002 bob /var/tmp 0 0 idle /var/tmp/user_tmpl/1002/var-tmp",
        ]
    );
    assert_eq!((said.status, said.err.as_str()), (0, ""));
}

#[test]
fn instances_of_a_prefix_layout_are_known_by_their_name() {
    let found = host::with("/tmp /tmp-inst/pfx- user root\n/var/tmp /tmp-inst/t- tmpdir root\n")
        .run(|w| {
            w.mkdir("/tmp-inst", 0, (0, 0));
            let _alice = w.login("alice");
            w.sh("mkdir /tmp-inst/pfx-zoe /tmp-inst/t-Ab12Cd /tmp-inst/unrelated").ok();
            w.sh("mkdir /tmp-inst/pfx-0123456789abcdef0123456789abcdef").ok();
            states(&ask(w, "list --json"))
                .into_iter()
                .filter(|(path, state)| !path.contains("/t-") || state != "active")
                .collect::<Vec<_>>()
        });
    let want = [
        ("/tmp-inst/pfx-0123456789abcdef0123456789abcdef", "idle"),
        ("/tmp-inst/pfx-alice", "active"),
        ("/tmp-inst/pfx-zoe", "orphan"),
        ("/tmp-inst/t-Ab12Cd", "idle"),
    ];
    assert_eq!(found, want.map(|(path, state)| (path.to_owned(), state.to_owned())));
}

#[test]
fn a_level_in_the_name_is_shown() {
    let said = host::with("/tmp /srv/%{UID} level root\n/var/tmp /inst/ level root\n").run(|w| {
        w.mkdir("/inst", 0, (0, 0));
        make_box("/srv", 1001, "tmp_user_u:object_r:tmp_t:s0:c1,c2");
        w.sh("mkdir /inst/system_u:object_r:tmp_t:s0-s0:c0_bob").ok();
        ask(w, "list")
    });
    let levels: Vec<_> = said
        .out
        .lines()
        .map(|line| line.split_whitespace().take(4).collect::<Vec<_>>().join(" "))
        .collect();
    let want = ["UID USER POLYDIR LEVEL", "1001 alice /tmp s0:c1,c2", "1002 bob /var/tmp s0-s0:c0"];
    assert_eq!(levels, want);
}

/// Names that no terminal should be sent, and a file that is no instance.
#[test]
fn odd_names_are_escaped() {
    let said = host::with("/tmp /inst/ user root\n").run(|w| {
        w.mkdir("/inst", 0, (0, 0));
        w.sh("cd /inst && mkdir \"$(printf 'a\\nb')\" \"$(printf '\\377\\033[2J')\"").ok();
        ask(w, "list")
    });
    assert!(
        said.out.contains(" /inst/a\\nb\n") && said.out.contains(" /inst/\\xff\\u{1b}[2J\n"),
        "{}",
        said.out
    );
}

#[test]
fn a_listing_from_inside_a_private_session_is_the_hosts() {
    host::with(TEMPLATES).run(|w| {
        let alice = w.login("alice");
        let inside = alice.sh_as_root(&format!("{RTMPCTL} list --json"));
        assert_eq!(states(&inside), states(&ask(w, "list --json")));
        assert_eq!(states(&inside).len(), 2);
    });
}

#[test]
fn who_is_not_root_is_told_what_they_cannot_see() {
    let said = host::with(TEMPLATES).run(|w| {
        let _alice = w.login("alice");
        w.sh_as("bob", &format!("{RTMPCTL} list"))
    });
    assert!(said.out.contains("alice  -"), "{}", said.out);
    assert!(said.out.contains("note: processes of other users are out of sight"), "{}", said.out);
    assert_eq!(said.status, 1);
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    let said = host::with(TEMPLATES).run(|w| {
        for uid in 2000..4000 {
            make_box("/tmp/user_tmpl", uid, "tmp");
        }
        w.sh(&format!("{{ {RTMPCTL} list; echo $? >&2; }} | head -n 1"))
    });
    assert_eq!(said.err, "0\n");
}

/// A user who was deleted, whose number is in no `/etc/passwd`: the name service is asked each time.
#[test]
fn ten_thousand_instances_are_listed_at_once() {
    let (seconds, lines) = host::with(TEMPLATES).run(|w| {
        for uid in 0..10_000 {
            make_box("/tmp/user_tmpl", 100_000 + uid, "tmp");
        }
        let _alice = w.login("alice");
        let begin = Instant::now();
        let said = ask(w, "list");
        assert_eq!(said.status, 0, "{}", said.err);
        (begin.elapsed().as_secs_f64(), said.out.lines().count())
    });
    eprintln!("10,000 instances were listed in {seconds:.2} s");
    assert_eq!(lines, 1 + 10_000 + 2);
    assert!(seconds < 10.0, "it takes {seconds} s, and 2 s on a machine that does nothing else");
}

/// So that it stays so: each further instance costs a fixed number of system calls.
#[test]
fn an_instance_costs_a_few_system_calls() {
    let per_instance = host::with(TEMPLATES).run(|w| {
        for uid in 0..1000 {
            make_box("/tmp/user_tmpl", 100_000 + uid, "tmp");
        }
        let calls = |w: &World| -> i64 {
            let traced = format!("strace -f -qq -o /run/calls {RTMPCTL} list");
            w.sh(&traced).ok();
            i64::try_from(fs::read_to_string("/run/calls").expect("calls").lines().count())
                .expect("a number")
        };
        let all = calls(w);
        w.sh("cd /tmp/user_tmpl && rm -r 100[0-4]??").ok();
        (all - calls(w)) / 500
    });
    eprintln!("{per_instance} system calls for an instance");
    assert!((1..=30).contains(&per_instance), "{per_instance} system calls for an instance");
}

/// Hard links, sparse files, links elsewhere, mounts and a tree deeper than there are descriptors.
#[test]
fn what_is_allocated_counts_once_and_nothing_else_does() {
    host::with(TEMPLATES).run(|w| {
        let alice = w.login("alice");
        alice
            .sh("head -c 1000000 /dev/zero > /tmp/a && ln /tmp/a /tmp/b && ln -s /usr /tmp/usr")
            .ok();
        alice.sh("truncate -s 1T /tmp/sparse").ok();
        w.sh("mkdir /tmp/user_tmpl/1001/tmp/m && mount -t tmpfs x /tmp/user_tmpl/1001/tmp/m").ok();
        w.sh("head -c 5000000 /dev/zero > /tmp/user_tmpl/1001/tmp/m/x").ok();
        alice.sh("cd /tmp; for i in $(seq 1500); do mkdir -p d && cd d; done; ls -l > deep").ok();
        let said = w.sh(&format!("ulimit -n 64; {RTMPCTL} du --json --user alice"));
        assert_eq!((said.status, said.err.as_str()), (0, ""));
        let found = json(&said)["instances"].clone();
        let bytes = found[0]["bytes"].as_u64().expect("bytes");
        assert!((1_000_000..1_100_000).contains(&bytes), "{bytes}");
        // The instance, a, b, usr, sparse, 1500 directories, deep.
        assert_eq!(found[0]["files"], 1 + 4 + 1500 + 1);
        assert_eq!(found[1]["files"], 1);
        let text = ask(w, "du");
        assert!(
            text.out.contains("/tmp      984K") && text.out.contains(" in 2 instances\n"),
            "{}",
            text.out
        );
    });
}
