//! SIGKILL at the calls that change what is on disk.

use std::collections::BTreeSet;

use rtmp_tests::World;

use crate::host::RTMPCTL;
use crate::hosts::{lay, look, other, rtmpctl};

/// What makes names and what changes them; with `RTMP_LONG=1` also what writes and what waits.
fn calls() -> Vec<&'static str> {
    let mut calls = vec!["rename", "renameat2", "unlink"];
    if std::env::var_os("RTMP_LONG").is_some() {
        calls
            .extend(["openat", "write", "fsync", "fchown", "fchmod", "mkdir", "unlinkat", "flock"]);
    }
    calls
}

/// Each file, but for drafts, which no service is named like.
fn files(w: &World) -> BTreeSet<String> {
    look(w).lines().filter(|line| !line.contains("/.")).map(str::to_owned).collect()
}

#[test]
fn killed_at_any_call_enable_leaves_each_file_old_or_new_and_disable_puts_back_the_rest() {
    other().run(|w| {
        lay(w, "arch");
        let old = files(w);
        let enable = "enable --yes --services su,su-l --as alice";
        let disable = || rtmpctl(w, ["disable", "--yes", "--untried"]).ok();
        w.sh(&format!("{RTMPCTL} {enable}")).ok();
        let new = files(w);
        disable();
        assert_eq!(files(w), old);
        let mut half = 0;
        for call in calls() {
            for nth in 1.. {
                let kill = format!("-e trace={call} -e inject={call}:signal=KILL:when={nth}");
                let traced = w.sh(&format!("strace -q -o /dev/null {kill} {RTMPCTL} {enable}"));
                if traced.status == 0 {
                    break;
                }
                let found = files(w);
                for line in &found {
                    assert!(old.contains(line) || new.contains(line), "{call} {nth}: {line}");
                }
                half += usize::from(found != old && found != new);
                disable();
                assert_eq!(files(w), old, "{call} {nth}");
            }
            disable();
        }
        assert!(half > 0, "it was never killed between two files");
    });
}
