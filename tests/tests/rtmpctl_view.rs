//! `rtmpctl host`: a command in another view than one's own, and the record of it.

use rtmp_tests::ctl::{RTMPCTL, rtmpctl};
use rtmp_tests::log::{Facility, Severity};
use rtmp_tests::{Blueprint, Module, World};

const CONF: &str =
    "/tmp /tmp/user_tmpl/%{UID} user root\n/var/tmp /var/tmp/user_tmpl/%{UID} user root\n";

fn world() -> Blueprint {
    World::with(Module::Ours).conf(CONF).with_rtmpctl()
}

/// What `rtmpctl` has written into the authpriv log.
fn records(w: &World) -> Vec<String> {
    let log = w.log();
    let ours = log.iter().filter(|line| line.program == "rtmpctl");
    ours.map(|line| {
        assert_eq!((line.facility, line.severity), (Facility::AUTHPRIV, Severity::Notice));
        line.text.clone()
    })
    .collect()
}

#[test]
fn from_inside_a_private_session_a_command_sees_the_hosts_directories_and_mounts() {
    world().run(|w| {
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
    world().run(|w| {
        let run = |command: &str, input: &str| {
            w.exec_with_input(rtmpctl(["host", "--", "sh", "-c", command]), input)
        };
        let said = run("read line; echo \"out $line\"; echo err >&2; exit 7", "in\n");
        assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (7, "out in\n", "err\n"));
        assert_eq!(run("kill -TERM $$", "").status, 128 + 15);
        for (words, status) in [
            (&["host", "--", "/nonexistent"][..], 127),
            (&["host", "--", "/etc/passwd"], 126),
            (&["host", "ls"], 64),
            (&["host"], 64),
        ] {
            assert_eq!(w.rtmpctl(words.to_vec()).status, status, "{words:?}");
        }
        let closed = format!("{RTMPCTL} host -- yes | head -n 1; {RTMPCTL} host --help | true");
        assert_eq!(w.sh(&closed).ok(), "y");
    });
}

#[test]
fn it_is_recorded_on_one_line_who_runs_what() {
    world().run(|w| {
        let logged_in = |uid: &str, command: &str| {
            w.sh(&format!("echo {uid} > /proc/self/loginuid && exec {RTMPCTL} {command}")).ok();
        };
        logged_in("4294967295", "host -- echo 'a\nhost by bob: b'");
        logged_in("1003", "host -- true");
        let want = [
            r"host by root (uid 0), not logged in: echo 'a\nhost by bob: b'",
            "host by root (uid 0), logged in as carol (uid 1003): true",
        ];
        assert_eq!(records(w), want);
    });
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    world().run(|w| {
        let said = w.sh(&format!("rm /dev/log && {RTMPCTL} host -- touch /done"));
        let why = "rtmpctl: unable to record this in the system log: ";
        assert!(said.err.starts_with(why), "{}", said.err);
        assert!(said.err.ends_with("; nothing was done\n"), "{}", said.err);
        assert_eq!((said.status, w.exists("/done")), (125, false));
    });
}

#[test]
fn only_root_can_do_it() {
    world().run(|w| {
        let said = w.login("alice").exec(rtmpctl(["host", "--", "true"]));
        let why = "only root can look from another mount namespace: it needs CAP_SYS_ADMIN";
        assert_eq!((said.status, said.err), (125, format!("rtmpctl: {why}\n")));
        let without = ["setpriv", "--bounding-set=-sys_admin", RTMPCTL, "host", "--", "true"];
        let powerless = w.exec(without);
        assert_eq!(powerless.status, 125);
        assert!(powerless.err.contains("it needs CAP_SYS_ADMIN"), "{}", powerless.err);
        assert_eq!(records(w), [""; 0]);
    });
}
