//! `rtmpctl doctor`: one host for each finding, and one that is well.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod world;

use world::World;

const JUMP: &str = "session [success=1 default=ignore] pam_succeed_if.so quiet uid = 0\n";
const CALL: &str = "session required pam_rtmp.so\n";

/// A host on which nothing is wrong: two services, sshd with PAM, parents that do not age.
fn well() -> World {
    let world = World::with(
        "/tmp /tmp/user_tmpl/%{UID} user root\n/var/tmp /var/tmp/user_tmpl/%{UID} user root\n",
    );
    for service in ["sshd", "su"] {
        world.file(&format!("/etc/pam.d/{service}"), format!("{JUMP}{CALL}"));
    }
    world.file("/usr/lib/x86_64-linux-gnu/security/pam_rtmp.so", "");
    world.file("/etc/ssh/sshd_config", "UsePAM yes\n");
    world.file(
        "/usr/lib/tmpfiles.d/tmp.conf",
        "q /tmp 1777 root root 10d\nq /var/tmp 1777 root root 30d\n",
    );
    world.file(
        "/usr/lib/tmpfiles.d/pam_rtmp.conf",
        include_str!("../../packaging/tmpfiles.d/pam_rtmp.conf"),
    );
    world
}

#[test]
fn a_host_that_is_well_is_said_to_be() {
    let said = well().ask("doctor", &[]);
    assert_eq!((said.text.as_str(), said.status), ("2 services: nothing to report\n", 0));
}

/// What makes a host ill, what is said of it, and what helps.
type Case = (&'static str, fn(&World), &'static str, &'static str);

const CASES: &[Case] = &[
    (
        "no service calls the module",
        |w| {
            w.file("/etc/pam.d/sshd", "session required pam_unix.so\n");
            w.file("/etc/pam.d/su", "session required pam_unix.so\n");
        },
        "error: no service calls pam_rtmp.so: nobody has a private directory",
        "rtmpctl enable",
    ),
    (
        "one that lets a user in does not",
        |w| {
            w.file("/etc/pam.d/login", "session required pam_unix.so\n");
        },
        "warning: service login opens sessions on the host's directories, without pam_rtmp.so",
        "rtmpctl enable --services login",
    ),
    (
        "nor does cron",
        |w| {
            w.file("/etc/pam.d/cron", "session required pam_unix.so\n");
        },
        "warning: service cron opens sessions on the host's directories, without pam_rtmp.so",
        "rtmpctl enable --services cron",
    ),
    (
        "a display manager",
        |w| {
            w.file("/etc/pam.d/gdm-password", "session required pam_unix.so\n");
        },
        "warning: service gdm-password opens sessions on the host's directories, without pam_rtmp.so",
        "rtmpctl enable --services gdm-password",
    ),
    (
        "systemd --user, whose file is the distribution's",
        |w| {
            w.file("/usr/lib/pam.d/systemd-user", "session required pam_unix.so\n");
        },
        "warning: service systemd-user opens sessions on the host's directories, without pam_rtmp.so",
        "rtmpctl enable --services systemd-user",
    ),
    (
        "the module is not there",
        |w| {
            std::fs::remove_file(w.path("/usr/lib/x86_64-linux-gnu/security/pam_rtmp.so"))
                .expect("it is there")
        },
        "error: pam_rtmp.so is not in any directory where libpam looks for modules, and services call it: every session is refused",
        "install the package again, or take the lines out: rtmpctl disable",
    ),
    (
        "root is not let past it",
        |w| {
            w.file("/etc/pam.d/su", CALL);
        },
        "R/etc/pam.d/su:1:18: warning: root is refused, too, where the configuration is broken",
        "put before it: session [success=1 default=ignore] pam_succeed_if.so quiet uid = 0",
    ),
    (
        "others are let past it",
        |w| {
            w.file("/etc/pam.d/su", format!("session sufficient pam_permit.so\n{JUMP}{CALL}"));
        },
        "R/etc/pam.d/su:1:20: warning: this line may leave out pam_rtmp.so behind it",
        "only the jump for root may: put the module before this line",
    ),
    (
        "it is optional",
        |w| {
            w.file("/etc/pam.d/su", format!("{JUMP}session optional pam_rtmp.so\n"));
        },
        "R/etc/pam.d/su:2:18: warning: where a private session is refused, one that is not private is opened",
        "make it required",
    ),
    (
        "it is called twice",
        |w| {
            w.file("/etc/pam.d/su", format!("{JUMP}{CALL}{CALL}"));
        },
        "R/etc/pam.d/su:3:18: warning: pam_rtmp.so is called twice in one session",
        "leave one of the calls",
    ),
    (
        "pam_namespace is called, too",
        |w| {
            w.file("/etc/pam.d/su", format!("{JUMP}{CALL}session required pam_namespace.so\n"));
        },
        "R/etc/pam.d/su:3:18: warning: pam_namespace.so is called beside pam_rtmp.so: each mounts over what the other has mounted",
        "take this line out, or let rtmpctl enable --services put pam_rtmp.so in its place",
    ),
    (
        "the level is not known yet where it stands",
        |w| {
            w.file("/etc/selinux/config", "SELINUX=enforcing\n");
            w.file("/etc/security/namespace.conf", "/tmp /tmp/user_tmpl/%{UID} level root\n");
            w.file("/etc/pam.d/su", format!("{JUMP}{CALL}session required pam_selinux.so open\n"));
        },
        "R/etc/pam.d/su:3:18: warning: service su sets the SELinux context behind pam_rtmp.so, which takes the level from it",
        "put pam_rtmp.so behind this line, in this file",
    ),
    (
        "there is no configuration",
        |w| std::fs::remove_file(w.path("/etc/security/namespace.conf")).expect("it is there"),
        "error: /etc/security/namespace.conf cannot be read: where pam_rtmp.so is called, everybody but root is refused",
        "write one: README.md and namespace.conf(5) have examples",
    ),
    (
        "it has errors",
        |w| {
            w.file("/etc/security/namespace.conf", "/tmp /t/ nonsense\n");
        },
        "error: the configuration has 1 error(s), for which logins may be refused",
        "rtmpctl check",
    ),
    (
        "a parent that others can write",
        |w| {
            w.dir("/tmp/user_tmpl", 0, 0o777);
        },
        "R/etc/security/namespace.conf:1:6: error: instance parent /tmp/user_tmpl: it must belong to root, and nobody else may write it, but has owner 0 and mode 777; the login is refused",
        "make it root's, a directory, and mode 0755: install -d -o root -g root -m 0755 /tmp/user_tmpl, after moving away what is there",
    ),
    (
        "a parent that a user has made",
        |w| {
            w.dir("/tmp/user_tmpl", 1001, 0o755);
        },
        "R/etc/security/namespace.conf:1:6: warning: instance parent /tmp/user_tmpl: it belongs to user 1001; it will be moved aside",
        "make it root's, a directory, and mode 0755: install -d -o root -g root -m 0755 /tmp/user_tmpl, after moving away what is there",
    ),
    (
        "systemd-tmpfiles takes the boxes away",
        |w| {
            w.file("/usr/lib/tmpfiles.d/pam_rtmp.conf", "x /var/tmp/user*\n");
        },
        "R/usr/lib/tmpfiles.d/tmp.conf:1:1: warning: systemd-tmpfiles removes from /tmp/user_tmpl what was not used for 10d, open sessions or not",
        "in /etc/tmpfiles.d: \"x /tmp/user_tmpl\", and for the age of what is in the instances \"e /tmp/user_tmpl/*/* - - - 10d\"",
    ),
    (
        "so does tmpreaper",
        |w| {
            w.file("/etc/tmpreaper.conf", "TMPREAPER_PROTECT_EXTRA=''\nTMPREAPER_DIRS='/tmp/.'\n");
        },
        "R/etc/tmpreaper.conf:2:1: warning: tmpreaper removes old files below /tmp/, and with them what is in /tmp/user_tmpl",
        "add '/tmp/user_tmpl/*' to TMPREAPER_PROTECT_EXTRA",
    ),
    (
        "Kerberos tickets in /tmp",
        |w| {
            w.file(
                "/etc/krb5.conf",
                "[libdefaults]\n  default_ccache_name = FILE:/tmp/krb5cc_%{uid}\n",
            );
        },
        "R/etc/krb5.conf:2:1: warning: Kerberos tickets are kept in /tmp/krb5cc_%{uid}: what sshd writes there before the session opens, the session does not see",
        "set default_ccache_name = KEYRING:persistent:%{uid}, or DIR: below /run/user/%{uid}",
    ),
    (
        "and in sssd's template",
        |w| {
            w.file(
                "/etc/sssd/sssd.conf",
                "[domain/x]\nkrb5_ccname_template = FILE:/tmp/krb5cc_%U_XXXXXX\n",
            );
        },
        "R/etc/sssd/sssd.conf:2:1: warning: Kerberos tickets are kept in /tmp/krb5cc_%U_XXXXXX: what sshd writes there before the session opens, the session does not see",
        "set default_ccache_name = KEYRING:persistent:%{uid}, or DIR: below /run/user/%{uid}",
    ),
    (
        "sshd without PAM",
        |w| {
            w.file("/etc/ssh/sshd_config", "Port 22\nusepam no\nUsePAM yes\n");
        },
        "R/etc/ssh/sshd_config:2:1: error: sshd does not use PAM: who logs in with a key gets the host's directories",
        "set UsePAM yes",
    ),
    (
        "sshd without a word of PAM",
        |w| {
            w.file("/etc/ssh/sshd_config", "Port 22\nMatch user alice\nUsePAM yes\n");
        },
        "R/etc/ssh/sshd_config:1:1: error: sshd does not use PAM: who logs in with a key gets the host's directories",
        "set UsePAM yes",
    ),
    (
        "sshd in a /tmp of its own",
        |w| {
            w.file("/usr/lib/systemd/system/ssh.service", "[Service]\nPrivateTmp=no\n");
            w.file("/etc/systemd/system/ssh.service.d/private.conf", "[Service]\nPrivateTmp=yes\n");
        },
        "R/etc/systemd/system/ssh.service.d/private.conf:2:1: error: ssh.service has PrivateTmp=yes: its sessions share the service's own /tmp, and lose it when it is restarted",
        "set PrivateTmp=no there, systemctl daemon-reload, and restart ssh.service",
    ),
    (
        "a session whose service has one, too",
        |w| {
            let unit = "[Service]\nUser=alice\nPAMName=login\nPrivateTmp=true\n";
            w.file("/etc/systemd/system/kiosk.service", unit);
        },
        "R/etc/systemd/system/kiosk.service:4:1: warning: kiosk.service has PAMName=login and PrivateTmp=true: where that session has a /tmp of pam_rtmp.so, the service does not start (226/NAMESPACE)",
        "leave PrivateTmp= out: the /tmp of the session is the user's private one; or, for one of its own: TemporaryFileSystem=/tmp:mode=1777 /var/tmp:mode=1777",
    ),
    (
        "a change that waits",
        |w| {
            w.file("/var/lib/rtmpctl/enable/unconfirmed", "{}");
        },
        "note: rtmpctl enable --try waits to be confirmed",
        "rtmpctl enable --confirm in a new login, or rtmpctl disable",
    ),
    (
        "a change that was cut short",
        |w| {
            for (file, text) in [("before/etc/pam.d/su", "old"), ("after/etc/pam.d/su", "new")] {
                w.file(&format!("/var/lib/rtmpctl/enable/{file}"), text);
            }
            w.file("/var/lib/rtmpctl/enable/before/etc/pam.d/sshd", format!("{JUMP}{CALL}"));
            w.file("/var/lib/rtmpctl/enable/after/etc/pam.d/sshd", "new");
        },
        "warning: rtmpctl enable was interrupted: 1 of 2 files are still the old ones",
        "rtmpctl enable again, or rtmpctl disable",
    ),
];

#[test]
fn each_finding_has_its_place_and_what_helps() {
    for (host, make_ill, finding, cure) in CASES {
        let world = well();
        make_ill(&world);
        let said = world.ask("doctor", &[]);
        assert!(said.text.contains(&format!("{finding}\n")), "{host}: {}", said.text);
        assert!(said.text.contains(&format!("      = {cure}\n")), "{host}: {}", said.text);
        let is_note = finding.starts_with("note: ");
        assert_eq!(said.status, if is_note { 0 } else { 2 }, "{host}");
    }
}

#[test]
fn what_keeps_the_boxes_from_ageing_is_understood() {
    for (fragment, is_kept) in [
        ("x /tmp/user_tmpl\nx /var/tmp/user_tmpl\n", true),
        ("d /tmp/user_tmpl 0755 root root -\nd /var/tmp/user_tmpl 0755 root root -\n", true),
        ("x /tmp/user_*\nx /var/tmp/*_tmpl\n", true),
        ("x /tmp\nx /var/tmp\n", true),
        ("x /tmp/user_tmpl/1000\n", false),
        ("d /tmp/user_tmpl 0755 root root 1d\nd /var/tmp/user_tmpl 0755 root root 1d\n", false),
        ("# x /tmp/user_tmpl\n", false),
        ("", false),
    ] {
        let world = well();
        world.file("/usr/lib/tmpfiles.d/pam_rtmp.conf", fragment);
        let said = world.ask("doctor", &[]);
        assert_eq!(
            !said.text.contains("systemd-tmpfiles removes"),
            is_kept,
            "{fragment}: {}",
            said.text
        );
    }
    // Of two files with one name, the administrator's counts.
    let world = well();
    world.file("/etc/tmpfiles.d/pam_rtmp.conf", "");
    assert!(world.ask("doctor", &[]).text.contains("systemd-tmpfiles removes"));
}

#[test]
fn as_json_it_is_the_same() {
    let world = well();
    world.file("/etc/pam.d/su", CALL);
    let json = world.ask("doctor", &["--json"]).json();
    assert_eq!(
        (&json["command"], &json["services"], &json["warnings"]),
        (&"doctor".into(), &2.into(), &1.into())
    );
    let finding = &json["findings"][0];
    assert_eq!((&finding["lint"], &finding["line"]), (&"root-jump".into(), &1.into()));
    assert!(finding["note"].as_str().is_some_and(|note| note.starts_with("put before it: ")));
}
