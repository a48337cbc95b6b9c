//! The packages are removed: before the module's file goes, no stack calls it any more.

use rtmp_tests::programs::su;
use rtmp_tests::{Outcome, World};

use crate::hosts::{debian, lay, lay_debian, look, other, rtmpctl};

/// What dpkg runs before it takes the package's files away.
const PRERM: &str = include_str!("../../../packaging/debian/libpam-rtmp.prerm");

const SPEC: &str = include_str!("../../../packaging/fedora/pam_rtmp.spec");

/// What rpm runs before it takes the package's files away.
fn preun() -> &'static str {
    let (_, script) = SPEC.split_once("\n%preun\n").expect("%preun");
    script.split_once("\n\n").expect("its end").0
}

/// Runs a package's script with these words, as its manager does.
fn run(w: &World, script: &str, words: &str) -> Outcome {
    w.write("/opt/script", script);
    w.sh(&format!("PATH=/opt:$PATH; export PATH; {words}"))
}

/// dpkg's words for it (Debian policy, 6.5), and rpm's, a count of what is installed afterwards.
const REMOVE: [&str; 2] = ["sh /opt/script remove", "sh /opt/script 0"];
const UPGRADE: [&str; 2] = ["sh /opt/script upgrade 0.2.0", "sh /opt/script 1"];

/// The files but for the list of the profiles that pam-auth-update has ever shown, which a removed one
/// is taken off, and the copies that it keeps.
fn stacks(w: &World) -> Vec<String> {
    let lines = look(w).replace("-old", "");
    lines.lines().filter(|line| !line.contains("/seen")).map(str::to_owned).collect()
}

#[test]
fn what_enable_wrote_is_put_back_byte_for_byte_services_of_their_own_too() {
    let [remove, upgrade] = [REMOVE[0], UPGRADE[0]];
    let another = "DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT=2 sh /opt/script remove";
    debian().run(|w| {
        lay_debian(w);
        let before = stacks(w);
        for words in [&[][..], &["--non-interactive"], &["--services", "sshd,su"]] {
            rtmpctl(w, ["enable", "--yes"].iter().chain(words).copied()).ok();
            let on = stacks(w);
            assert_ne!(on, before);
            for stays in [upgrade, another] {
                run(w, PRERM, stays).ok();
                assert_eq!(stacks(w), on, "{stays}");
            }
            run(w, PRERM, remove).ok();
            assert_eq!(stacks(w), before, "{words:?}");
            w.exec(su("alice", "true")).ok();
        }
    });
    let [remove, upgrade] = [REMOVE[1], UPGRADE[1]];
    other().run(|w| {
        lay(w, "el");
        let before = look(w);
        rtmpctl(w, ["enable", "--yes"]).ok();
        let on = look(w);
        run(w, preun(), upgrade).ok();
        assert_eq!(look(w), on);
        run(w, preun(), remove).ok();
        assert_eq!(look(w), before, "pam_namespace.so is back, too");
    });
}

#[test]
fn lines_that_were_written_by_hand_go_too() {
    debian().run(|w| {
        lay_debian(w);
        w.sh("echo 'session required pam_rtmp.so debug' >>/etc/pam.d/cron").ok();
        run(w, PRERM, REMOVE[0]).ok();
        assert_eq!(w.sh("grep -r pam_rtmp /etc/pam.d /var/lib/pam").out, "");
    });
}

/// A failed script keeps the package, and its module where the stack looks for it.
#[test]
fn what_calls_the_module_from_elsewhere_keeps_the_package() {
    other().run(|w| {
        lay(w, "arch");
        w.sh("mount -t tmpfs -o mode=0755 tmpfs /usr/lib/pam.d").ok();
        w.sh("echo 'session required pam_rtmp.so' >/usr/lib/pam.d/kiosk").ok();
        for (script, remove) in [(PRERM, REMOVE[0]), (preun(), REMOVE[1])] {
            let said = run(w, script, remove);
            assert_eq!(said.status, 2, "{said:?}");
            let why =
                "service kiosk still calls pam_rtmp.so, from a file that is not in /etc/pam.d";
            assert!(said.out.contains(why), "{said:?}");
        }
    });
}
