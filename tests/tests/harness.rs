//! The harness itself, proved with the distribution's pam_namespace.so.

use std::fs;
use std::path::Path;

use rtmp_tests::caller::Inode;
use rtmp_tests::log::{Facility, Severity};
use rtmp_tests::pam::Item;
use rtmp_tests::process::{apart, become_user, start};
use rtmp_tests::programs::{pamtester, su, su_login, sudo, sudo_login};
use rtmp_tests::{Blueprint, Caller, Code, Module, MountTable, Pam, Shell, Sshd, World};

const CONF: &str = "/tmp /tmp-inst/ user root\n/var/tmp /var/tmp/tmp-inst/ user root\n";

fn world() -> Blueprint {
    World::with(Module::Theirs).conf(CONF)
}

#[test]
fn two_users_of_a_world_do_not_see_each_others_files_through_pam_namespace() {
    world().run(|w| {
        let alice = w.login("alice");
        let bob = w.login("bob");
        for polydir in ["/tmp", "/var/tmp"] {
            alice.sh(&format!("echo hers > {polydir}/file")).ok();
            bob.sh(&format!("cat {polydir}/file")).fails();
            assert!(!w.exists(&format!("{polydir}/file")));
            assert_eq!(w.login("alice").sh(&format!("cat {polydir}/file")).ok(), "hers");
        }
        assert_eq!(alice.close(), Code::SUCCESS);
        assert_eq!(bob.close(), Code::SUCCESS);
    });
}

#[test]
fn a_session_tells_what_became_of_its_caller() {
    world().run(|w| {
        let alice = w.visitor("alice").cwd("/var").umask(0o027).login();
        assert_ne!(alice.before.mnt_ns, alice.after.mnt_ns);
        assert_eq!(alice.after.mounts().top_at("/tmp").unwrap().root, "/tmp-inst/alice");
        assert_eq!(alice.before.cwd, Path::new("/var"));
        assert_eq!(alice.before.umask(), 0o027);
        assert_eq!(alice.before.descriptors, alice.after.descriptors);
        assert_eq!(alice.before.status, alice.after.status);
        assert_eq!(alice.caller(), alice.after);
        assert_eq!(alice.sh("id -nu; id -nG; pwd").ok(), "alice\nalice students\n/var");
        assert_eq!(alice.sh_as_root("id -nu; ls -A /tmp-inst").ok(), "root\nalice");
    });
}

#[test]
fn an_exempt_user_leaves_the_caller_as_it_was() {
    world().run(|w| {
        let root = w.attempt("root");
        assert_eq!((root.code, root.close), (Code::SUCCESS, Code::SUCCESS));
        assert_eq!(root.before, root.after);
        assert_eq!(root.before.mnt_ns, Inode::of("/proc/self/ns/mnt").ino);
        assert!(!w.exists("/tmp-inst"));
    });
}

#[test]
fn a_refused_session_tells_its_code_and_its_reason() {
    world().conf("/tmp /tmp-inst/ uesr root\n").run(|w| {
        let alice = w.attempt("alice");
        assert_eq!(alice.code, Code::SESSION_ERR);
        assert_eq!(alice.close, Code::PERM_DENIED);
        assert_eq!(alice.before, alice.after);
        let reason = "pam_namespace(rtmp:session): Error processing conf file \
                      /etc/security/namespace.conf line /tmp";
        assert!(alice.log.iter().any(|line| line.text.starts_with(reason)), "{:#?}", alice.log);
        assert!(alice.log.iter().all(|line| line.facility == Facility::AUTHPRIV));
        assert_eq!(w.attempt("mallory").code, Code::USER_UNKNOWN);
    });
}

#[test]
fn the_log_of_a_world_is_its_own() {
    world().run(|w| {
        world().run(|other| {
            other.sh("logger elsewhere").ok();
            assert_eq!(other.log().len(), 1);
        });
        assert_eq!(w.log(), []);
        w.sh("logger -p auth.crit -t shout here").ok();
        let log = w.log();
        assert_eq!(log.len(), 1, "{log:#?}");
        assert_eq!((log[0].facility, log[0].severity), (Facility::AUTH, Severity::Crit));
        assert_eq!((log[0].program.as_str(), log[0].text.as_str()), ("shout", "here"));
        w.sh("for i in $(seq 1000); do echo $i; done | logger").ok();
        assert_eq!(w.log().len(), 1001);
    });
}

#[test]
fn an_argument_reaches_the_module_in_every_service() {
    world().args("debug").run(|w| {
        assert!(w.attempt("alice").log.iter().any(|line| line.severity == Severity::Debug));
        w.set_args("");
        assert_eq!(w.attempt("alice").log, []);
        for service in ["login", "sshd", "su", "su-l", "sudo", "sudo-i"] {
            let bob = w.visitor("bob").service(service).ruser("root").attempt();
            assert_eq!(bob.code, Code::SUCCESS, "{service}: {:#?}", bob.log);
            assert!(bob.after.mounts().top_at("/tmp").is_some(), "{service}");
        }
    });
}

#[test]
fn a_world_is_shared_as_under_systemd_or_private_when_asked() {
    let is_shared = |_: &World| MountTable::here().0.iter().all(|mount| mount.is_shared());
    assert!(world().run(is_shared));
    assert!(!world().private_root().run(|_| MountTable::here().top_at("/").unwrap().is_shared()));
}

#[test]
fn su_and_sudo_work_in_a_world() {
    world().run(|w| {
        let instance_of = |user| Inode::of(&format!("/tmp-inst/{user}"));
        let seen = "stat -c '%d %i' /tmp; id -nu";
        let expected =
            |user| format!("{} {}\n{user}", instance_of(user).dev, instance_of(user).ino);
        for user in ["alice", "bob"] {
            assert_eq!(w.login(user).close(), Code::SUCCESS);
            for command in [su, su_login, sudo, sudo_login] {
                assert_eq!(w.exec(command(user, seen)).ok(), expected(user));
            }
        }
        let carol = w.login("carol");
        assert_eq!(carol.exec(sudo("root", "id -nu")).ok(), "root");
        assert!(carol.exec_with_input(su("bob", "id -nu"), "secret\n").ok().ends_with("bob"));
        carol.exec_with_input(su("bob", "id -nu"), "guess\n").fails();
    });
}

#[test]
fn pamtester_opens_and_closes_a_session_in_a_world() {
    world().run(|w| {
        let said = w.exec(pamtester("rtmp", "alice")).ok();
        assert!(said.contains("successfully opened a session"), "{said}");
        assert!(w.exists("/tmp-inst/alice"));
    });
}

#[test]
fn a_shell_stays_open_in_its_session() {
    world().run(|_| {
        let mut alice = Shell::start(su_login("alice", ""));
        let mut bob = Shell::start(sudo_login("bob", ""));
        alice.sh("cd /tmp && echo hers > file").ok();
        assert_eq!(bob.sh("ls -A /tmp").ok(), "");
        assert_eq!(alice.sh("cat file; printf 'no newline'").ok(), "hers\nno newline");
        assert_eq!(alice.sh("cat nothing; false").status, 1);
        assert_eq!((alice.exit(), bob.exit()), (0, 0));
    });
}

#[test]
fn sshd_in_a_world_lets_alice_in() {
    world().run(|w| {
        let sshd = Sshd::start(w);
        w.write("/root/sent", "content\n");
        w.exec(sshd.ssh("alice", "echo hers > /tmp/file")).ok();
        assert_eq!(w.exec(sshd.ssh("alice", "cat /tmp/file")).ok(), "hers");
        w.exec(sshd.ssh("bob", "cat /tmp/file")).fails();
        assert!(!w.exists("/tmp/file"));

        let typed = w.exec_with_input(sshd.ssh_terminal("alice"), "tty; cat /tmp/file; exit\n");
        assert!(typed.out.contains("/dev/pts/") && typed.out.contains("hers\r\n"), "{typed:?}");
        w.exec(sshd.scp_to("alice", "/root/sent", "/tmp/sent")).ok();
        w.exec_with_input(sshd.sftp("alice"), "rename /tmp/sent /tmp/received\n").ok();
        let session = "ssh-add -l && ls -d $SSH_AUTH_SOCK && cat /tmp/received";
        let said = w.exec(sshd.ssh_with_agent(w, "alice", session)).ok();
        assert!(said.contains("ED25519") && said.ends_with("content"), "{said}");
    });
}

#[test]
fn two_users_of_sshd_are_logged_in_at_once() {
    world().run(|w| {
        let sshd = Sshd::start(w);
        let mut alice = Shell::start(sshd.ssh("alice", "sh"));
        let mut bob = Shell::start(sshd.ssh("bob", "sh"));
        alice.sh("echo hers > /tmp/file").ok();
        bob.sh("cat /tmp/file").fails();
        assert_eq!(Shell::start(sshd.ssh("alice", "sh")).sh("cat /tmp/file").ok(), "hers");
        w.exec(sshd.ssh("root", "test ! -e /tmp/file")).ok();
    });
}

#[test]
fn a_handle_can_be_driven_by_hand() {
    world().run(|_| {
        let mut pam = Pam::start("rtmp", "alice").unwrap();
        assert_eq!(pam.open_session(), Code::SUCCESS);
        assert_eq!(pam.open_session(), Code::SUCCESS);
        assert_eq!(pam.set(Item::User, "bob"), Code::SUCCESS);
        assert_eq!(pam.open_session(), Code::SUCCESS);
        assert_eq!(MountTable::here().at("/tmp").len(), 3);
        assert_eq!(MountTable::here().top_at("/tmp").unwrap().root, "/tmp-inst/bob");
        pam.end_silently_in_a_child();
        let closed_by_its_user = apart(|| {
            become_user("bob");
            pam.close_session()
        });
        assert_eq!(closed_by_its_user, Code::SUCCESS);
        assert_eq!(pam.close_session(), Code::SUCCESS);
        assert_eq!(pam.put_env("COLOUR=blue"), Code::SUCCESS);
        assert_eq!(pam.env("COLOUR").as_deref(), Some("blue"));
        assert_eq!(pam.env("SHAPE"), None);
        assert_eq!(pam.end(), Code::SUCCESS);
    });
}

#[test]
fn an_attacker_runs_beside_a_session() {
    world().run(|w| {
        let attacker = start(|| -> () {
            become_user("bob");
            for n in 0.. {
                fs::write("/tmp/tick", n.to_string()).unwrap();
            }
        });
        while !w.exists("/tmp/tick") {}
        assert_eq!(w.owner("/tmp/tick"), (1002, 1002));
        assert_eq!(w.login("alice").sh("ls -A /tmp").ok(), "");
        attacker.kill();
        assert_eq!(w.sh("pgrep -u bob").out, "");
    });
}

#[test]
fn the_host_keeps_its_mount_table() {
    let before = Caller::now().mountinfo;
    let during = world().run(|w| {
        let alice = w.login("alice");
        alice.sh_as_root("mount -t tmpfs tmpfs /mnt").ok();
        w.sh("mount -t tmpfs tmpfs /var/tmp").ok();
        Caller::now().mountinfo
    });
    assert_ne!(before, during);
    assert_eq!(before, Caller::now().mountinfo);
}

#[test]
fn a_world_cannot_change_the_hosts_programs_or_settings() {
    world().run(|w| {
        w.sh("touch /usr/bin/file").fails();
        w.sh("touch /bin/file").fails();
        w.sh("echo 1 > /proc/sys/fs/mount-max").fails();
        let found = fs::read_dir("/").unwrap().map(|entry| entry.unwrap().file_name());
        assert!(found.into_iter().all(|name| name != ".host"));
    });
}

#[test]
fn nothing_of_a_world_outlives_it() {
    const MARK: &str = "8639977";
    let sleepers = || {
        let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        let lines = processes.filter_map(|path| fs::read(path.join("cmdline")).ok());
        lines.filter(|line| *line == format!("sleep\0{MARK}\0").as_bytes()).count()
    };
    let seen = world().run(|w| {
        w.sh(&format!("setsid sleep {MARK} >/dev/null 2>&1 &")).ok();
        let alice = w.login("alice");
        alice.sh(&format!("setsid sleep {MARK} >/dev/null 2>&1 &")).ok();
        while sleepers() < 2 {}
        sleepers()
    });
    assert_eq!((seen, sleepers()), (2, 0));
}

#[test]
#[should_panic(expected = "alice was here")]
fn a_panic_in_a_world_fails_the_test() {
    world().run(|w| {
        let _stays_open = w.login("alice");
        panic!("alice was here");
    })
}

#[test]
#[should_panic(expected = "/nowhere: No such file or directory")]
fn a_panic_in_a_session_fails_the_test() {
    world().run(|w| drop(w.visitor("alice").cwd("/nowhere").login()));
}

#[test]
#[should_panic(expected = "no session for mallory")]
fn a_login_that_is_refused_fails_the_test() {
    world().run(|w| drop(w.login("mallory")));
}

#[test]
#[should_panic(expected = "ended without a word")]
fn a_process_that_dies_fails_the_test() {
    world().run(|_| apart(|| -> () { std::process::abort() }));
}

#[test]
fn a_file_of_the_host_can_be_brought() {
    let host = fs::read_to_string("/etc/passwd").unwrap();
    world().bring("/etc/passwd", "/srv/brought/file").bring("/etc", "/srv/etc").run(|w| {
        assert_eq!(w.read("/srv/brought/file"), host);
        assert_eq!(w.read("/srv/etc/passwd"), host);
        assert_ne!(w.read("/etc/passwd"), host);
        w.sh("echo >> /srv/brought/file").fails();
    });
}

#[test]
fn worlds_live_side_by_side() {
    std::thread::scope(|threads| {
        for n in 0..8 {
            threads.spawn(move || {
                world().run(|w| {
                    let alice = w.login("alice");
                    alice.sh(&format!("echo {n} > /tmp/n")).ok();
                    assert_eq!(w.read("/tmp-inst/alice/n"), format!("{n}\n"));
                });
            });
        }
    });
}

#[test]
#[ignore = "a measurement: run it alone, in release, with --ignored --nocapture"]
fn a_world_is_built_in_milliseconds() {
    let median = |mut times: Vec<u128>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let time = |life: fn(&World)| {
        let start = std::time::Instant::now();
        world().run(life);
        start.elapsed().as_micros()
    };
    let empty = median((0..101).map(|_| time(|_| ())).collect());
    let login = median((0..101).map(|_| time(|w| drop(w.login("alice")))).collect());
    let sshd = median((0..11).map(|_| time(|w| drop(Sshd::start(w)))).collect());
    println!("a world {empty} us, with a login {login} us, with sshd {sshd} us");
}
