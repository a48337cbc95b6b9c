//! Which directory a user gets, what it is like, and who gets none: names, modes, mount flags, lists.

use nix::mount::MsFlags;
use rtmp_tests::examples::{FOUR, PREFIX, PREFIXES, TEMPLATE, TEMPLATES};
use rtmp_tests::log::Severity;
use rtmp_tests::{Code, Module, MountTable, World};

fn world(conf: &str) -> rtmp_tests::Blueprint {
    World::with(Module::Ours).conf(conf)
}

/// The options of the mount that a user's session has over `/tmp`.
fn options_in_session(w: &World, user: &str) -> Vec<String> {
    let table = w.login(user).after.mounts();
    let mount = table.top_at("/tmp").unwrap();
    assert_ne!(mount.root, "/", "this is the host's own");
    mount.options.clone()
}

/// "Flags that the polydir's own mount has (nosuid, nodev, noexec) are never lost by going private."
#[test]
fn flags_of_tmp_survive_when_the_instance_lies_on_another_mount() {
    let all = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    for (flags, kept) in [
        (all, "rw,nosuid,nodev,noexec,relatime"),
        (MsFlags::MS_NOEXEC, "rw,noexec,relatime"),
        (MsFlags::MS_NODEV, "rw,nodev,relatime"),
        (MsFlags::empty(), "rw,relatime"),
    ] {
        world("/tmp /tmp-inst/ user root\n").run(|w| {
            w.mount_tmpfs("/tmp", flags);
            assert_eq!(options_in_session(w, "alice").join(","), kept);
            assert_eq!(MountTable::here().top_at("/tmp").unwrap().options.join(","), kept);
            // The flags are the mount's; where the instances lie everything is as before.
            assert_eq!(MountTable::here().top_at("/").unwrap().options.join(","), "rw,relatime");
            let runs = w.login("bob").sh("cp /bin/true /tmp/true && /tmp/true").status == 0;
            assert_eq!(runs, !flags.contains(MsFlags::MS_NOEXEC));
        });
    }
}

#[test]
fn an_instance_on_the_polydirs_own_mount_has_that_mounts_options() {
    for example in [TEMPLATE, PREFIX] {
        for flags in [MsFlags::empty(), MsFlags::MS_NOSUID | MsFlags::MS_NODEV] {
            world(example.conf).run(|w| {
                w.mount_tmpfs("/tmp", flags);
                let here = MountTable::here().top_at("/tmp").unwrap().clone();
                let session = w.login("alice");
                let table = session.after.mounts();
                let there = table.top_at("/tmp").unwrap();
                assert_eq!((&there.options, &there.device), (&here.options, &here.device));
                assert_eq!(
                    there.root,
                    example.places[0].instance_of("alice").strip_prefix("/tmp").unwrap()
                );
            });
        }
    }
}

/// "`mntopts=` also works on bind methods: nodev, nosuid, noexec (and ro) are set on our mount."
#[test]
fn mntopts_are_set_on_the_instances_mount_alone() {
    for prefix in ["/tmp-inst/", "/tmp/user_tmpl/%{UID}"] {
        for (asked, got) in [
            ("nosuid", "rw,nosuid,relatime"),
            ("nodev,noexec", "rw,nodev,noexec,relatime"),
            ("noexec,nosuid,nodev", "rw,nosuid,nodev,noexec,relatime"),
            ("ro", "ro,relatime"),
            // What a bind mount cannot have is passed over, as pam_namespace does.
            ("size=1m,,nosuid", "rw,nosuid,relatime"),
        ] {
            world(&format!("/tmp {prefix} user:mntopts={asked} root\n")).run(|w| {
                let before = MountTable::here();
                assert_eq!(options_in_session(w, "alice").join(","), got, "{asked}");
                assert_eq!(MountTable::here(), before);
                w.sh("touch /tmp/real").ok();
            });
        }
    }
}

/// "The flag `flat` binds the box itself for those who want the literal 0700 posture."
#[test]
fn a_flat_template_binds_the_box_itself() {
    world("/tmp /tmp/user_tmpl/%{UID} user:flat root\n").run(|w| {
        let alice = w.login("alice");
        assert_eq!(alice.sh("stat -c '%a %u:%g' /tmp").ok(), "700 1001:1001");
        alice.sh("echo hers > /tmp/file").ok();
        assert_eq!(w.read("/tmp/user_tmpl/1001/file"), "hers\n");
        assert_eq!(w.mode("/tmp/user_tmpl"), 0o755);
        w.login("bob").sh("test -e /tmp/file").fails();
    });
}

/// "Lists also take `@group` and uid ranges `min:max`, `min:`, `:max`, in either sense."
/// alice is 1001, bob 1002, carol 1003; alice and bob are `@students`, carol is in `@sudo`.
#[test]
fn a_list_says_who_keeps_the_real_directory() {
    for (list, private) in [
        ("", "root alice bob carol"),
        ("root", "alice bob carol"),
        ("root,adm", "alice bob carol"),
        ("root,bob", "alice carol"),
        ("nobodyknows", "root alice bob carol"),
        ("~alice,bob", "alice bob"),
        ("~root", "root"),
        ("~nobodyknows", ""),
        ("@students", "root carol"),
        ("~@students", "alice bob"),
        ("root,@sudo", "alice bob"),
        ("~@carol", "carol"),
        ("@nogroupatall", "root alice bob carol"),
        ("0:1001", "bob carol"),
        (":1001", "bob carol"),
        ("1002:", "root alice"),
        ("~1002:1003", "bob carol"),
        ("~1002:1002", "bob"),
        ("root,@sudo,1002:1002", "alice"),
    ] {
        for prefix in ["/tmp-inst/", "/tmp/user_tmpl/%{UID}"] {
            world(&format!("/tmp {prefix} user {list}\n")).run(|w| {
                let is_private = |user: &&str| {
                    let attempt = w.attempt(user);
                    assert_eq!(attempt.code, Code::SUCCESS, "{:#?}", attempt.log);
                    assert_eq!(attempt.log, [], "{list}: success is silent");
                    let moved = attempt.before != attempt.after;
                    assert_eq!(moved, attempt.before.mnt_ns != attempt.after.mnt_ns);
                    moved
                };
                let found: Vec<_> =
                    ["root", "alice", "bob", "carol"].into_iter().filter(is_private).collect();
                assert_eq!(found.join(" "), private, "{list:?}");
            });
        }
    }
}

/// The exempt users of a template's two spellings, and of the fourth field, are one list.
#[test]
fn exempt_users_of_the_method_field_and_of_the_list_are_one_list() {
    for (method, list, private) in [
        ("level:level,root", "", "alice bob"),
        ("level=root,bob", "", "alice"),
        ("level=root", "alice", "bob"),
        ("user=root", "@students", ""),
    ] {
        world(&format!("/tmp /tmp/user_tmpl/%{{UID}} {method} {list}\n")).run(|w| {
            let moved = |user: &&str| {
                let attempt = w.attempt(user);
                attempt.before.mnt_ns != attempt.after.mnt_ns
            };
            let found: Vec<_> = ["root", "alice", "bob"].into_iter().filter(moved).collect();
            assert_eq!(found.join(" "), private, "{method} {list}");
        });
    }
}

/// "so one parent can serve both, and a host whose /var/tmp is a bind mount of /tmp keeps them
/// apart"
#[test]
fn var_tmp_that_is_a_bind_mount_of_tmp_is_kept_apart() {
    let one_parent = "/tmp /srv/box/%{UID} user root\n/var/tmp /srv/box/%{UID} user root\n";
    for conf in [TEMPLATES.conf, PREFIXES.conf, one_parent] {
        world(conf).run(|w| {
            w.sh("mount --bind /tmp /var/tmp && touch /tmp/real && test -e /var/tmp/real").ok();
            let alice = w.login("alice");
            alice.sh("echo one > /tmp/file; echo two > /var/tmp/file").ok();
            assert_eq!(alice.sh("cat /tmp/file /var/tmp/file").ok(), "one\ntwo", "{conf}");
            assert_eq!(w.login("alice").sh("cat /tmp/file /var/tmp/file").ok(), "one\ntwo");
            assert_eq!(w.login("bob").sh("ls -A /tmp /var/tmp").ok(), "/tmp:\n\n/var/tmp:");
            assert_eq!(w.said(), [""; 0]);
        });
    }
}

/// "a polydir that is root's link to a directory already covered is skipped with one line"
#[test]
fn var_tmp_that_is_roots_link_to_tmp_is_skipped_with_one_line() {
    for conf in [TEMPLATES.conf, PREFIXES.conf] {
        world(conf).run(|w| {
            w.sh("rmdir /var/tmp && ln -s /tmp /var/tmp").ok();
            let alice = w.login("alice");
            alice.sh("echo hers > /var/tmp/file").ok();
            assert_eq!(alice.sh("cat /tmp/file").ok(), "hers");
            assert_eq!(alice.after.mounts().at("/tmp").len(), 1);
            let log = w.log();
            assert_eq!(w.said().len(), 1, "{log:#?}");
            assert_eq!(
                (log[0].severity, log[0].words()),
                (
                    Severity::Warning,
                    "/var/tmp: is a link to a directory that is private already, skipped"
                )
            );
            assert_eq!(w.login("bob").sh("ls -A /tmp /var/tmp/").ok(), "/tmp:\n\n/var/tmp/:");
        });
    }
}

#[test]
fn tmp_that_is_roots_link_is_private() {
    for example in FOUR {
        world(example.conf).run(|w| {
            w.sh("mkdir -m 1777 /srv/tmp; rmdir /tmp; ln -s /srv/tmp /tmp").ok();
            let alice = w.login("alice");
            alice.sh("echo hers > /tmp/file").ok();
            assert!(!w.exists("/srv/tmp/file"));
            w.login("bob").sh("test -e /tmp/file").fails();
            assert_eq!(w.login("alice").sh("cat /srv/tmp/file").ok(), "hers");
        });
    }
}

#[test]
fn instances_work_on_a_tmpfs_of_tmps_own() {
    for example in FOUR {
        world(example.conf).run(|w| {
            w.mount_tmpfs("/tmp", MsFlags::MS_NOSUID | MsFlags::MS_NODEV);
            w.login("alice").sh("echo hers > /tmp/file").ok();
            assert_eq!(w.login("alice").sh("cat /tmp/file").ok(), "hers");
            w.login("bob").sh("test -e /tmp/file").fails();
            assert!(!w.exists("/tmp/file"));
            let options = options_in_session(w, "bob");
            assert!(options.contains(&"nosuid".into()) && options.contains(&"nodev".into()));
        });
    }
}

/// "*Instance*: owner, group, mode and label copied from the polydir"
#[test]
fn an_instance_is_made_like_its_polydir() {
    for prefix in ["/tmp-inst/", "/srv/box/%{UID}"] {
        world(&format!("/data {prefix} user root\n")).run(|w| {
            w.mkdir("/data", 0o755, (0, 0));
            for (user, owner, mode) in [
                ("alice", (0, 0), 0o1777),
                ("bob", (0, 2001), 0o3770),
                ("carol", (1002, 2001), 0o2751),
                ("nobody", (1003, 0), 0o000),
                ("_apt", (0, 0), 0o7777),
            ] {
                w.sh("rmdir /data").ok();
                w.mkdir("/data", mode, owner);
                drop(w.login(user));
                let again = w.login(user);
                assert_eq!(again.after.mounts().at("/data").len(), 1);
                let seen = again.sh_as_root("stat -c '%a %u:%g' /data").ok();
                assert_eq!(seen, format!("{mode:o} {}:{}", owner.0, owner.1), "{prefix} {user}");
            }
        });
    }
}

/// "A polydir or parent below a user's home works (`$HOME/$USER.inst/`), on descriptors".
#[test]
fn a_home_and_what_is_in_it_can_be_private() {
    for (polydir, prefix) in [
        ("$HOME", "$HOME/$USER.inst/"),
        ("$HOME/notes", "$HOME/.inst/"),
        ("$HOME/notes", "/srv/inst/"),
        ("$HOME/notes", "/srv/inst/$USER-"),
        ("$HOME/notes", "/srv/box/%{UID}"),
    ] {
        world(&format!("{polydir} {prefix} user:noinit root\n")).run(|w| {
            w.sh("mkdir /srv/inst && chmod 0 /srv/inst").ok();
            for (user, uid) in [("alice", 1001), ("bob", 1002)] {
                w.mkdir(&format!("/home/{user}/notes"), 0o750, (uid, uid));
                let session = w.login(user);
                session.sh("mkdir -p ~/notes && echo inner > ~/notes/file").ok();
                assert!(!w.exists(&format!("/home/{user}/notes/file")), "{polydir} {prefix}");
                assert_eq!(w.login(user).sh("cat ~/notes/file").ok(), "inner");
                let like = session.sh(&format!("stat -c '%a %u:%g' {polydir}")).ok();
                let mode = if polydir == "$HOME" { 700 } else { 750 };
                assert_eq!(like, format!("{mode} {uid}:{uid}"));
            }
            assert_eq!(w.said(), [""; 0]);
        });
    }
}

/// "polydirs in file order": what lies in a polydir is looked for in the instance.
#[test]
fn a_polydir_in_another_one_is_private_in_its_instance() {
    let conf = "/tmp /tmp-inst/ user root\n/tmp/below /below-inst/ user:create=1777 root\n";
    world(conf).run(|w| {
        // The host has one, too, which /tmp's instance then hides.
        w.mkdir("/tmp/below", 0o1777, (0, 0));
        let alice = w.login("alice");
        alice.sh("echo hers > /tmp/below/file").ok();
        assert_eq!(w.read("/below-inst/alice/file"), "hers\n");
        assert_eq!(
            w.sh("ls -A /tmp/below /tmp-inst/alice/below").ok(),
            "/tmp-inst/alice/below:\n\n/tmp/below:"
        );
    });
}

/// pam_namespace(8): "gen_hash: Instead of using the security context string for the instance name,
/// generate and use its md5 hash"; names over 80 bytes are cut, and end in `_` and their hash.
#[test]
fn instances_are_named_as_pam_namespace_names_them() {
    world("/tmp /tmp-inst/ user root\n").args("gen_hash").run(|w| {
        w.login("alice");
        assert_eq!(w.sh("ls /tmp-inst").ok(), "6384e2b2184bcbf58eccf10ca7a6563c");
    });
    for length in [79, 80, 81, 200] {
        world("/tmp /tmp-inst/ user root\n").run(|w| {
            let name = "u".repeat(length);
            w.sh(&format!("echo {name}:x:3000:3000::/:/bin/sh >> /etc/passwd")).ok();
            w.login(&name).sh("touch /tmp/file").ok();
            let hash = w.sh(&format!("printf %s {name} | md5sum | cut -d' ' -f1")).ok();
            let cut = format!("{}_{hash}", &name[..47]);
            let expected = if length > 80 { cut } else { name.clone() };
            assert_eq!(w.sh("ls /tmp-inst").ok(), expected);
            w.login(&name).sh("test -e /tmp/file").ok();
        });
    }
}

/// "Keyed by number: a renamed or domain user keeps the directory."
#[test]
fn a_box_is_found_by_number_or_by_what_the_template_says() {
    for (template, user_box) in
        [("%{UID}", "1001"), ("%{USER}", "alice"), ("%{GID}-%{UID}", "1001-1001")]
    {
        world(&format!("/tmp /tmp/boxes/{template} user root\n")).run(|w| {
            w.login("alice").sh("echo hers > /tmp/file").ok();
            assert_eq!(w.read(&format!("/tmp/boxes/{user_box}/tmp/file")), "hers\n");
            w.sh("sed -i s/alice/alicia/ /etc/passwd").ok();
            let kept = w.login("alicia").sh("cat /tmp/file").status == 0;
            assert_eq!(kept, template != "%{USER}");
        });
    }
}

/// pam_namespace(8): "create=mode,owner,group"; only the last component is made.
#[test]
fn a_missing_polydir_is_made_where_the_line_says_so() {
    for (flag, umask, expected) in [
        ("create", 0o027, "750 1001:1001"),
        ("create=0755", 0o077, "755 1001:1001"),
        ("create=01777,root,root", 0o022, "1777 0:0"),
        ("create=0770,root,students", 0o022, "770 0:2001"),
        ("create=,bob", 0o022, "755 1002:1002"),
    ] {
        for prefix in ["/tmp-inst/", "/srv/box/%{UID}"] {
            world(&format!("/data {prefix} user:{flag} root\n")).run(|w| {
                let session = w.visitor("alice").umask(umask).login();
                assert_eq!(w.sh("stat -c '%a %u:%g' /data").ok(), expected, "{flag}");
                assert_eq!(session.sh_as_root("stat -c '%a %u:%g' /data").ok(), expected);
            });
        }
    }
}

/// "The same polydir twice stacks, as in pam_namespace", and the last line wins.
#[test]
fn of_two_lines_for_one_directory_the_last_one_wins() {
    world("/tmp /tmp-inst/ user root\n/tmp /srv/box/%{UID} user root\n").run(|w| {
        w.login("alice").sh("echo hers > /tmp/file").ok();
        assert_eq!(w.read("/srv/box/1001/tmp/file"), "hers\n");
        assert!(w.exists("/tmp-inst/alice") && !w.exists("/tmp-inst/alice/file"));
    });
}
