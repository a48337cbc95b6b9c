//! A session that is opened inside another: "One user, one `/tmp`, from wherever they come."

use rtmp_tests::caller::Inode;
use rtmp_tests::examples::{Example, FOUR, Place};
use rtmp_tests::pam::Item;
use rtmp_tests::process::apart;
use rtmp_tests::programs::{su, su_login, sudo, sudo_login};
use rtmp_tests::{Code, Login, Module, MountTable, Outcome, Pam, Sshd, World};

fn in_each_example(args: &str, test: impl Fn(&World, &Example)) {
    for example in &FOUR {
        World::with(Module::Ours).conf(example.conf).args(args).run(|w| test(w, example));
    }
}

/// What a shell prints of the directories it sees.
fn look(example: &Example) -> String {
    let polydirs: Vec<_> = example.places.iter().map(|place| place.polydir).collect();
    format!("stat -c 'sees %d:%i' {}", polydirs.join(" "))
}

/// What it prints in a session of that user. On the host there is one instance of each.
fn own(example: &Example, user: &str) -> String {
    let inodes = example.places.iter().map(|place| Inode::of(&place.instance_of(user)));
    let lines: Vec<_> = inodes.map(|inode| format!("sees {}:{}", inode.dev, inode.ino)).collect();
    lines.join("\n")
}

/// The lines of what `look` printed, whatever a program printed around them.
fn seen(outcome: Outcome) -> String {
    let out = outcome.ok();
    let lines = out.lines().filter_map(|line| line.find("sees ").map(|at| &line[at..]));
    lines.collect::<Vec<_>>().join("\n")
}

/// There is nothing in a user's instance: no `tmp-inst` or `user_tmpl` of another session.
fn is_empty(w: &World, example: &Example, user: &str) {
    for place in example.places {
        assert_eq!(w.sh(&format!("ls -A {}", place.instance_of(user))).ok(), "");
    }
}

/// Every way from carol's session to bob's: she may use sudo, and knows his password.
fn ways_to_bob(carol: &Login, command: &str) -> Vec<(&'static str, Outcome)> {
    vec![
        ("su", carol.exec_with_input(su("bob", command), "secret\n")),
        ("su -", carol.exec_with_input(su_login("bob", command), "secret\n")),
        ("sudo -u", carol.exec(sudo("bob", command))),
        ("sudo -i -u", carol.exec(sudo_login("bob", command))),
        ("sudo su", carol.exec(["sudo", "-n", "su", "bob", "-c", command])),
        ("sudo su -", carol.exec(["sudo", "-n", "su", "-", "bob", "-c", command])),
    ]
}

#[test]
fn bob_finds_his_own_instance_from_carols_session() {
    of_bob_from_carols_session("");
}

#[test]
fn bob_finds_his_own_instance_from_carols_session_with_unmnt_remnt() {
    of_bob_from_carols_session("unmnt_remnt");
}

fn of_bob_from_carols_session(args: &str) {
    in_each_example(args, |w, example| {
        for known in [false, true] {
            if known {
                w.login("bob").sh("echo his > /tmp/file").ok();
            }
            let carol = w.login("carol");
            for (way, outcome) in ways_to_bob(&carol, &look(example)) {
                assert_eq!(seen(outcome), own(example, "bob"), "{way}, bob is known: {known}");
                is_empty(w, example, "carol");
            }
            if known {
                for (way, outcome) in ways_to_bob(&carol, "cat /tmp/file") {
                    assert!(outcome.ok().ends_with("his"), "{way}");
                }
            }
            assert_eq!(seen(carol.sh(&look(example))), own(example, "carol"), "and she hers");
        }
        assert_eq!(w.said(), [""; 0]);
    });
}

#[test]
fn one_instance_covers_the_directory_however_deep_a_session_is() {
    in_each_example("", |w, example| {
        let carol = w.login("carol");
        let count = "grep -c ' /tmp ' /proc/self/mountinfo";
        for (way, outcome) in ways_to_bob(&carol, count) {
            assert!(outcome.ok().ends_with('1'), "{way}");
        }
        // carol, bob, alice, carol again, bob.
        let mut line = format!("{}; {count}", look(example));
        for (depth, user) in ["bob", "carol", "alice", "bob"].iter().enumerate() {
            w.write(&format!("/srv/{depth}"), &line);
            line = format!("echo secret | su {user} -c 'sh /srv/{depth}'");
        }
        let outcome = carol.sh(&line);
        let out = outcome.out.clone();
        assert_eq!(seen(outcome), own(example, "bob"), "{out}");
        assert!(out.trim_end().ends_with('1'), "{out}");
    });
}

#[test]
fn carol_who_comes_back_to_herself_finds_her_own() {
    in_each_example("", |w, example| {
        let carol = w.login("carol");
        carol.sh("echo hers > /tmp/file").ok();
        for command in [su_login, su] {
            let outcome = carol.exec_with_input(command("carol", &look(example)), "secret\n");
            assert_eq!(seen(outcome), own(example, "carol"));
        }
        assert_eq!(carol.exec(sudo_login("carol", "cat /tmp/file")).ok(), "hers");
    });
}

#[test]
fn bob_finds_his_own_instance_from_carols_ssh_session() {
    in_each_example("", |w, example| {
        let sshd = Sshd::start(w);
        let command = format!("sudo -n -i -u bob sh -c \"{}\"", look(example));
        let outcome = w.exec(sshd.ssh("carol", &command));
        assert_eq!(seen(outcome), own(example, "bob"));
        is_empty(w, example, "carol");
    });
}

/// A user's first session anywhere, from a session of another's: the instance is where it always
/// will be, with the right modes.
#[test]
fn a_first_login_from_inside_makes_the_instance_where_it_belongs() {
    in_each_example("", |w, example| {
        let carol = w.login("carol");
        carol.exec(sudo("bob", "touch /tmp/file")).ok();
        for place in example.places {
            assert_eq!(w.mode(place.parent), place.parent_mode());
            assert_eq!(w.mode(&place.instance_of("bob")), 0o1777);
        }
        w.login("bob").sh("test -e /tmp/file").ok();
        carol.sh("test -e /tmp/file").fails();
    });
}

/// "root exempt": `sudo command` stays in the view of who asked.
#[test]
fn root_from_carols_session_stays_in_carols_view() {
    in_each_example("", |w, example| {
        let carol = w.login("carol");
        assert_eq!(seen(carol.exec(sudo("root", &look(example)))), own(example, "carol"));
    });
}

/// pam_namespace(8), unmnt_remnt: "For programs such as su and newrole". Root is exempt, so what is
/// left when carol's instances are gone is the host's, also for who stands in them.
#[test]
fn root_from_carols_session_with_unmnt_remnt_sees_the_hosts_directories() {
    in_each_example("unmnt_remnt", |w, example| {
        let carol = w.login("carol");
        carol.sh("echo hers > /tmp/file").ok();
        let on_the_host = |place: &Place| {
            let Inode { dev, ino } = Inode::of(place.polydir);
            format!("sees {dev}:{ino}")
        };
        let hosts = example.places.iter().map(on_the_host).collect::<Vec<_>>().join("\n");
        let here = format!("{}; stat -c 'sees %d:%i' .; test ! -e /tmp/file", look(example));
        w.write("/srv/look", &here);
        let hosts_and_here = format!("{hosts}\n{}", on_the_host(&example.places[0]));
        for way in ["sudo -n -u root sh /srv/look", "echo secret | su root -c 'sh /srv/look'"] {
            assert_eq!(seen(carol.sh(&format!("cd /tmp && {way}"))), hosts_and_here, "{way}");
        }
        let login = carol.exec_with_input(su_login("root", "sh /srv/look"), "secret\n");
        assert!(seen(login).starts_with(&hosts), "su -");
        assert_eq!(seen(carol.sh(&look(example))), own(example, "carol"), "and she hers");
    });
}

/// "with nothing of ours mounted: the real `/tmp` stays", though it is a mount.
#[test]
fn with_unmnt_remnt_a_tmp_of_the_hosts_stays_for_root_and_comes_back_after_bob() {
    in_each_example("unmnt_remnt", |w, example| {
        w.sh("mount -t tmpfs -o mode=1777 tmpfs /tmp && touch /tmp/the-hosts").ok();
        let carol_asks = |user: &str, line: &str| {
            w.sh_as("carol", &format!("echo secret | su {user} -c '{line}'")).ok();
        };
        carol_asks("root", "test -e /tmp/the-hosts");
        carol_asks("bob", "test ! -e /tmp/the-hosts && touch /tmp/his");
        carol_asks("root", "test -e /tmp/the-hosts && test ! -e /tmp/his");
        assert!(w.exists(&format!("{}/his", example.places[0].instance_of("bob"))));
    });
}

/// A caller that stands in the other one's `/tmp` is moved to the new one.
#[test]
fn who_stands_in_carols_tmp_stands_in_bobs_then() {
    in_each_example("", |w, example| {
        drop(w.login("bob"));
        let carol = w.login("carol");
        carol.sh("mkdir /tmp/below").ok();
        let bobs = Inode::of(&example.places[0].instance_of("bob"));
        for cwd in ["/tmp", "/tmp/below"] {
            let script = format!("cd {cwd} && sudo -n -u bob stat -c 'sees %d:%i' .");
            assert_eq!(seen(carol.sh(&script)), format!("sees {}:{}", bobs.dev, bobs.ino));
        }
    });
}

/// "What is not proved stays": a directory that a job or an administrator mounted on `/tmp` in a
/// namespace of its own is no instance, and is not taken away.
#[test]
fn a_mount_on_tmp_that_is_no_instance_stays_underneath() {
    in_each_example("", |w, _| {
        let count = "grep -c ' /tmp ' /proc/self/mountinfo";
        for mount in [
            "mount -t tmpfs -o mode=1777 job /tmp",
            "mkdir -m 1777 /srv/j; mount --bind /srv/j /tmp",
        ] {
            let script = format!("{mount} && su bob -c \"touch /tmp/file; {count}\"; ls /tmp");
            let out = w.exec(["unshare", "-m", "sh", "-c", &script]).ok();
            assert!(out.starts_with('2') && !out.contains("\nfile"), "{out}");
        }
    });
}

/// "a second open on one handle use[s] the same step"
#[test]
fn alice_and_then_bob_on_one_handle() {
    for args in ["", "unmount_on_close"] {
        in_each_example(args, |w, example| apart(|| alice_bob_and_again(w, example, args)));
    }
}

fn alice_bob_and_again(w: &World, example: &Example, args: &str) {
    let mut pam = Pam::start("rtmp", "alice").unwrap();
    let host = MountTable::here();
    for user in ["alice", "alice", "bob", "alice", "bob"] {
        assert_eq!(pam.set(Item::User, user), Code::SUCCESS);
        assert_eq!(pam.open_session(), Code::SUCCESS, "{:#?}", w.log());
        let table = MountTable::here();
        for place in example.places {
            assert_eq!(table.top_at(place.polydir).unwrap().root, place.instance_of(user));
            assert_eq!(table.at(place.polydir).len(), 1, "{table:?}");
        }
    }
    assert_eq!(pam.close_session(), Code::SUCCESS);
    let kept = if args.is_empty() { example.places.len() } else { 0 };
    assert_eq!(MountTable::here().0.len(), host.0.len() + kept);
    assert_eq!(pam.end(), Code::SUCCESS);
}

/// A container whose first process is a login, `podman run IMAGE su - carol`: that process opens
/// the session and is process 1.
#[test]
fn bob_finds_his_own_instance_where_process_1_is_in_carols_session() {
    in_each_example("", |w, example| {
        drop(w.login("bob"));
        let bobs = own(example, "bob");
        let mut pam = Pam::start("rtmp", "carol").unwrap();
        assert_eq!(pam.open_session(), Code::SUCCESS);
        assert_eq!(seen(w.exec(su_login("bob", &look(example)))), bobs);
    });
}
