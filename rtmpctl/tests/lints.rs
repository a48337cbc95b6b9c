//! What `rtmpctl check` finds, and what it does not complain of.

mod world;

use world::World;

const TEMPLATES: &str = "/tmp     /tmp/user_tmpl/%{UID}     level root\n\
                         /var/tmp /var/tmp/user_tmpl/%{UID} level root\n";

/// The findings for a first line; the second gives `/var/tmp` a good one, so that it is not missed.
fn of_line(line: &str) -> Vec<String> {
    World::with(format!("{line}\n/var/tmp /var/tmp/t/%{{UID}} user root")).findings()
}

#[test]
fn a_template_s_other_spellings_are_shown_in_the_usual_one() {
    for (method, want) in [
        ("level:level,root", "1:20: note: means: level root"),
        ("level=root,@adm", "1:20: note: means: level root,@adm"),
        ("level=root daemon", "1:20: note: means: level daemon,root"),
    ] {
        assert_eq!(of_line(&format!("/tmp /tmp/t/%{{UID}} {method}")), [want], "{method}");
    }
}

#[test]
fn words_that_do_nothing_are_found() {
    for (line, want) in [
        (
            "/tmp /tmp/t/%{UID} user:nodev root",
            vec![
                "1:25: warning: \"nodev\" is not a flag and ignored; the flags are create, flat, iscript, mntopts, noinit and shared",
            ],
        ),
        (
            "/tmp /tmp/t/%{UID} user:mntopts=nodve root",
            vec![
                "1:33: warning: \"nodve\" is ignored; a bind mount takes nodev, noexec, nosuid and ro",
            ],
        ),
        (
            "/tmp /tmp/t/%{UID} user:mntopts=noexec root",
            vec![
                "1:1: note: noexec: nothing in /tmp can be run, which installers, build tools and editors' remote servers do",
            ],
        ),
        (
            "/tmp t tmpfs:mntopts=size=1m,noatime root",
            vec![
                "1:1: warning: tmpfs(5) has no option \"noatime\"; the kernel refuses it, and the login is refused",
            ],
        ),
        ("/tmp t tmpfs:mntopts=size=1m,mode=1777 root", vec![]),
        ("/tmp t tmpfs:create=0755,zoe root", vec!["1:26: error: there is no user \"zoe\""]),
        (
            "/tmp t tmpfs:iscript=no.sh root",
            vec![
                "1:22: warning: script /etc/security/namespace.d/no.sh does not exist, so none is run",
            ],
        ),
    ] {
        assert_eq!(of_line(line), want, "{line}");
    }
    let said = World::with("/tmp t tmpfs root, adm").ask("check", &[]);
    assert!(said.text.contains("\"adm\" is a fifth field and ignored"), "{}", said.text);
    assert!(said.text.contains("      = a list has no blanks: write root,adm\n"), "{}", said.text);
}

#[test]
fn names_that_are_nobody_s_are_found() {
    let root = "1:1: warning: root is not exempt: what refuses a login refuses root's too";
    for (list, want) in [
        ("root,alice,@adm,:999", vec![]),
        ("root,zoe", vec!["1:19: warning: there is no user \"zoe\"; the entry matches nobody"]),
        (
            "root,adm",
            vec!["1:19: warning: \"adm\" is a group and no user; the entry matches nobody"],
        ),
        ("root,@zoo", vec!["1:19: warning: there is no group \"zoo\"; the entry matches nobody"]),
        ("root,1001", vec!["1:19: warning: there is no user \"1001\"; the entry matches nobody"]),
        ("root,~bob", vec!["1:19: warning: there is no user \"~bob\"; the entry matches nobody"]),
        (
            "root,bob",
            vec!["1:19: warning: \"bob\" shares user number 1002 with \"bob2\": not exempt"],
        ),
        (
            "~bob",
            vec![
                "1:15: note: \"bob\" shares user number 1002 with \"bob2\": polyinstantiated as well",
            ],
        ),
        ("~alice", vec![]),
        (
            "~zoe,@zoo",
            vec![
                "1:15: warning: there is no user \"zoe\"; the entry matches nobody",
                "1:19: warning: there is no group \"zoo\"; the entry matches nobody",
                "1:15: error: nobody is in this list, so nobody is polyinstantiated",
            ],
        ),
        ("~", vec!["1:14: warning: names nobody, so nobody is polyinstantiated"]),
        ("alice", vec![root]),
        ("", vec![root]),
        ("1:", vec![root]),
        ("@root", vec![]),
    ] {
        let mut found = of_line(&format!("/tmp t tmpfs {list}"));
        let mut want: Vec<_> = want.into_iter().map(str::to_owned).collect();
        found.sort();
        want.sort();
        assert_eq!(found, want, "{list}");
    }
}

#[test]
fn an_instance_parent_that_refuses_logins_is_found() {
    let hidden =
        "1:6: error: instance parent /i: it must belong to root with mode 000, but has owner";
    let listed = "1:6: error: instance parent /i: it must belong to root, and nobody else may write it, but has owner";
    let refused = "; the login is refused";
    for (line, uid, mode, want) in [
        ("/tmp /i/ user root", 0, 0, None),
        ("/tmp /i/ user root", 0, 0o1000, None),
        ("/tmp /i/ user root", 0, 0o755, Some(format!("{hidden} 0 and mode 755{refused}"))),
        ("/tmp /i/ user root", 1001, 0, Some(format!("{hidden} 1001 and mode 000{refused}"))),
        ("/tmp /i/ tmpdir root", 0, 0o700, Some(format!("{hidden} 0 and mode 700{refused}"))),
        ("/tmp /i/%{UID} user root", 0, 0o755, None),
        ("/tmp /i/%{UID} user root", 0, 0o700, None),
        ("/tmp /i/%{UID} user root", 0, 0o775, Some(format!("{listed} 0 and mode 775{refused}"))),
        (
            "/tmp /i/%{UID} user root",
            1001,
            0o755,
            Some(format!("{listed} 1001 and mode 755{refused}")),
        ),
    ] {
        let world = World::with(format!("{line}\n/var/tmp t tmpfs root"));
        world.dir("/i", uid, mode);
        assert_eq!(world.findings(), Vec::from_iter(want), "{line} {uid} {mode:o}");
        world.chmod("/i", 0o700);
    }
}

#[test]
fn every_kind_of_wrong_place_is_found() {
    type Make = fn(&World);
    let cases: [(&str, Make, &str); 12] = [
        (
            "/tmp /a/b/ user root",
            |_| {},
            "1:6: error: instance parent /a/b: neither it nor /a exists, and only it would be made; the login is refused",
        ),
        (
            "/tmp /i/ user root",
            |w| {
                w.file("/i", "");
            },
            "1:6: error: instance parent /i: it is not a directory; the login is refused",
        ),
        (
            "/tmp /tmp/i/ user root",
            |w| {
                w.dir("/tmp/i", 1001, 0o700);
            },
            "1:6: warning: instance parent /tmp/i: it belongs to user 1001; it will be moved aside",
        ),
        (
            "/tmp /tmp/i/ user root",
            |w| {
                w.link("/tmp/i", "/etc", 1001);
            },
            "1:6: warning: instance parent /tmp/i: it is a link and belongs to user 1001; it will be moved aside",
        ),
        (
            "/tmp /tmp/i/ user root",
            |w| {
                w.dir("/x", 0, 0).link("/tmp/i", "/x", 0);
            },
            "1:6: error: instance parent /tmp/i: it is a link in a directory that others can write; the login is refused",
        ),
        (
            "/tmp /tmp/i/ user root",
            |w| {
                w.dir("/tmp/i", 0, 0o755);
            },
            "1:6: error: instance parent /tmp/i: it must belong to root with mode 000, but has owner 0 and mode 755; the login is refused",
        ),
        (
            "/tmp /s/i/ user root",
            |w| {
                w.dir("/s", 0, 0o777).dir("/s/i", 0, 0);
            },
            "1:6: warning: whoever can write /s (owner 0, mode 0777) can move away /s/i and so refuse everybody's login",
        ),
        (
            "/no t tmpfs root",
            |_| {},
            "1:1: error: polydir /no: it does not exist, and the rule has no create; the login is refused",
        ),
        (
            "/no/x t tmpfs:create root",
            |_| {},
            "1:1: error: polydir /no/x: neither it nor /no exists, and only it would be made; the login is refused",
        ),
        (
            "/f t tmpfs root",
            |w| {
                w.file("/f", "");
            },
            "1:1: error: polydir /f: it is not a directory; the login is refused",
        ),
        (
            "/tmp/l t tmpfs root",
            |w| {
                w.link("/tmp/l", "/etc", 1001);
            },
            "1:1: error: polydir /tmp/l: it is a link, and not root's in a directory that only root can write; the login is refused",
        ),
        (
            "/data t tmpfs:iscript=/s.sh root",
            |w| {
                w.dir("/data", 0, 0o755).file("/s.sh", "").chmod("/s.sh", 0o644);
            },
            "1:23: error: script /s.sh is not executable; the login is refused",
        ),
    ];
    for (line, make, want) in cases {
        let world = World::with(line);
        make(&world);
        let found = world.findings();
        let found: Vec<_> = found.iter().filter(|line| !line.starts_with("note: ")).collect();
        assert_eq!(found, [want], "{line}");
    }
}

#[test]
fn good_places_are_not_complained_of() {
    type Make = fn(&World);
    let cases: [(&str, Make); 6] = [
        ("/tmp /x/i/ user root", |w| {
            w.dir("/x", 0, 0o755);
        }),
        ("/new t tmpfs:create root", |_| {}),
        ("/l t tmpfs root", |w| {
            w.link("/l", "/tmp", 0);
        }),
        ("/tmp /l/i/ user root", |w| {
            w.dir("/x/i", 0, 0).link("/l", "/x", 0);
        }),
        ("$HOME $HOME/i/ user root", |_| {}),
        ("/tmp t tmpfs:iscript=s.sh root", |w| {
            w.file("/etc/security/namespace.d/s.sh", "")
                .chmod("/etc/security/namespace.d/s.sh", 0o755);
        }),
    ];
    for (line, make) in cases {
        let world = World::with(line);
        make(&world);
        let found = world.findings();
        assert!(found.iter().all(|line| line.starts_with("note: ")), "{line}: {found:?}");
    }
}

#[test]
fn a_prefix_without_its_slash_gets_a_hint() {
    let said = World::with("/tmp /tmp-inst user root").ask("check", &[]);
    let want = "      = what follows the last / starts the instances' names; to put them in a directory write /tmp-inst/\n";
    assert!(said.text.contains(want), "{}", said.text);
}

#[test]
fn a_default_script_that_cannot_be_run_is_found() {
    let world = World::with(TEMPLATES);
    world.file("/etc/security/namespace.init", "x").chmod("/etc/security/namespace.init", 0o644);
    let want = "error: script /etc/security/namespace.init is not executable; the login is refused";
    assert_eq!(world.findings(), [want]);
}

#[test]
fn rules_that_get_in_each_other_s_way_are_found() {
    for (lines, want) in [
        (
            ["/tmp t tmpfs root", "/tmp/ u tmpfs root"],
            Some("2:1: warning: /tmp has a rule already (1); this one covers it"),
        ),
        (
            ["$HOME t tmpfs root", "$HOME u tmpfs root"],
            Some("2:1: warning: $HOME has a rule already (1); this one covers it"),
        ),
        (
            ["/tmp t tmpfs root", "/tmp/x u tmpfs root"],
            Some(
                "2:1: warning: /tmp/x is looked for in the instance of /tmp (1), and a new one is empty; the login is refused",
            ),
        ),
        (["/tmp t tmpfs root", "/tmp/x u tmpfs:create root"], None),
        (
            ["/tmp/x u tmpfs:create root", "/tmp t tmpfs root"],
            Some("2:1: warning: /tmp covers /tmp/x (1), which is then hidden"),
        ),
        (
            ["/tmp t tmpfs ~alice", "/tmp u tmpfs alice"],
            Some("2:1: warning: root is not exempt: what refuses a login refuses root's too"),
        ),
        (["/tmp t tmpfs root", "/tmpfoo u tmpfs:create root"], None),
    ] {
        let found = World::with(lines.join("\n")).findings();
        let found: Vec<_> = found.into_iter().filter(|line| !line.starts_with("note: ")).collect();
        assert_eq!(found, Vec::from_iter(want), "{lines:?}");
    }
}

#[test]
fn var_tmp_that_is_tmp_is_found() {
    let world = World::with(TEMPLATES);
    world.link("/var/tmp", "../tmp", 0);
    let link = "2:1: note: /var/tmp and /tmp (1) are one directory, covered once";
    assert!(world.findings().contains(&link.to_owned()), "{:?}", world.findings());
    let only_tmp = "/tmp /tmp/t/%{UID} user root";
    world.file("/etc/security/namespace.conf", only_tmp);
    assert_eq!(world.findings(), Vec::<String>::new());
    assert_eq!(
        World::with(only_tmp).findings(),
        ["note: /var/tmp has no rule: all users share it"]
    );
}

#[test]
fn a_service_s_options_and_a_second_module_are_found() {
    let world = World::with(TEMPLATES);
    world.file("/etc/pam.d/cron", "session required pam_unix.so\n");
    assert_eq!(
        world.findings(),
        ["note: no PAM service calls pam_rtmp.so, so nobody is polyinstantiated yet"]
    );
    world
        .file(
            "/etc/pam.d/common-session",
            "session optional pam_rtmp.so no_unmount_on_close unmount\n",
        )
        .file("/etc/pam.d/sshd", "@include common-session\n")
        .file(
            "/etc/pam.d/login",
            "session include common-session\nsession required pam_namespace.so\n",
        );
    assert_eq!(
        world.findings(),
        [
            "R/etc/pam.d/common-session:1:18: warning: \"unmount\" is no option of pam_rtmp.so and ignored",
            "R/etc/pam.d/common-session:1:18: warning: optional: where a private session is refused, one that is not private is opened",
            "R/etc/pam.d/login:2:18: warning: service login calls pam_rtmp.so too: each mounts over what the other has mounted",
        ]
    );
}

#[test]
fn a_service_that_calls_pam_namespace_is_read_before_the_name_is_changed() {
    let world = World::with(TEMPLATES);
    world.file("/etc/pam.d/su", "session required pam_namespace.so unmnt_remmt\n");
    assert_eq!(
        world.findings(),
        [
            "R/etc/pam.d/su:1:18: warning: \"unmnt_remmt\" is no option of pam_namespace.so and ignored",
            "note: no PAM service calls pam_rtmp.so, so nobody is polyinstantiated yet",
        ]
    );
}

/// What docs/compatibility.md lists, where a line shows it; and nothing without the option.
#[test]
fn what_a_line_means_to_pam_namespace_is_said_where_that_is_asked() {
    let script = "pam_namespace.so runs it with the caller's directory, umask and output; here it has /, 022 and /dev/null";
    let names = "for a name that nobody has and passes over it; here it means";
    let slashes = "pam_namespace.so refuses several slashes in a row, in some versions; here they count as one";
    for (line, want) in [
        ("/tmp /i/ user root", vec![]),
        ("/tmp /i/ user:create=0755,root root", vec![]),
        ("/tmp t tmpfs:mntopts=nosuid,size=1m root", vec![]),
        (
            "/tmp /i/%{UID} user root",
            vec![
                "1:6: note: pam_namespace.so takes %{…} as it is written, for the start of the instances' names"
                    .to_owned(),
            ],
        ),
        (
            "/tmp /i/ tmpdir root",
            vec![
                "1:6: note: tmpdir: pam_namespace.so leaves the instance behind; here it is removed when the session ends"
                    .to_owned(),
            ],
        ),
        (
            "/tmp /i/ user:mntopts=nosuid root",
            vec![
                "1:1: note: mntopts: pam_namespace.so has them for a tmpfs only; here they are set on the instance's mount"
                    .to_owned(),
            ],
        ),
        (
            "/tmp /i/ user root,@adm,100:200",
            vec![
                format!("1:20: note: pam_namespace.so takes \"@adm\" {names} the members of the group"),
                format!("1:25: note: pam_namespace.so takes \"100:200\" {names} the users with these numbers"),
            ],
        ),
        (
            "//tmp /i// user root",
            vec![format!("1:1: note: {slashes}"), format!("1:7: note: {slashes}")],
        ),
        (
            "/tmp /i/ user:iscript=/s.sh root",
            vec![format!("1:23: note: script /s.sh: {script}")],
        ),
    ] {
        let world = World::with(format!("{line}\n/var/tmp t tmpfs root"));
        world.file("/s.sh", "#!/bin/sh\n").chmod("/s.sh", 0o755);
        let plain = world.findings();
        let beside = world.ask("check", &["--pam-namespace"]);
        let found = beside.text.replace("R/etc/security/namespace.conf:", "");
        let new: Vec<_> = found
            .lines()
            .filter(|line| line.contains(": note: ") && !line.contains("on a tmpfs"))
            .filter(|line| !plain.contains(&(*line).to_owned()))
            .collect();
        assert_eq!(new, want, "{line}");
        let same = if want.is_empty() { 2 } else { 1 };
        let sum = format!("note: as in pam_namespace.so: {same} of 2 rules\n");
        assert!(found.contains(&sum), "{found}");
    }
}

#[test]
fn a_parent_in_an_earlier_polydir_is_another_one_to_pam_namespace() {
    let world = World::with("/tmp /i/ user root\n/var/tmp /tmp/vt/ user root\n");
    let said = world.ask("check", &["--pam-namespace"]).text;
    let want = "2:10: note: pam_namespace.so makes /tmp/vt anew in each user's instance of /tmp; here it is the host's\n";
    assert!(said.contains(want), "{said}");
}

#[test]
fn ignore_instance_parent_mode_in_every_service_makes_any_parent_good() {
    let world = World::with("/tmp /i/ user root\n/var/tmp t tmpfs root\n");
    world.dir("/i", 0, 0o755);
    world.file("/etc/pam.d/sshd", "session required pam_rtmp.so ignore_instance_parent_mode\n");
    assert_eq!(world.findings(), Vec::<String>::new());
    world.file("/etc/pam.d/login", "session required pam_rtmp.so\n");
    assert_eq!(world.findings().len(), 1);
}
