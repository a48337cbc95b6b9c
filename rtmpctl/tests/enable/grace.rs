//! `--try`: it goes by itself, unless a login that came after it says that it may stay.

use rtmp_tests::{Shell, World};

use crate::host::RTMPCTL;
use crate::hosts::{debian, lay_debian, look, rtmpctl};

/// Waits until no process of rtmpctl is left: what `--try` starts ends when it has decided.
fn wait_for_the_watch(w: &World) {
    // Of a process that has ended and that nobody waits for there is no program.
    w.sh(&format!("while readlink /proc/[0-9]*/exe | grep -qx {RTMPCTL}; do sleep 0.05; done"))
        .ok();
}

#[test]
fn what_nobody_confirms_goes_by_itself_also_when_its_login_has_ended() {
    debian().run(|w| {
        lay_debian(w);
        let before = look(w);
        let mut shell = Shell::start(rtmp_tests::programs::su_login("root", ""));
        let said = shell.sh(&format!("{RTMPCTL} enable --yes --try 2")).ok();
        assert!(
            said.ends_with(
                "Written, for 2 seconds. Log in anew, and there: rtmpctl enable --confirm"
            ),
            "{said}"
        );
        assert!(w.read("/etc/pam.d/common-session").contains("pam_rtmp.so"));
        shell.exit();
        wait_for_the_watch(w);
        assert_eq!(look(w), before);
        let log = w.log();
        assert!(
            log.iter().any(|line| line.text.contains(": not confirmed: /etc/pam.d/common-session"))
        );
    });
}

/// A terminal that hangs up sends SIGHUP to those in its foreground.
#[test]
fn the_watch_is_out_of_the_terminals_reach() {
    debian().run(|w| {
        lay_debian(w);
        w.sh(&format!("{RTMPCTL} enable --yes --try 30 >/dev/null")).ok();
        let watch = w.sh("pgrep -x rtmpctl").ok();
        let own = w.sh(&format!("until [ \"$(ps -o sid= -p {watch} | tr -d ' ')\" = {watch} ]; do sleep 0.05; done; ps -o tty= -p {watch}"));
        assert_eq!(own.ok().trim(), "?");
        w.sh(&format!("kill {watch}")).ok();
    });
}

#[test]
fn a_login_that_came_after_it_confirms_it_and_no_other() {
    debian().run(|w| {
        lay_debian(w);
        let confirm = format!("{RTMPCTL} enable --confirm");
        assert!(w.sh(&confirm).out.contains("there is no change that waits to be confirmed"));
        let mut old = Shell::start(rtmp_tests::programs::su_login("root", ""));
        let mut first = Shell::start(rtmp_tests::programs::su_login("root", ""));
        first.sh("echo 0 > /proc/self/loginuid");
        first.sh(&format!("{RTMPCTL} enable --yes --try 4")).ok();
        let enabled = look(w);
        let said = first.sh(&confirm);
        assert_eq!(said.status, 2);
        assert!(
            said.out.contains("this is the login that made the change: log in anew"),
            "{}",
            said.out
        );
        assert_eq!(old.sh(&confirm).status, 2, "an older login");
        let new = w.sh(&format!("setsid --wait sh -c 'echo 0 > /proc/self/loginuid; {confirm}'"));
        assert!(new.clone().ok().contains("Confirmed: it stays."), "{new:?}");
        wait_for_the_watch(w);
        assert_eq!(look(w), enabled);
    });
}

#[test]
fn a_watch_takes_back_no_later_change() {
    debian().run(|w| {
        lay_debian(w);
        rtmpctl(w, ["enable", "--yes", "--try", "2"]).ok();
        rtmpctl(w, ["disable", "--yes"]).ok();
        rtmpctl(w, ["enable", "--yes"]).ok();
        let enabled = look(w);
        wait_for_the_watch(w);
        assert_eq!(look(w), enabled);
    });
}
