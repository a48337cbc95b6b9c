//! What `rtmpctl verify` proves, and that it says so when a promise is broken.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod host;

use host::{RTMPCTL, TEMPLATES, json};
use rtmp_tests::process::{become_user, start};
use rtmp_tests::world::Blueprint;
use rtmp_tests::{Outcome, World};

fn verify(w: &World, words: &str) -> Outcome {
    w.sh(&format!("{RTMPCTL} verify {words}"))
}

/// Everything that a look could leave behind.
fn everything(w: &World) -> String {
    w.sh("find / -xdev \\( -path /proc -o -path /var/log -o -path /run \\) -prune -o -printf '%p %M %U\\n' | sort; \
          cat /proc/self/mountinfo; pgrep -c rtmpctl; true").ok()
}

#[test]
fn every_promise_is_looked_at_and_nothing_is_left() {
    let said = host::with(TEMPLATES).run(|w| {
        let _carol = w.login("carol");
        let before = everything(w);
        let said = verify(w, "");
        assert_eq!(everything(w), before);
        said
    });
    let want = "\
sessions of alice and bob through pam_rtmp.so alone
PASS  processes that run see what the rules say (5 processes)
PASS  a session opens (alice)
PASS  it sees the user's own instance (alice /tmp)
PASS  owner and mode are the polydir's (alice /tmp)
PASS  the mount has the polydir's flags and the rule's (alice /tmp)
-     the SELinux context is the polydir's (alice /tmp): SELinux is disabled
PASS  the instance parent and the box are closed (alice /tmp)
PASS  another session does not see what is written (alice /tmp)
PASS  the host's polydir does not have it (alice /tmp)
PASS  the instance has it (alice /tmp)
PASS  another user cannot reach it there (alice /tmp)
";
    assert!(said.out.starts_with(want), "{}{}", said.out, said.err);
    assert!(said.out.ends_with("37 kept, 0 broken\n"), "{}", said.out);
    assert_eq!((said.status, said.err.as_str()), (0, ""));
}

/// A host on which nobody has logged in yet: not even the instance parents are there.
#[test]
fn the_first_sessions_of_a_host_leave_nothing_either() {
    for conf in [
        TEMPLATES,
        "/tmp /srv/%{UID} user:flat root\n/var/tmp t tmpfs root\n",
        "/tmp /tmp-inst/ user root\n/var/tmp /tmp-inst/t- tmpdir root\n",
    ] {
        host::with(conf).run(|w| {
            w.mkdir("/tmp-inst", 0, (0, 0));
            let before = everything(w);
            let said = verify(w, "bob");
            assert!(said.out.starts_with("sessions of bob and alice through"), "{}", said.out);
            assert_eq!((said.status, everything(w)), (0, before), "{}", said.out);
        });
    }
}

#[test]
fn a_real_service_is_verified_with_all_that_its_modules_do() {
    let said = host::with(TEMPLATES).run(|w| verify(w, "carol alice --service sshd"));
    assert!(
        said.out.starts_with("sessions of carol and alice through service sshd\n"),
        "{}",
        said.out
    );
    assert_eq!(said.status, 0, "{}", said.out);
}

/// Nobody's own processes change, whoever calls.
#[test]
fn it_works_from_inside_a_private_session() {
    host::with(TEMPLATES).run(|w| {
        let alice = w.login("alice");
        let (before, mounts) = (alice.caller(), w.read("/proc/self/mountinfo"));
        let said = alice.sh_as_root(&format!("{RTMPCTL} verify"));
        assert_eq!(said.status, 0, "{}", said.out);
        assert_eq!((alice.caller(), w.read("/proc/self/mountinfo")), (before, mounts));
    });
}

#[test]
fn an_exempt_user_is_to_stay_on_the_hosts() {
    let said = host::with("/tmp /srv/%{UID} user root,carol\n").run(|w| verify(w, "carol"));
    assert!(
        said.out.contains("PASS  an exempt user stays on the host's (carol /tmp)\n"),
        "{}",
        said.out
    );
    assert_eq!(said.status, 0, "{}", said.out);
}

#[test]
fn without_two_users_or_without_root_there_is_no_answer() {
    let said = host::with("/tmp /srv/%{UID} user root,alice,bob\n").run(|w| verify(w, ""));
    assert!(said.err.contains("it takes two users whom the rules do not exempt"), "{}", said.err);
    assert_eq!(said.status, 1);
    let said = host::with(TEMPLATES).run(|w| w.sh_as("bob", &format!("{RTMPCTL} verify")));
    assert_eq!(said.err, "rtmpctl: unable to open sessions: only root may do that\n");
}

/// A host whose sessions go through this stack, with the module and what breaks its work: a script
/// that root runs in the new session.
fn broken(conf: &str, script: &str) -> Outcome {
    let world: Blueprint = host::with(conf);
    world.run(|w| {
        w.write("/srv/break", &format!("#!/bin/sh\nexport PATH=/usr/bin:/bin:/usr/sbin:/sbin\n{script}\n"));
        w.sh("chmod 755 /srv/break").ok();
        w.write(
            "/etc/pam.d/broken",
            "session required pam_rtmp.so\nsession optional pam_exec.so type=open_session /srv/break\n",
        );
        verify(w, "--service broken --json")
    })
}

fn fails(said: &Outcome) -> Vec<String> {
    let checks = json(said)["checks"].as_array().cloned().expect("checks");
    let failed = checks.iter().filter(|check| check["result"] == "fail");
    let mut failed: Vec<_> =
        failed.map(|check| check["promise"].as_str().unwrap_or_default().to_owned()).collect();
    failed.sort();
    failed.dedup();
    failed
}

/// Each row breaks one promise; those that go with it are named, too.
#[test]
fn each_promise_is_seen_to_be_broken() {
    const ONE: &str = "/tmp /tmp/user_tmpl/%{UID} user root\n";
    const ON_HOST: &str = "nsenter -t 1 -m";
    for (promise, conf, script, want) in [
        ("none", ONE, "true".to_owned(), &[][..]),
        // Another directory of the same kind, but of this session alone.
        (
            "own-instance",
            ONE,
            "mount -t tmpfs -o mode=1777 x /tmp".to_owned(),
            &["kept-in-instance", "own-instance"],
        ),
        ("owner-and-mode", ONE, "chmod 0777 /tmp".to_owned(), &["owner-and-mode"]),
        (
            "flags",
            "/tmp /tmp/user_tmpl/%{UID} user:mntopts=nodev,nosuid root\n",
            "mount -o remount,bind,dev /tmp".to_owned(),
            &["flags"],
        ),
        // alice's and bob's are one.
        (
            "unseen-by-other",
            ONE,
            format!(
                "[ \"$PAM_USER\" = bob ] && {ON_HOST} true; d=/srv/shared; mkdir -p $d; chmod 1777 $d; mount --bind $d /tmp"
            ),
            &["kept-in-instance", "own-instance", "unseen-by-other"],
        ),
        (
            "unseen-on-host",
            ONE,
            "umount /tmp".to_owned(),
            &["kept-in-instance", "own-instance", "unseen-by-other", "unseen-on-host"],
        ),
        (
            "unreachable",
            ONE,
            format!("{ON_HOST} chmod 0755 /tmp/user_tmpl/1001"),
            &["parent-and-box", "unreachable"],
        ),
        (
            "parent-and-box",
            "/tmp /tmp-inst/ user root\n",
            format!("[ $PAM_USER = alice ] || {ON_HOST} chmod 0100 /tmp-inst"),
            &["parent-and-box"],
        ),
    ] {
        let said = broken(conf, &script);
        assert_eq!(fails(&said), want, "{promise}: {}", said.out);
        assert_eq!(said.status, if want.is_empty() { 0 } else { 2 }, "{promise}");
    }
}

#[test]
fn a_session_that_is_refused_is_a_broken_promise() {
    let said = host::with("/tmp /srv/parent/ user root\n").run(|w| {
        w.mkdir("/srv/parent", 0o755, (0, 0));
        verify(w, "--json")
    });
    assert_eq!((fails(&said), said.status), (vec!["opens".to_owned()], 2));
}

/// As a module would that forgets to stop propagation.
#[test]
fn a_mount_that_leaves_the_session_is_seen_and_does_not_reach_the_host() {
    let (fails, on_host) = host::with("/tmp /srv/%{UID} user root\n").run(|w| {
        w.write(
            "/srv/break",
            "#!/bin/sh\nPATH=/usr/bin:/bin; [ $PAM_USER = bob ] || exit 0\n\
             exec nsenter -t $(ps -o ppid= -p $(ps -o ppid= -p $$)) -m mount -t tmpfs leak /mnt\n",
        );
        w.sh("chmod 755 /srv/break").ok();
        w.write(
            "/etc/pam.d/broken",
            "session required pam_rtmp.so\nsession optional pam_exec.so type=open_session quiet /srv/break\n",
        );
        let said = verify(w, "--service broken --json");
        (fails(&said), w.read("/proc/self/mountinfo").contains("leak"))
    });
    assert_eq!((fails, on_host), (vec!["no-mount-outside".to_owned()], false));
}

#[test]
fn an_exempt_user_who_is_not_on_the_hosts_is_seen() {
    let said = host::with("/tmp /srv/%{UID} user root,carol\n").run(|w| {
        w.write("/srv/break", "#!/bin/sh\n[ $PAM_USER = carol ] && /usr/bin/mount -t tmpfs x /tmp\n");
        w.sh("chmod 755 /srv/break").ok();
        w.write(
            "/etc/pam.d/broken",
            "session required pam_rtmp.so\nsession optional pam_exec.so type=open_session /srv/break\n",
        );
        verify(w, "carol --service broken --json")
    });
    assert!(fails(&said).contains(&"exempt".to_owned()), "{}", said.out);
}

/// Somebody was here before the module was called; somebody is in alice's session without one.
#[test]
fn a_running_process_that_is_not_where_it_should_be_is_named() {
    host::with(TEMPLATES).run(|w| {
        let alice = w.login("alice");
        assert_eq!(verify(w, "").status, 0);
        alice.sh_as_root("setpriv --reuid=1002 --clear-groups sleep 60 >/dev/null 2>&1 &").ok();
        w.sh("until pgrep -u bob sleep; do sleep 0.01; done").ok();
        let said = verify(w, "");
        assert!(said.out.contains("sleep of bob (uid 1002) sees another user's instance"), "{}", said.out);
        let _stale = start(|| {
            become_user("bob");
            std::thread::sleep(std::time::Duration::from_secs(60));
        });
        w.sh("until pgrep -u bob -x -f '.*verify.*' || pgrep -u bob -c . | grep -q 2; do sleep 0.01; done").ok();
        let said = verify(w, "");
        assert!(said.out.contains(" of bob (uid 1002) is not private"), "{}", said.out);
        assert_eq!(said.status, 2);
    });
}

/// What a session has made and a user keeps is left, and said.
#[test]
fn what_cannot_be_taken_away_is_said() {
    let said = broken(
        "/tmp /srv/box/%{UID} user root\n",
        "nsenter -t 1 -m mount -t tmpfs x /srv/box/$(id -u $PAM_USER) 2>/dev/null; true",
    );
    assert!(fails(&said).contains(&"nothing-left".to_owned()), "{}", said.out);
}
