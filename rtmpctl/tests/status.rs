//! What `rtmpctl status` says of a host with sessions alive.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod host;

use host::{RTMPCTL, TEMPLATES, json};
use rtmp_tests::World;
use rtmp_tests::process::{become_user, start};

fn ask(w: &World, words: &str) -> rtmp_tests::Outcome {
    w.sh(&format!("{RTMPCTL} status {words}"))
}

/// The world's own services; a real host's vendor directory has more.
fn without_services(text: &str) -> String {
    let others = |line: &&str| !line.contains("pam_rtmp.so") && !line.contains("without it");
    text.lines().filter(others).map(|line| format!("{line}\n")).collect()
}

#[test]
fn one_screen_says_it_all() {
    let said = host::with(TEMPLATES).run(|w| {
        let (_alice, _again, _bob) = (w.login("alice"), w.login("alice"), w.login("bob"));
        ask(w, "")
    });
    let want = "\
rules      2 in /etc/security/namespace.conf: nothing wrong
           /tmp /tmp/user_tmpl/%{UID} user; parent /tmp/user_tmpl exists, owner 0, mode 0755
           /var/tmp /var/tmp/user_tmpl/%{UID} user; parent /var/tmp/user_tmpl exists, owner 0, mode 0755
processes  4 exempt, in the host's directories
           3 of exempt users inside others' sessions
";
    assert_eq!((without_services(&said.out).as_str(), said.err.as_str()), (want, ""));
    assert_eq!(said.status, 0);
}

/// Somebody came before the module was called, or past it; somebody else is where they should be.
#[test]
fn each_process_is_counted_as_what_it_is() {
    let counts = host::with(TEMPLATES).run(|w| {
        let (alice, again, bob) = (w.login("alice"), w.login("alice"), w.login("bob"));
        for session in [&alice, &again, &bob] {
            session.sh("sleep 60 >/dev/null 2>&1 &").ok();
        }
        // As sudo does without the module: bob in alice's session.
        alice.sh_as_root("setpriv --reuid=1002 --clear-groups sleep 60 >/dev/null 2>&1 &").ok();
        let _stale = start(|| {
            become_user("bob");
            std::thread::sleep(std::time::Duration::from_secs(60));
        });
        w.sh_as("sshd", "sleep 60 >/dev/null 2>&1 &").ok();
        w.sh("unshare -m sh -c 'mount -t tmpfs x /tmp; exec sleep 60' >/dev/null 2>&1 &").ok();
        w.sh("until grep -qs '^x /tmp' /proc/[0-9]*/mounts; do sleep 0.01; done").ok();
        let said = ask(w, "--json");
        assert_eq!(said.status, 2, "{}", ask(w, "").out);
        let processes = json(&said)["processes"].clone();
        let count = |class: &str| processes[class]["processes"].as_u64();
        assert_eq!(processes["stale"]["users"][0]["user"], "bob");
        assert_eq!(processes["private"]["sessions"], 3);
        ["private", "inside", "service", "stale", "foreign", "unseen"].map(count)
    });
    assert_eq!(counts, [3, 3, 1, 1, 2, 0].map(Some));
}

/// A process names itself, in any bytes.
#[test]
fn an_odd_name_is_escaped() {
    host::with(TEMPLATES).run(|w| {
        let _odd = start(|| {
            std::fs::write("/proc/self/comm", b"\xff\x1b[2J) Z 1").expect("a name");
            become_user("bob");
            std::fs::write("/tmp/ready", "").expect("a file");
            std::thread::sleep(std::time::Duration::from_secs(60));
        });
        w.sh("until [ -e /tmp/ready ]; do sleep 0.01; done").ok();
        let said = ask(w, "");
        assert!(said.out.contains(" \\xff\\u{1b}[2J) Z 1\n"), "{}", said.out);
        let named =
            json(&ask(w, "--json"))["processes"]["stale"]["users"][0]["processes"][0]["name"]
                .clone();
        assert_eq!(named, "\\xff\\u{1b}[2J) Z 1");
    });
}

/// Processes come and go by the hundred while they are looked at.
#[test]
fn processes_that_vanish_are_left_out() {
    host::with(TEMPLATES).run(|w| {
        w.sh(
            "(while :; do for i in 1 2 3 4 5 6 7 8; do true & done; wait; done) >/dev/null 2>&1 &",
        )
        .ok();
        for _ in 0..30 {
            let said = ask(w, "--json");
            assert_eq!((said.status, said.err.as_str()), (0, ""), "{}", said.out);
            assert_eq!(json(&said)["processes"]["unseen"]["processes"], 0);
        }
    });
}

#[test]
fn who_is_not_root_sees_their_own_and_is_told_so() {
    host::with(TEMPLATES).run(|w| {
        let alice = w.login("alice");
        for said in
            [alice.sh(&format!("{RTMPCTL} status")), w.sh_as("bob", &format!("{RTMPCTL} status"))]
        {
            assert!(
                said.out.contains("that could not be looked into; root sees them all\n"),
                "{}",
                said.out
            );
        }
        let own = alice.sh(&format!("{RTMPCTL} status --json"));
        assert_eq!(
            (own.status, &json(&own)["processes"]["private"]["users"][0]["user"]),
            (1, &"alice".into())
        );
    });
}

#[test]
fn a_host_on_which_it_is_off_says_so() {
    let said = host::with("").run(|w| {
        w.sh("rm -r /etc/pam.d /etc/security/namespace.conf; mkdir /etc/pam.d").ok();
        w.write("/etc/pam.d/sshd", "session required pam_unix.so\n");
        ask(w, "")
    });
    assert!(said.out.starts_with("rules      none: there is no namespace.conf\n"), "{}", said.out);
    assert_eq!(said.status, 2);
}
