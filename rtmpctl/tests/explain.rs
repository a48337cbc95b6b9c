//! What `rtmpctl explain` says of a login.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod world;

use world::World;

const TEMPLATES: &str = "/tmp     /tmp/user_tmpl/%{UID}     level:level,root\n\
                         /var/tmp /var/tmp/user_tmpl/%{UID} level:level,root\n";

#[test]
fn every_decision_is_said_with_its_reason_and_its_line() {
    let world = World::with(TEMPLATES);
    world.dir("/tmp/user_tmpl", 0, 0o755).dir("/tmp/user_tmpl/1001", 1001, 0o700);
    world.file("/etc/pam.d/sshd", "@include common-session\n");
    world.file("/etc/pam.d/common-session", "session required pam_rtmp.so debug\n");
    let said = world.ask("explain", &["alice", "--service", "sshd"]);
    let want = "\
alice: uid 1001, gid 1001, home /home/alice
service sshd calls pam_rtmp.so, required, at R/etc/pam.d/common-session:1, with debug

/tmp is /tmp/user_tmpl/1001/tmp (R/etc/security/namespace.conf:1)
    rule      /tmp /tmp/user_tmpl/%{UID} level root
    because   not in the list root
    method    level is user here: SELinux is disabled
    on disk   /tmp                     exists, owner 0, mode 1777
              /tmp/user_tmpl           exists, owner 0, mode 0755
              /tmp/user_tmpl/1001      exists, owner 1001, mode 0700
              /tmp/user_tmpl/1001/tmp  will be made: like /tmp
/var/tmp is /var/tmp/user_tmpl/1001/var-tmp (R/etc/security/namespace.conf:2)
    rule      /var/tmp /var/tmp/user_tmpl/%{UID} level root
    because   not in the list root
    method    level is user here: SELinux is disabled
    on disk   /var/tmp                         exists, owner 0, mode 1777
              /var/tmp/user_tmpl               will be made: owner 0, mode 0755
              /var/tmp/user_tmpl/1001          will be made: owner 1001, mode 0700
              /var/tmp/user_tmpl/1001/var-tmp  will be made: like /var/tmp

The session gets a mount namespace of its own.
";
    assert_eq!((said.text.as_str(), said.status), (want, 0));
}

#[test]
fn what_does_not_happen_is_said_too() {
    let said = World::with(TEMPLATES).ask("explain", &["root", "--level", "s0:c1"]);
    let want = "\
root: uid 0, gid 0, home /root
(no module options are assumed; --service reads a service's)
(level s0:c1 plays no part: SELinux is disabled)

/tmp stays: exempt by \"root\" (R/etc/security/namespace.conf:1)
    rule      /tmp /tmp/user_tmpl/%{UID} level root
/var/tmp stays: exempt by \"root\" (R/etc/security/namespace.conf:2)
    rule      /var/tmp /var/tmp/user_tmpl/%{UID} level root

Nothing is mounted; the session stays in the namespace it comes from.
";
    assert_eq!((said.text.as_str(), said.status), (want, 0));
}

/// The lines about the service, without those about the user and the rules.
#[test]
fn a_service_is_followed_through_its_includes() {
    for (files, sentence, status) in [
        (
            &[("sshd", "session required pam_unix.so\n")][..],
            "service sshd does not call pam_rtmp.so",
            2,
        ),
        (
            &[("other", "")],
            "service sshd has no file, so \"other\" counts, which does not call pam_rtmp.so",
            2,
        ),
        (
            &[
                ("sshd", "auth include a\nsession substack a\n"),
                ("a", "# x\n-session required /lib/pam_rtmp.so\n"),
            ],
            "service sshd calls pam_rtmp.so, required, at R/etc/pam.d/a:2",
            0,
        ),
        (
            &[("sshd", "auth include a\n"), ("a", "session required pam_rtmp.so\n")],
            "service sshd does not call pam_rtmp.so",
            2,
        ),
        (
            &[(
                "sshd",
                "session [success=1 default=ignore] pam_succeed_if.so x\nsession required pam_rtmp.so\n",
            )],
            "service sshd calls pam_rtmp.so, required, at R/etc/pam.d/sshd:2\n(R/etc/pam.d/sshd:1 may leave out the call)",
            0,
        ),
        (
            &[(
                "sshd",
                "session [success=1 default=ignore] x.so\nsession optional y.so\nsession required pam_rtmp.so\n",
            )],
            "service sshd calls pam_rtmp.so, required, at R/etc/pam.d/sshd:3\n\n",
            0,
        ),
        (
            &[("sshd", "session required pam_rtmp.so gen_hash \\\n  bogus\n")],
            "service sshd calls pam_rtmp.so, required, at R/etc/pam.d/sshd:1, with gen_hash bogus\n(option \"bogus\" is unknown and ignored)",
            0,
        ),
        (
            &[("sshd", "session include gone\n@include sshd\n")],
            "service sshd does not call pam_rtmp.so\nservice sshd includes gone, which is missing",
            2,
        ),
    ] {
        let world = World::with(TEMPLATES);
        for (name, text) in files {
            world.file(&format!("/etc/pam.d/{name}"), text);
        }
        let said = world.ask("explain", &["alice", "--service", "sshd"]);
        assert!(said.text.contains(sentence), "{files:?}: {}", said.text);
        assert_eq!(said.status, status, "{files:?}");
    }
}

#[test]
fn the_service_s_options_count() {
    let world = World::with("/tmp /i/ user\n/var/tmp /i/ uesr\n");
    world.file(
        "/etc/pam.d/su",
        "session required pam_rtmp.so gen_hash unmnt_remnt ignore_config_error\n",
    );
    let said = world.ask("explain", &["alice", "--service", "su", "--ruser", "bob"]);
    let want = "\
ignored: R/etc/security/namespace.conf:2:14: \"uesr\" is not a method; the methods are user, context, level, tmpdir and tmpfs
/tmp is /i/6384e2b2184bcbf58eccf10ca7a6563c, after /tmp was uncovered (R/etc/security/namespace.conf:1)
    rule      /tmp /i/ user
    because   there is no list, so it is for everybody
";
    assert!(said.text.contains(want), "{}", said.text);
    let said = world.ask("explain", &["alice", "--service", "su", "--ruser", "zoe"]);
    assert!(said.text.ends_with("The login is refused: unable to tell whose instances to unmount: there is no user \"zoe\"\n"));
    assert_eq!(said.status, 2);
}

#[test]
fn a_refusal_is_said_with_its_reason() {
    type Make = fn(&World);
    let cases: [(&str, &str, Make, &str); 8] = [
        ("/tmp t tmpfs", "zoe", |_| {}, "there is no user \"zoe\""),
        (
            "/tmp t tmpfs",
            "..",
            |_| {},
            "\"..\" is no user's name: it is empty, . or .., or holds a slash or a NUL byte",
        ),
        (
            "/tmp t tmpsf",
            "alice",
            |_| {},
            "R/etc/security/namespace.conf:1:8: \"tmpsf\" is not a method; the methods are user, context, level, tmpdir and tmpfs",
        ),
        (
            "/tmp /i/ user",
            "alice",
            |w| {
                w.dir("/i", 0, 0o755);
            },
            "instance parent /i: it must belong to root with mode 000, but has owner 0 and mode 755",
        ),
        (
            "/tmp /i/ user",
            "alice",
            |w| {
                w.dir("/i", 0, 0).file("/i/alice", "");
            },
            "instance /i/alice: it is not a directory",
        ),
        (
            "/tmp /i/%{UID} user",
            "alice",
            |w| {
                w.dir("/i/1001", 1002, 0o700).chmod("/i", 0o755);
            },
            "box /i/1001: it must belong to user 1001, but belongs to user 1002",
        ),
        (
            "/no t tmpfs",
            "alice",
            |_| {},
            "polydir /no: it does not exist, and the rule has no create",
        ),
        (
            "/tmp t tmpfs\n/tmp/x t tmpfs",
            "alice",
            |w| {
                w.dir("/tmp/x", 0, 0o755);
            },
            "polydir /tmp/x: it is looked for in the instance of /tmp, which is new and empty",
        ),
    ];
    for (conf, user, make, why) in cases {
        let world = World::with(conf);
        make(&world);
        let said = world.ask("explain", &[user]);
        let want = format!("The login is refused: {why}\n");
        assert!(said.text.ends_with(&want), "{conf}: {}", said.text);
        assert_eq!(said.status, 2);
    }
}

#[test]
fn a_forgery_in_a_box_is_moved_aside_and_refuses_nobody() {
    let world = World::with("/tmp /i/%{UID} user");
    world.dir("/i/1001", 1001, 0o700).chmod("/i", 0o755).link("/i/1001/tmp", "/etc", 1001);
    let said = world.ask("explain", &["alice"]);
    let want = "/i/1001/tmp  it is not a directory; it will be moved aside\n";
    assert!(said.text.contains(want) && said.status == 0, "{}", said.text);
}

#[test]
fn a_squatter_s_directories_go_with_the_squat() {
    let world = World::with("/tmp /tmp/i/%{UID} user");
    world.dir("/tmp/i/1001", 1002, 0o777).dir("/tmp/i", 1002, 0o777);
    let said = world.ask("explain", &["alice"]);
    let want = "\
              /tmp/i           it belongs to user 1002; it will be moved aside
              /tmp/i/1001      will be made: owner 1001, mode 0700
              /tmp/i/1001/tmp  will be made: like /tmp
";
    assert!(said.text.contains(want) && said.status == 0, "{}", said.text);
}

#[test]
fn a_polydir_in_a_polydir_is_looked_for_in_the_instance() {
    let world = World::with("/tmp /i/%{UID} user\n/tmp/x t tmpfs");
    world.dir("/i/1001/tmp/x", 1001, 0o755).dir("/i/1001", 1001, 0o700).chmod("/i", 0o755);
    let said = world.ask("explain", &["alice"]);
    assert!(
        said.text.contains("    on disk   /tmp/x  exists, owner 1001, mode 0755\n"),
        "{}",
        said.text
    );
    assert_eq!(said.status, 0);
}

#[test]
fn what_one_may_not_see_is_said() {
    let world = World::with("/tmp /i/ user");
    world.dir("/i/alice", 1001, 0o755).dir("/i", 0, 0);
    let said = world.ask_as_nobody("explain", &["alice"]);
    assert!(said.text.contains("/i/alice  could not look: permission denied\n"), "{}", said.text);
    assert_eq!(said.status, 1);
    world.chmod("/i", 0o700);
}

#[test]
fn json_says_the_same() {
    let world = World::with("/tmp /tmp/t/%{UID} user:mntopts=nodev root\n");
    let json = world.ask("explain", &["alice", "--json"]).json();
    assert_eq!((&json["outcome"], &json["uid"]), (&"private".into(), &1001.into()));
    let decision = &json["decisions"][0];
    for (key, want) in [
        ("sentence", "/tmp is /tmp/t/1001/tmp, nodev (R/etc/security/namespace.conf:1)"),
        ("verdict", "private"),
        ("instance", "/tmp/t/1001/tmp"),
        ("because", "not in the list root"),
        ("rule", "/tmp /tmp/t/%{UID} user:mntopts=nodev root"),
    ] {
        assert_eq!(decision[key], want, "{key}");
    }
    assert_eq!(decision["flags"], serde_json::json!(["nodev"]));
    let states: Vec<_> =
        decision["disk"].as_array().expect("a list").iter().map(|d| &d["state"]).collect();
    assert_eq!(states, ["exists", "missing", "missing", "missing"]);
    for (user, outcome) in [("root", "untouched"), ("zoe", "refused")] {
        let said = world.ask("explain", &[user, "--json"]);
        assert_eq!(said.json()["outcome"], outcome);
    }
    let said = world.ask("explain", &["alice", "--service", "cron", "--json"]);
    assert_eq!(said.json()["outcome"], "not-called");
    assert_eq!(said.status, 2);
}
