//! Many at once, and many one after the other: all private, and nothing is left.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use rtmp_tests::attack::rounds;
use rtmp_tests::caller::Inode;
use rtmp_tests::examples::{Example, PREFIXES, TEMPLATE, TEMPLATES};
use rtmp_tests::figures::report;
use rtmp_tests::process::{Process, start};
use rtmp_tests::{Code, Module, MountTable, Pam, Sshd, World};

/// One login in a process of its own: waits for the shot, opens, looks, leaves a mark, stays until
/// the finish, and closes.
fn runner(
    user: String,
    mark: String,
    polydirs: Vec<&'static str>,
) -> Process<(Code, Vec<(u64, u32)>)> {
    start(move || {
        while fs::metadata("/run/shot").is_err() {
            std::thread::yield_now();
        }
        let mut pam = Pam::start("rtmp", &user).unwrap();
        let code = pam.open_session();
        let seen = polydirs.iter().map(|polydir| {
            fs::write(format!("{polydir}/{mark}"), "").unwrap();
            let found = fs::metadata(polydir).unwrap();
            (found.ino(), found.mode())
        });
        let seen = if code == Code::SUCCESS { seen.collect() } else { Vec::new() };
        fs::write(format!("/run/ready-{mark}"), "").unwrap();
        while fs::metadata("/run/finish").is_err() {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(pam.close_session(), Code::SUCCESS);
        (code, seen)
    })
}

/// How many mount namespaces the processes of this world are in.
fn namespaces() -> usize {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let ids = processes.filter_map(|entry| fs::metadata(entry.path().join("ns/mnt")).ok());
    ids.map(|found| found.ino()).collect::<BTreeSet<_>>().len()
}

fn drafts(w: &World) -> String {
    w.sh("find / -xdev -name ':*' -not -path '/proc/*' 2>/dev/null; true").ok()
}

/// All of them at once, for users who have never logged in; then nothing of it is left.
fn race(w: &World, example: Example, users: &[String]) -> Vec<Vec<(u64, u32)>> {
    let polydirs: Vec<_> = example.places.iter().map(|place| place.polydir).collect();
    let (mounts, spaces) = (MountTable::here(), namespaces());
    let runners: Vec<_> = users
        .iter()
        .enumerate()
        .map(|(n, user)| runner(user.clone(), format!("mark-{n}"), polydirs.clone()))
        .collect();
    w.write("/run/shot", "");
    for n in 0..users.len() {
        while !w.exists(&format!("/run/ready-mark-{n}")) {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }
    assert_eq!(namespaces(), spaces + users.len());
    assert_eq!(MountTable::here(), mounts, "a mount leaked");
    assert_eq!(drafts(w), "");
    w.write("/run/finish", "");
    let seen = runners.into_iter().map(|runner| {
        let (code, seen) = runner.join();
        assert_eq!(code, Code::SUCCESS, "{:#?}", w.said());
        assert!(seen.iter().all(|(_, mode)| *mode == 0o41777), "{seen:?}");
        seen
    });
    let seen = seen.collect();
    assert_eq!((namespaces(), MountTable::here()), (spaces, mounts));
    for polydir in polydirs {
        assert_eq!(
            w.sh(&format!("find {polydir} -maxdepth 1 -name 'mark-*'")).ok(),
            "",
            "seen by all"
        );
    }
    assert_eq!(w.said(), [""; 0]);
    w.sh("rm -f /run/shot /run/finish /run/ready-*").ok();
    seen
}

#[test]
fn sixty_four_first_logins_of_one_user_at_once_share_one_directory() {
    for example in [TEMPLATES, PREFIXES] {
        for _ in 0..rounds(3) {
            World::with(Module::Ours).conf(example.conf).run(|w| {
                let seen = race(w, example, &vec!["alice".to_owned(); 64]);
                assert!(seen.iter().all(|each| *each == seen[0]), "{seen:?}");
                for place in example.places {
                    let marks = fs::read_dir(place.instance_of("alice")).unwrap().count();
                    assert_eq!(marks, 64);
                }
            });
        }
    }
    report(&format!("at once: {} times 64 first logins of one user, all share one", 2 * rounds(3)));
}

#[test]
fn sixty_four_first_logins_of_as_many_users_at_once_share_nothing() {
    for example in [TEMPLATES, PREFIXES] {
        for _ in 0..rounds(3) {
            World::with(Module::Ours).conf(example.conf).run(|w| {
                let users: Vec<_> = (0..64).map(|n| format!("u{n}")).collect();
                let entries: String = users
                    .iter()
                    .zip(3000..)
                    .map(|(user, uid)| format!("{user}:x:{uid}:{uid}::/:/bin/sh\n"))
                    .collect();
                w.write("/etc/passwd", &(w.read("/etc/passwd") + &entries));
                let seen = race(w, example, &users);
                let distinct: BTreeSet<_> = seen.iter().flatten().map(|(inode, _)| inode).collect();
                assert_eq!(distinct.len(), 64 * example.places.len());
            });
        }
    }
    report(&format!("at once: {} times 64 first logins of 64 users, none share", 2 * rounds(3)));
}

fn in_sequence() -> u32 {
    rounds(250).min(4000)
}

/// One after the other, in one long-lived caller's world: what is there after one login is there
/// after all of them.
#[test]
fn logins_one_after_the_other_leave_nothing() {
    for example in [TEMPLATES, PREFIXES] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            let users = ["alice", "bob", "carol"];
            let state = || {
                (
                    MountTable::here(),
                    namespaces(),
                    fs::read_dir("/proc/self/fd").unwrap().count(),
                    w.sh("find /tmp /var/tmp /tmp-inst 2>/dev/null | sort").out,
                )
            };
            users.iter().for_each(|user| drop(w.login(user)));
            let before = state();
            for n in 0..in_sequence() {
                let user = users[n as usize % users.len()];
                let code = rtmp_tests::process::apart(|| {
                    let mut pam = Pam::start("rtmp", user).unwrap();
                    (pam.open_session(), pam.close_session())
                });
                assert_eq!(code, (Code::SUCCESS, Code::SUCCESS));
            }
            assert_eq!(state(), before);
            assert_eq!(w.said(), [""; 0]);
        });
    }
    report(&format!("one after the other: twice {} logins, nothing left", in_sequence()));
}

/// One process that opens a session for one user after the other, as a service may.
#[test]
fn a_caller_that_opens_many_sessions_keeps_its_descriptors() {
    World::with(Module::Ours).conf(TEMPLATES.conf).run(|w| {
        let (mounts, before, after) = rtmp_tests::process::apart(|| {
            let count = || fs::read_dir("/proc/self/fd").unwrap().count();
            let open = |n: usize| {
                let mut pam = Pam::start("rtmp", ["alice", "bob", "carol"][n % 3]).unwrap();
                assert_eq!(pam.open_session(), Code::SUCCESS);
                assert_eq!(pam.close_session(), Code::SUCCESS);
            };
            open(0);
            let before = count();
            (0..200).for_each(open);
            (MountTable::here().at("/tmp").len(), before, count())
        });
        assert_eq!((before, mounts), (after, 1), "one over /tmp, however many came before");
        assert_eq!(w.said(), [""; 0]);
    });
}

#[test]
fn sshd_in_front_many_at_once() {
    World::with(Module::Ours).conf(TEMPLATE.conf).run(|w| {
        let sshd = Sshd::start(w);
        let (mounts, spaces) = (MountTable::here(), namespaces());
        w.sh("sed -i '/^MaxStartups/d' /etc/ssh/sshd_config; echo shared > /tmp/shared").ok();
        let sessions = 9;
        let users = ["alice", "bob", "carol"];
        let running: Vec<_> = (0..sessions)
            .map(|n| {
                let user = users[n % 3];
                let argv = sshd.ssh(
                    user,
                    &format!(
                        "echo {user} > /tmp/file-{n}; sleep 0.3; stat -c '%d %i' /tmp; ls /tmp"
                    ),
                );
                start(move || {
                    let out =
                        std::process::Command::new(&argv[0]).args(&argv[1..]).output().unwrap();
                    (user.to_owned(), String::from_utf8(out.stdout).unwrap())
                })
            })
            .collect();
        for session in running {
            let (user, out) = session.join();
            let own = Inode::of(&TEMPLATE.places[0].instance_of(&user));
            assert!(out.starts_with(&format!("{} {}\n", own.dev, own.ino)), "{user}: {out}");
            assert!(!out.contains("shared"));
        }
        for (n, user) in users.iter().enumerate() {
            let files = fs::read_dir(TEMPLATE.places[0].instance_of(user)).unwrap().count();
            assert_eq!(files, sessions / 3, "{n}");
        }
        while namespaces() > spaces {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        assert_eq!(MountTable::here(), mounts);
        assert_eq!(drafts(w), "");
    });
}
