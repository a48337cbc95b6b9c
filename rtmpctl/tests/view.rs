//! `rtmpctl enter`, `exec` and `host`: a command in another view than one's own, and the record of
//! it.

mod host;

use host::{RTMPCTL, TEMPLATES};
use rtmp_tests::log::{Facility, Severity};
use rtmp_tests::{Login, Outcome, World};

fn run(life: impl FnOnce(&World)) {
    host::with(TEMPLATES).run(life);
}

/// Runs `rtmpctl` as root, outside every session.
fn rtmpctl(w: &World, words: &str) -> Outcome {
    w.sh(&format!("{RTMPCTL} {words}"))
}

/// Alice, in a private session, where a process of hers stays. Its number.
fn at_work(session: &Login) -> String {
    session.sh("sleep 60 >/dev/null 2>&1 & echo $!").ok()
}

/// What `rtmpctl` has written into the authpriv log, the numbers of processes left out.
fn records(w: &World) -> Vec<String> {
    let log = w.log();
    let ours = log.iter().filter(|line| line.program == "rtmpctl");
    ours.map(|line| {
        assert_eq!((line.facility, line.severity), (Facility::AUTHPRIV, Severity::Notice));
        let words = line.text.split(", of process ");
        let without_number =
            |part: &str| part.trim_start_matches(|c: char| c.is_ascii_digit()).to_owned();
        words.map(without_number).collect()
    })
    .collect()
}

#[test]
fn root_runs_a_command_in_a_users_view_by_name_or_by_process() {
    run(|w| {
        let (alice, bob) = (w.login("alice"), w.login("bob"));
        let (hers, _his) = (at_work(&alice), at_work(&bob));
        w.write("/tmp/real", "");
        for (session, file) in [(&alice, "hers"), (&bob, "his")] {
            session.sh(&format!("touch /tmp/{file} /var/tmp/{file}")).ok();
        }
        for (whose, file) in [("alice", "hers"), ("bob", "his"), (&hers, "hers"), ("1", "real")] {
            let said = rtmpctl(w, &format!("exec {whose} -- ls /tmp")).ok();
            assert!(said.starts_with(file), "{whose}: {said}");
        }
        let words = "exec alice -- sh -c 'id -nu; ls /tmp /var/tmp; pwd'";
        let want = "root\n/tmp:\nhers\n\n/var/tmp:\nhers\n/";
        assert_eq!(w.sh(&format!("cd /tmp && {RTMPCTL} {words}")).ok(), want);
        let elsewhere = bob.sh_as_root(&format!("{RTMPCTL} exec alice -- ls /tmp")).ok();
        assert_eq!(elsewhere, "hers", "from inside another private session");
    });
}

#[test]
fn with_as_user_it_is_the_user_with_the_users_groups_and_environment() {
    run(|w| {
        let alice = w.login("alice");
        let pid = at_work(&alice);
        for whose in ["alice", &pid] {
            let ask = "id; env | sort; grep CapEff /proc/self/status; touch /tmp/made";
            let said = w.sh(&format!(
                "SECRET=1 TERM=vt100 {RTMPCTL} exec {whose} --as-user -- sh -c '{ask}'"
            ));
            let want = "uid=1001(alice) gid=1001(alice) groups=1001(alice),2001(students)\n\
                HOME=/home/alice\nLANG=C.UTF-8\nLOGNAME=alice\nPATH=/usr/local/bin:/usr/bin:/bin\n\
                PWD=/\nSHELL=/bin/bash\nTERM=vt100\nUSER=alice\nCapEff:\t0000000000000000";
            assert_eq!(said.ok(), want);
        }
        assert_eq!(w.owner("/tmp/user_tmpl/1001/tmp/made"), (1001, 1001));
    });
}

#[test]
fn a_shell_is_opened_in_the_users_view_on_the_terminal_that_asks() {
    run(|w| {
        let alice = w.login("alice");
        at_work(&alice);
        alice.sh("echo hers > /tmp/file").ok();
        let script = |words: &str, input: &str| {
            let words = ["script", "-qec", &format!("{RTMPCTL} {words}"), "/dev/null"];
            w.exec_with_input(words, input).ok().replace('\r', "")
        };
        assert!(script("exec alice -- tty", "").starts_with("/dev/pts/"));
        let shell = script("enter alice", "cat /tmp/file; id -nu\nexit 0\n");
        assert!(shell.contains("hers\nroot\n"), "{shell}");
        let own = script("enter alice --as-user", "id -nu; test -t 0 && echo terminal\nexit 0\n");
        assert!(own.contains("alice\nterminal\n"), "{own}");
    });
}

#[test]
fn from_inside_a_private_session_a_command_sees_the_hosts_directories_and_mounts() {
    run(|w| {
        let alice = w.login("alice");
        w.write("/tmp/real", "");
        alice.sh("touch /tmp/hers").ok();
        let in_session = |command: &str| alice.sh_as_root(command).ok();
        assert_eq!(in_session("ls /tmp"), "hers");
        let host = in_session(&format!("cd /tmp && {RTMPCTL} host -- sh -c 'pwd; ls /tmp'"));
        assert_eq!(host, "/\nreal\nuser_tmpl", "the host's /tmp is another one than the session's");
        assert_eq!(in_session(&format!("cd /usr/bin && {RTMPCTL} host -- pwd")), "/usr/bin");
        in_session(&format!("{RTMPCTL} host -- mount -t tmpfs -o mode=0755 tmpfs /mnt"));
        w.write("/mnt/arrived", "");
        assert_eq!(w.login("bob").sh("ls /mnt").ok(), "arrived");
    });
}

#[test]
fn the_command_has_the_streams_and_its_exit_status_is_passed_on() {
    run(|w| {
        let alice = w.login("alice");
        at_work(&alice);
        for act in ["host", "exec alice"] {
            let run = |command: &str, input: &str| {
                let words: Vec<_> = act.split(' ').chain(["--", "sh", "-c", command]).collect();
                w.exec_with_input([&[RTMPCTL], words.as_slice()].concat(), input)
            };
            let said = run("read line; echo \"out $line\"; echo err >&2; exit 7", "in\n");
            assert_eq!(
                (said.status, said.out.as_str(), said.err.as_str()),
                (7, "out in\n", "err\n")
            );
            assert_eq!(run("kill -TERM $$", "").status, 128 + 15);
            for (words, status) in
                [("-- /nonexistent", 127), ("-- /etc/passwd", 126), ("ls", 64), ("", 64)]
            {
                let said = rtmpctl(w, &format!("{act} {words}"));
                assert_eq!(said.status, status, "{act} {words}: {}", said.err);
            }
            let closed = format!("{RTMPCTL} {act} -- yes | head -n 1");
            assert_eq!(w.sh(&closed).ok(), "y");
        }
    });
}

#[test]
fn it_is_recorded_on_one_line_who_does_what_to_whom() {
    run(|w| {
        let alice = w.login("alice");
        let pid = at_work(&alice);
        let logged_in = |uid: &str, command: &str| {
            w.sh(&format!("echo {uid} > /proc/self/loginuid && exec {RTMPCTL} {command}")).ok();
        };
        logged_in("4294967295", "host -- echo 'a\nhost by bob: b'");
        logged_in("1003", "exec alice -- printf '\\377' ''");
        logged_in("1003", &format!("exec {pid} --as-user -- true"));
        logged_in("0", "enter alice </dev/null");
        let want = [
            r"host by root (uid 0), not logged in: echo 'a\nhost by bob: b'",
            r"exec by root (uid 0), logged in as carol (uid 1003): in the view of alice (uid 1001), as root: printf '\377' ''",
            "exec by root (uid 0), logged in as carol (uid 1003): in the view of alice (uid 1001), as alice: true",
            "enter by root (uid 0), logged in as root (uid 0): in the view of alice (uid 1001), as root: /bin/sh",
        ];
        assert_eq!(records(w), want);
    });
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    run(|w| {
        let said = w.sh(&format!("rm /dev/log && {RTMPCTL} host -- touch /done"));
        let why = "rtmpctl: unable to record this in the system log: ";
        assert!(said.err.starts_with(why), "{}", said.err);
        assert!(said.err.ends_with("; nothing was done\n"), "{}", said.err);
        assert_eq!((said.status, w.exists("/done")), (125, false));
    });
}

#[test]
fn only_root_can_do_it() {
    run(|w| {
        let alice = w.login("alice");
        let pid = at_work(&alice);
        let why =
            "rtmpctl: only root can look from another mount namespace: it needs CAP_SYS_ADMIN\n";
        for words in
            ["host -- true", "exec alice -- true", &format!("exec {pid} -- true"), "enter bob"]
        {
            let said = alice.sh(&format!("{RTMPCTL} {words}"));
            assert_eq!((said.status, said.err.as_str()), (125, why), "{words}");
            let powerless = w.sh(&format!("setpriv --bounding-set=-sys_admin {RTMPCTL} {words}"));
            assert_eq!(powerless.status, 125);
        }
        let powerless = w.sh(&format!("setpriv --bounding-set=-sys_admin {RTMPCTL} host -- true"));
        assert!(powerless.err.contains("it needs CAP_SYS_ADMIN"), "{}", powerless.err);
        assert_eq!(records(w), [""; 0]);
    });
}

#[test]
fn where_nobody_is_in_a_users_view_it_is_said_what_to_do() {
    run(|w| {
        let alice = w.login("alice");
        at_work(&alice);
        w.sh_as("bob", "sleep 60 >/dev/null 2>&1 &").ok();
        let no_session = |user: &str| {
            format!(
                "nobody is in a private session of {user} now; `su - {user}` opens one, \
                 `rtmpctl explain {user}` says where its directories are"
            )
        };
        for (whose, why) in [
            ("bob", no_session("bob")),
            ("root", no_session("root")),
            ("nobody\n", "there is no user \"nobody\\n\"".to_owned()),
            ("..", "there is no user \"..\"".to_owned()),
            ("", "there is no user \"\"".to_owned()),
            (
                "999999999",
                "unable to open the mount namespace of process 999999999: No such process (ESRCH)"
                    .to_owned(),
            ),
        ] {
            let said = w.exec([RTMPCTL, "exec", whose, "--", "true"]);
            assert_eq!((said.status, said.err), (125, format!("rtmpctl: {why}\n")));
        }
        assert_eq!(records(w), [""; 0]);
    });
}

/// A mount namespace of alice's own making: her processes, her instance on /tmp, and her program at
/// the path of every program.
#[test]
fn a_view_that_a_user_made_is_not_entered() {
    run(|w| {
        let alice = w.login("alice");
        alice.sh("printf '#!/bin/sh\\necho forged\\n' > /tmp/ls && chmod 755 /tmp/ls").ok();
        let forged = "mount --bind /tmp/ls /usr/bin/ls && touch /tmp/ready && exec sleep 60";
        let forge = format!(
            "unshare --user --map-root-user --mount sh -c '{forged}' >/dev/null 2>&1 & echo $!"
        );
        let pid = alice.sh(&forge).ok();
        alice.sh("until test -e /tmp/ready; do sleep 0.01; done").ok();
        let refused = |whose: &str| {
            let said = rtmpctl(w, &format!("exec {whose} -- ls /tmp"));
            let why = format!(
                "rtmpctl: unable to enter the mount namespace of process {pid}: it belongs to another \
                 user namespace, so a program there may be anybody's\n"
            );
            assert_eq!((said.status, said.out.as_str(), said.err), (125, "", why), "{whose}");
        };
        refused(&pid);
        assert_eq!(rtmpctl(w, "exec alice -- ls /tmp").ok(), "ls\nready", "in her session");
        assert!(alice.sh_as_root(&format!("nsenter -m -t {pid} ls /tmp")).ok().contains("forged"));
        assert_eq!(alice.close(), rtmp_tests::Code::SUCCESS);
        refused("alice");
    });
}
