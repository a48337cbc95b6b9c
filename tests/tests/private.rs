//! Two users do not see each other's `/tmp`: the module as shipped, through the real libpam and the
//! real sshd, with the project's four configuration files as they stand.

use rtmp_tests::caller::Inode;
use rtmp_tests::examples::{Example, FOUR, Place, uid_of};
use rtmp_tests::{Caller, Code, Login, Module, MountTable, Outcome, Shell, Sshd, World};

fn in_each_example(test: impl Fn(&World, &Example)) {
    for example in &FOUR {
        World::with(Module::Ours).conf(example.conf).run(|w| test(w, example));
    }
}

/// Somebody who is logged in, however that came to be.
trait Session {
    fn does(&mut self, line: &str) -> Outcome;
}

impl Session for Login {
    fn does(&mut self, line: &str) -> Outcome {
        self.sh(line)
    }
}

impl Session for Shell {
    fn does(&mut self, line: &str) -> Outcome {
        self.sh(line)
    }
}

fn everybody_sees_their_own<S: Session>(w: &World, example: &Example, login: impl Fn(&str) -> S) {
    let (mut alice, mut bob, mut root) = (login("alice"), login("bob"), login("root"));
    for Place { polydir, .. } in example.places {
        let file = format!("{polydir}/file");
        root.does(&format!("echo real > {file} && chmod 666 {file}")).ok();
        for (user, content) in [(&mut alice, "hers"), (&mut bob, "his")] {
            assert_eq!(user.does(&format!("ls -A {polydir}")).ok(), "", "{example:?}");
            user.does(&format!("echo {content} > {file}")).ok();
        }
        assert_eq!(alice.does(&format!("cat {file}")).ok(), "hers");
        assert_eq!(bob.does(&format!("cat {file}")).ok(), "his");
        assert_eq!(root.does(&format!("cat {file}")).ok(), "real");
        assert_eq!(w.read(&file), "real\n");
        let mut again = login("alice");
        again.does(&format!("cat {file} && echo more >> {file}")).ok();
        assert_eq!(alice.does(&format!("cat {file}")).ok(), "hers\nmore");
    }
    assert_eq!(w.said(), [""; 0], "success is silent");
}

#[test]
fn alice_bob_and_root_see_their_own_files_and_nobody_elses() {
    in_each_example(|w, example| everybody_sees_their_own(w, example, |user| w.login(user)));
}

#[test]
fn alice_bob_and_root_see_their_own_files_through_sshd() {
    in_each_example(|w, example| {
        let sshd = Sshd::start(w);
        everybody_sees_their_own(w, example, |user| Shell::start(sshd.ssh(user, "sh")));
    });
}

/// What is not private in these files stays one for all.
#[test]
fn a_directory_that_no_line_names_stays_shared() {
    in_each_example(|w, example| {
        let named = |path: &str| example.places.iter().any(|place| place.polydir == path);
        for path in ["/var/tmp", "/dev/shm"].into_iter().filter(|path| !named(path)) {
            w.write(&format!("{path}/file"), "shared\n");
            for user in ["alice", "bob"] {
                let session = w.login(user);
                assert_ne!(session.after.mnt_ns, session.before.mnt_ns);
                assert_eq!(session.sh(&format!("cat {path}/file")).ok(), "shared");
            }
        }
    });
}

/// "*Instance parent* [...] root-owned [...] 0755 when we make it. *Box* [...]: owner uid:gid, 0700.
/// *Instance* [...]: owner, group, mode and label copied from the polydir (root 1777)"; and in a
/// prefix layout, pam_namespace(8): "the instance parents must be owned by root and their mode must
/// be 000".
#[test]
fn modes_and_owners_are_as_designed() {
    in_each_example(|w, example| {
        // A careless umask is the caller's affair.
        for (user, umask) in [("alice", 0o022), ("bob", 0o000), ("carol", 0o777)] {
            let session = w.visitor(user).umask(umask).login();
            let uid = uid_of(user);
            for place in example.places {
                let instance = place.instance_of(user);
                let is = |path: &str| (w.owner(path), format!("{:04o}", w.mode(path)));
                let parent_mode = format!("{:04o}", place.parent_mode());
                assert_eq!(is(place.parent), ((0, 0), parent_mode), "{}", place.parent);
                if let Some(user_box) = place.box_of(user) {
                    assert_eq!(is(&user_box), ((uid, uid), "0700".to_owned()), "{user_box}");
                }
                assert_eq!(is(&instance), ((0, 0), "1777".to_owned()), "{instance}");
                let seen = session.sh(&format!("stat -c '%a %u:%g %i' {}", place.polydir)).ok();
                assert_eq!(seen, format!("1777 0:0 {}", Inode::of(&instance).ino));
            }
            assert_eq!(session.after.umask(), umask);
        }
    });
}

#[test]
fn only_what_was_asked_for_is_made() {
    in_each_example(|w, example| {
        let find = "find / -xdev -newer /run/before ! -type l ! -path '/run/*' | sort";
        w.sh("touch /run/before; sleep 0.02").ok();
        assert_eq!(w.login("alice").close(), Code::SUCCESS);
        let mut expected: Vec<String> = Vec::new();
        for place in example.places {
            expected.extend(place.box_of("alice"));
            expected.push(place.instance_of("alice"));
            expected.push(place.parent.to_owned());
            let above = place.parent.rsplit_once('/').map_or("", |(above, _)| above);
            expected.push(if above.is_empty() { "/" } else { above }.to_owned());
        }
        expected.sort();
        assert_eq!(w.sh(find).ok(), expected.join("\n"), "{example:?}");
    });
}

/// A path to an instance is no way in: not from another session, not without one.
#[test]
fn the_instances_own_paths_lead_nobody_in() {
    in_each_example(|w, example| {
        let (alice, bob) = (w.login("alice"), w.login("bob"));
        for place in example.places {
            alice.sh(&format!("echo hers > {0}/file; chmod 666 {0}/file", place.polydir)).ok();
            let file = format!("{}/file", place.instance_of("alice"));
            assert_eq!(w.read(&file), "hers\n");
            w.sh_as("bob", &format!("cat {file}")).fails();
            w.sh_as("bob", &format!("ls {}", place.instance_of("alice"))).fails();
            bob.sh(&format!("cat {file}")).fails();
            // Her processes outside of a session find the way, where the layout has one.
            let found = w.sh_as("alice", &format!("cat {file}")).status == 0;
            assert_eq!(found, place.in_box.is_some(), "{file}");
        }
    });
}

#[test]
fn the_host_gets_no_mount_and_the_caller_no_descriptor() {
    in_each_example(|w, example| {
        let host = || (Caller::now().mnt_ns, Caller::now().mountinfo);
        let untouched = host();
        for user in ["alice", "bob", "alice"] {
            let session = w.login(user);
            let (before, after) = (&session.before, &session.after);
            assert_eq!(host(), untouched);
            assert_eq!(before.mnt_ns, untouched.0);
            assert_ne!(after.mnt_ns, untouched.0);
            assert_eq!(before.descriptors, after.descriptors);
            assert_eq!(before.status, after.status);
            assert_eq!((before.root, &before.cwd), (after.root, &after.cwd));
            let new = after.mounts().0.len() - before.mounts().0.len();
            assert_eq!(new, example.places.len(), "{:?}", after.mounts());
            assert_eq!(session.close(), Code::SUCCESS);
        }
        assert_eq!(host(), untouched);
    });
}

/// "Exempt users: no unshare, no file made."
#[test]
fn root_is_exempt_and_nothing_happens() {
    in_each_example(|w, example| {
        let attempt = w.attempt("root");
        assert_eq!((attempt.code, attempt.close), (Code::SUCCESS, Code::SUCCESS));
        assert_eq!(attempt.before, attempt.after);
        assert_eq!(attempt.after.mnt_ns, Inode::of("/proc/1/ns/mnt").ino);
        assert_eq!(attempt.log, []);
        for place in example.places {
            assert!(!w.exists(place.parent), "{}", place.parent);
        }
    });
}

#[test]
fn a_second_login_finds_what_the_first_one_left() {
    in_each_example(|w, example| {
        let first = w.login("alice");
        first.sh("echo hers > /tmp/file; mkdir -m 2750 /tmp/dir").ok();
        assert_eq!(first.close(), Code::SUCCESS);
        let second = w.login("alice");
        assert_eq!(second.sh("cat /tmp/file; stat -c %a /tmp/dir").ok(), "hers\n2750");
        for place in example.places {
            let table: MountTable = second.after.mounts();
            assert_eq!(table.at(place.polydir).len(), 1);
            assert_eq!(table.top_at(place.polydir).unwrap().root, place.instance_of("alice"));
        }
    });
}

/// "published with renameat2(RENAME_NOREPLACE). EEXIST: use the other one after the check."
#[test]
fn first_logins_at_the_same_moment_share_one_instance() {
    in_each_example(|w, example| {
        let start = "/run/start";
        let logins: Vec<_> = (0..8)
            .map(|_| {
                rtmp_tests::process::start(|| {
                    let mut pam = rtmp_tests::Pam::start("rtmp", "alice").unwrap();
                    while !w.exists(start) {
                        std::hint::spin_loop();
                    }
                    let code = pam.open_session();
                    (code, Inode::of("/tmp"))
                })
            })
            .collect();
        w.write(start, "");
        let expected = logins.into_iter().map(|login| login.join()).collect::<Vec<_>>();
        let theirs = Inode::of(&example.places[0].instance_of("alice"));
        assert_eq!(expected, [(Code::SUCCESS, theirs); 8]);
        // No draft is left behind.
        for place in example.places {
            assert_eq!(w.sh(&format!("ls -A {} | wc -l", place.parent)).ok(), "1");
        }
    });
}
