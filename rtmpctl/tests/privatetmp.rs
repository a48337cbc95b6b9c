//! What `rtmpctl privatetmp` says and does. systemd's part is played by what a real one answered: the
//! recording in `recorded/`, which a script hands out. With a real one: `tests/tests/vm_privatetmp.rs`.
#![allow(clippy::indexing_slicing)]

mod host;

use host::{RTMPCTL, TEMPLATES, json};
use rtmp_tests::{Outcome, World};

const DROP_IN: &str = "/etc/systemd/system/plain.service.d/50-rtmp-privatetmp.conf";

/// A world in which systemd answers as it did.
fn run(life: impl FnOnce(&World)) {
    host::with(TEMPLATES).run(|w| {
        host::systemd(w);
        life(w);
    });
}

fn ask(w: &World, words: &str) -> Outcome {
    w.sh(&format!("PATH=/opt/systemd:$PATH {RTMPCTL} privatetmp {words}"))
}

/// What systemd was told to do, since the last time.
fn told(w: &World) -> Vec<String> {
    let told = w.sh("cat /opt/systemd/told 2>/dev/null; rm -f /opt/systemd/told").out;
    told.lines().map(str::to_owned).collect()
}

#[test]
fn where_systemd_does_not_run_the_host_it_says_so() {
    host::with(TEMPLATES).run(|w| {
        for words in ["list", "verify", "enable x", "disable x --dry-run"] {
            let said = ask(w, words);
            let why = "rtmpctl: there is no systemd here to ask: /run/systemd/system does not exist \
                       (sd_booted(3)), so it does not run the services of this host\n";
            assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (1, "", why), "{words}");
        }
    });
}

/// The recorded processes are not in this world, so none runs.
#[test]
fn services_are_listed_with_what_is_configured_and_what_to_do() {
    run(|w| {
        let want = "\
UNIT                CONFIGURED         EFFECTIVE  ADVICE
database.service    no                 -          -
dynamic.service     yes (DynamicUser)  -          -
first.service       yes                -          -
instance@a.service  no                 -          -
lingering.service   no                 -          leave it: what it starts outlives it (KillMode=process) and would lose it at its stop
nothere.service     not-found          -          -
other.service       error              -          -
plain.service       no                 -          -
reader.service      no                 -          -
second.service      yes                -          -
session.service     no                 -          leave it: it is a session itself (PAMName=login), and does not start with one beside pam_rtmp.so
";
        assert_eq!(ask(w, "list --all").ok(), want.trim_end());
        let named = ask(w, "list plain lingering.service").ok();
        assert_eq!(named.lines().count(), 3, "{named}");
        let json = json(&ask(w, "list second --json"));
        assert_eq!(
            (&json["command"], &json["units"][0]["joins"][0]),
            (&"privatetmp list".into(), &"first.service".into())
        );
        assert_eq!(
            w.sh_as("alice", &format!("PATH=/opt/systemd:$PATH {RTMPCTL} privatetmp list")).status,
            0
        );
    });
}

#[test]
fn a_drop_in_is_written_checked_and_loaded_and_taken_away_again() {
    run(|w| {
        let plan = format!(
            "plain.service: write {DROP_IN}\n    then systemd-analyze verify, systemctl daemon-reload, "
        );
        let dry = ask(w, "enable plain --dry-run");
        let want = format!("{plan}no restart: --restart does it\nNothing was done (--dry-run).");
        assert_eq!(
            (dry.ok(), w.exists("/etc/systemd/system/plain.service.d"), told(w).len()),
            (want, false, 0)
        );

        let done = ask(w, "enable plain.service --restart").ok();
        assert_eq!(done, format!("{plan}systemctl restart\nplain.service: restarted"));
        let text = w.read(DROP_IN);
        assert!(text.starts_with("# Written by rtmpctl privatetmp enable"), "{text}");
        assert!(
            text.ends_with("rtmpctl privatetmp disable plain.service\n[Service]\nPrivateTmp=yes\n"),
            "{text}"
        );
        assert_eq!((w.mode(DROP_IN), w.owner(DROP_IN)), (0o644, (0, 0)));
        assert_eq!(
            w.sh("ls -A /etc/systemd/system/plain.service.d").ok(),
            "50-rtmp-privatetmp.conf"
        );
        let verify = "systemd-analyze verify -- plain.service";
        assert_eq!(
            told(w),
            [verify, verify, "systemctl daemon-reload", "systemctl restart -- plain.service"]
        );
        assert!(ask(w, "enable plain").ok().contains("nothing to do"));

        w.write("/etc/systemd/system/plain.service.d/10-other.conf", "[Service]\n");
        ask(w, "disable plain").ok();
        assert_eq!(w.sh("ls -A /etc/systemd/system/plain.service.d").ok(), "10-other.conf");
        assert_eq!(told(w), ["systemctl daemon-reload"]);
        let records: Vec<_> =
            w.log().into_iter().filter(|line| line.program == "rtmpctl").collect();
        let what = |line: &rtmp_tests::log::Line| line.text.split(' ').nth(1).map(str::to_owned);
        assert_eq!(records.iter().filter_map(what).collect::<Vec<_>>(), ["enable", "disable"]);
        assert!(records[0].text.ends_with(": plain.service"), "{}", records[0].text);
    });
}

#[test]
fn what_must_not_be_changed_is_refused_and_then_nothing_is() {
    run(|w| {
        w.sh("mkdir -p /etc/systemd/system/reader.service.d").ok();
        w.write(
            "/etc/systemd/system/reader.service.d/50-rtmp-privatetmp.conf",
            "[Service]\nPrivateTmp=yes\n",
        );
        for (words, why) in [
            (
                "enable plain lingering",
                "what it starts outlives it (KillMode=process) and would lose it at its stop",
            ),
            (
                "enable plain session",
                "it is a session itself (PAMName=login), and does not start with one beside pam_rtmp.so",
            ),
            ("enable plain nothere", "systemd says it is not-found"),
            (
                "enable plain reader",
                "/etc/systemd/system/reader.service.d/50-rtmp-privatetmp.conf is not ours",
            ),
            (
                "disable reader",
                "/etc/systemd/system/reader.service.d/50-rtmp-privatetmp.conf is not ours",
            ),
            (
                "disable first",
                "its PrivateTmp= is not from rtmpctl; see /etc/systemd/system/first.service",
            ),
        ] {
            let said = ask(w, words);
            assert!(said.out.contains(&format!("refused: {why}\n")), "{words}: {}", said.out);
            assert!(said.out.ends_with("Nothing was done.\n"), "{words}: {}", said.out);
            assert_eq!((said.status, w.exists(DROP_IN), told(w).len()), (2, false, 0), "{words}");
        }
        assert!(w.exists("/etc/systemd/system/reader.service.d/50-rtmp-privatetmp.conf"));
    });
}

#[test]
fn what_fails_is_as_it_was() {
    run(|w| {
        let fails = |words: &str, why: &str| {
            let said = ask(w, words);
            assert_eq!((said.status, said.err), (1, format!("rtmpctl: {why}\n")), "{words}");
        };
        w.write("/opt/systemd/picky", "");
        fails(
            "enable plain database",
            "with the drop-in systemd-analyze says: 3:PrivateTmp=yes; it was removed again",
        );
        assert_eq!(w.sh("ls -A /etc/systemd/system").ok(), "");
        w.sh("rm /opt/systemd/picky; touch /opt/systemd/unwilling").ok();
        let unwilling = "systemctl daemon-reload failed: Failed to daemon-reload: no; the drop-ins are as they were before";
        fails("enable plain database", unwilling);
        assert_eq!(w.sh("ls -A /etc/systemd/system").ok(), "");
        w.sh("rm /opt/systemd/unwilling").ok();
        ask(w, "enable plain").ok();
        let written = w.read(DROP_IN);
        w.write("/opt/systemd/unwilling", "");
        fails("disable plain", unwilling);
        assert_eq!(w.read(DROP_IN), written);
        let alice = w
            .sh_as("alice", &format!("PATH=/opt/systemd:$PATH {RTMPCTL} privatetmp disable plain"));
        let why = "rtmpctl: only root can change units; --dry-run says what would be done\n";
        assert_eq!((alice.status, alice.err.as_str()), (1, why));
    });
}
