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
