//! docs/recovery.md: each of its ways back, as written there.

use rtmp_tests::World;
use rtmp_tests::programs::su;

use crate::host::RTMPCTL;
use crate::hosts::{debian, lay, lay_debian, look, other, rtmpctl};

const RECOVERY: &str = include_str!("../../../docs/recovery.md");

/// The commands of the page, in the order in which they stand there.
fn commands() -> Vec<&'static str> {
    RECOVERY.lines().filter_map(|line| line.strip_prefix("# ")).collect()
}

/// The one that starts so, as it stands there, with the programs of this world.
fn step(start: &str) -> String {
    let written = commands().into_iter().find(|command| command.starts_with(start));
    written.unwrap_or_else(|| panic!("no {start}")).replace("rtmpctl ", &format!("{RTMPCTL} "))
}

fn broken(w: &World) -> String {
    let before = look(w);
    rtmpctl(w, ["enable", "--yes"]).ok();
    w.write("/etc/security/namespace.conf", "/tmp /tmp/user_tmpl/%{UID} uesr root\n");
    w.exec(su("alice", "true")).fails();
    w.exec(su("root", "true")).ok();
    before
}

#[track_caller]
fn mended(w: &World, before: &str) {
    w.exec(su("alice", "true")).ok();
    let files = |text: &str| {
        text.lines()
            .filter(|l| !l.contains("namespace.conf"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(files(&look(w)), files(before));
}

#[test]
fn root_gets_in_sees_the_reason_and_disables_it() {
    debian().run(|w| {
        lay_debian(w);
        let before = broken(w);
        let reason = w.said().pop().expect("a reason");
        assert!(RECOVERY.contains(&reason), "{reason}");
        let said = w.sh(&step("rtmpctl check")).out;
        assert!(RECOVERY.contains(said.trim_end()), "{said}");
        w.sh(&step("rtmpctl disable --yes")).ok();
        mended(w, &before);
    });
}

#[test]
fn a_system_that_is_mounted_elsewhere_is_put_back() {
    for way in ["rtmpctl disable --root /mnt", "tar -C /mnt"] {
        debian().run(|w| {
            lay_debian(w);
            let before = broken(w);
            w.sh("mount --rbind / /mnt").ok();
            w.sh(&step(way)).ok();
            mended(w, &before);
        });
    }
}

#[test]
fn a_link_is_put_back_by_hand_too() {
    other().run(|w| {
        lay(w, "suse");
        let before = broken(w);
        w.sh("mount --rbind / /mnt").ok();
        w.sh(&step("tar -C /mnt")).ok();
        mended(w, &before);
    });
}

#[test]
fn the_two_lines_are_taken_out_by_hand() {
    debian().run(|w| {
        lay_debian(w);
        broken(w);
        w.sh(&step("sed -i ")).ok();
        w.exec(su("alice", "true")).ok();
        let grep = w.sh("grep -l 'pam_rtmp\\|succeed_if' /etc/pam.d/*");
        assert_eq!(grep.out, "");
    });
}
