//! What is written where, and that `disable` puts it back byte for byte.

use rtmp_tests::World;
use rtmp_tests::programs::su;

use crate::host::TEMPLATES;
use crate::hosts::{debian, is_private, lay, lay_debian, look, other, rtmpctl};

const PROFILE: &str = "\
session	required	pam_unix.so 
session	[success=1 default=ignore]	pam_succeed_if.so quiet uid = 0
session	required	pam_rtmp.so 
session	optional	pam_systemd.so 
";

/// Enables, looks, disables, and holds the end against the beginning.
fn round_trip(w: &World, words: &[&str], look_inside: impl Fn(&str)) {
    let before = look(w);
    let said = rtmpctl(w, ["enable", "--yes"].iter().chain(words).copied()).ok();
    look_inside(&said);
    assert!(is_private(w, "alice"), "{said}");
    assert!(!is_private(w, "root"), "{said}");
    rtmpctl(w, ["disable", "--yes"]).ok();
    assert_eq!(look(w), before);
    assert!(!is_private(w, "alice"));
    assert!(!w.exists("/var/lib/rtmpctl/enable"), "nothing is left to be put back");
}

#[test]
fn on_debian_pam_auth_update_writes_the_interactive_profile() {
    debian().run(|w| {
        lay_debian(w);
        let common = || w.read("/etc/pam.d/common-session");
        round_trip(w, &[], |said| {
            assert!(common().contains(PROFILE), "{}", common());
            assert!(!w.read("/etc/pam.d/common-session-noninteractive").contains("pam_rtmp.so"));
            assert!(said.contains("+session\trequired\tpam_rtmp.so"), "{said}");
            assert!(
                said.contains("Tried through the new stacks of login, other, sshd, su, su-l:\n"),
                "{said}"
            );
            assert!(said.contains("\n  root: opens, whatever namespace.conf says\n"), "{said}");
            assert!(said.contains("\n  carol (an administrator): opens, private\n"), "{said}");
            assert!(said.contains("\n  alice (an ordinary user): opens, private\n"), "{said}");
            // The tool itself sees its own work there, and changes nothing.
            let before = look(w);
            w.sh("DEBIAN_FRONTEND=noninteractive pam-auth-update --package").ok();
            assert_eq!(look(w).replace("-old", ""), before);
        });
    });
}

#[test]
fn on_debian_cron_is_reached_when_asked_for_and_the_two_profiles_exclude_each_other() {
    debian().run(|w| {
        lay_debian(w);
        let before = look(w);
        rtmpctl(w, ["enable", "--yes"]).ok();
        let said = rtmpctl(w, ["enable", "--yes", "--non-interactive"]).ok();
        assert!(said.contains("/etc/pam.d/common-session-noninteractive"), "{said}");
        for file in ["common-session", "common-session-noninteractive"] {
            let text = w.read(&format!("/etc/pam.d/{file}"));
            assert_eq!(text.matches("pam_rtmp.so").count(), 1, "{text}");
        }
        assert_eq!(w.read("/var/lib/pam/session").matches("Module: rtmp").count(), 1);
        rtmpctl(w, ["disable", "--yes"]).ok();
        assert_eq!(look(w), before);
    });
}

#[test]
fn enabling_twice_changes_nothing_the_second_time() {
    debian().run(|w| {
        lay_debian(w);
        rtmpctl(w, ["enable", "--yes"]).ok();
        let once = look(w);
        assert!(rtmpctl(w, ["enable", "--yes"]).ok().ends_with("Nothing is to be changed."));
        assert_eq!(look(w), once);
    });
}

#[test]
fn without_yes_and_without_a_terminal_it_shows_and_tries_and_writes_nothing() {
    debian().run(|w| {
        lay_debian(w);
        let before = look(w);
        for words in [&["enable"][..], &["enable", "--dry-run"]] {
            let said = rtmpctl(w, words.to_vec()).ok();
            assert!(said.contains("alice (an ordinary user): opens, private"), "{said}");
            assert!(said.ends_with("Nothing is written: --yes writes it."), "{said}");
            assert_eq!((look(w), w.exists("/var/lib/rtmpctl")), (before.clone(), false));
        }
        rtmpctl(w, ["enable", "--yes"]).ok();
        let on = look(w);
        rtmpctl(w, ["disable", "--dry-run"]).ok();
        assert_eq!(look(w), on);
    });
}

#[test]
fn on_red_hats_pam_rtmp_takes_the_place_of_pam_namespace_and_its_words() {
    other().run(|w| {
        lay(w, "el");
        round_trip(w, &[], |said| {
            let sshd = w.read("/etc/pam.d/sshd");
            let want = "\
session    required     pam_selinux.so open env_params
session	[success=1 default=ignore]	pam_succeed_if.so quiet uid = 0
session    required     pam_rtmp.so
session    optional     pam_keyinit.so force revoke
";
            assert!(sshd.contains(want), "{sshd}");
            let login = w.read("/etc/pam.d/login");
            let want = "\
session	[success=1 default=ignore]	pam_succeed_if.so quiet uid = 0
session    required     pam_rtmp.so unmount_on_close \\
                        debug   # the administrator's words
";
            assert!(login.contains(want), "{login}");
            let su = w.read("/etc/pam.d/su");
            let want = "\
session	[success=1 default=ignore]	pam_succeed_if.so quiet uid = 0
session	required	pam_rtmp.so
session		include		system-auth
";
            assert!(su.contains(want), "{su}");
            for untouched in ["su-l", "crond", "system-auth", "password-auth", "postlogin"] {
                let text = w.read(&format!("/etc/pam.d/{untouched}"));
                assert!(!text.contains("pam_rtmp.so"), "{untouched}");
                assert!(!said.contains(&format!("+++ /etc/pam.d/{untouched}\n")), "{said}");
            }
        });
        round_trip(w, &["--non-interactive"], |_| {
            assert!(w.read("/etc/pam.d/crond").contains("pam_rtmp.so"));
        });
    });
}

#[test]
fn named_services_get_it_and_nobody_else() {
    other().run(|w| {
        lay(w, "el");
        round_trip(w, &["--services", "su,crond"], |_| {
            assert!(w.read("/etc/pam.d/crond").contains("pam_rtmp.so"));
            assert!(w.read("/etc/pam.d/sshd").contains("pam_namespace.so"));
        });
        // A service that is added later comes to those that are kept already.
        let before = look(w);
        rtmpctl(w, ["enable", "--yes", "--services", "su"]).ok();
        rtmpctl(w, ["enable", "--yes", "--services", "crond"]).ok();
        rtmpctl(w, ["disable", "--yes"]).ok();
        assert_eq!(look(w), before);
    });
}

#[test]
fn on_suse_the_link_becomes_a_file_that_includes_what_pam_config_writes() {
    other().run(|w| {
        lay(w, "suse");
        round_trip(w, &[], |said| {
            let want = "\
session	include	common-session-pc
session	[success=1 default=ignore]	pam_succeed_if.so quiet uid = 0
session	required	pam_rtmp.so
";
            assert_eq!(w.read("/etc/pam.d/common-session"), want);
            assert!(!w.read("/etc/pam.d/common-session-pc").contains("pam_rtmp.so"));
            assert!(
                said.starts_with("pam-config(8) owns the session stacks here, as on SUSE.\n"),
                "{said}"
            );
        });
        assert_eq!(w.sh("readlink /etc/pam.d/common-session").ok(), "common-session-pc");
    });
}

#[test]
fn on_arch_the_shared_login_stack_gets_it_before_pam_systemd() {
    other().run(|w| {
        lay(w, "arch");
        round_trip(w, &[], |_| {
            let login = w.read("/etc/pam.d/system-login");
            let want = "\
session    optional   pam_umask.so
session	[success=1 default=ignore]	pam_succeed_if.so quiet uid = 0
session	required	pam_rtmp.so
-session   optional   pam_systemd.so
";
            assert!(login.contains(want), "{login}");
            assert!(!w.read("/etc/pam.d/sshd").contains("pam_rtmp.so"), "it includes system-login");
            assert!(w.read("/etc/pam.d/su").ends_with("session\trequired\tpam_rtmp.so\n"));
        });
    });
}

#[test]
fn a_service_of_the_distributions_gets_a_file_in_etc_which_goes_again() {
    other().run(|w| {
        lay(w, "arch");
        w.sh("mount -t tmpfs -o mode=0755 tmpfs /usr/lib/pam.d").ok();
        w.sh("mv /etc/pam.d/su /usr/lib/pam.d/su").ok();
        round_trip(w, &[], |_| {
            assert!(w.read("/etc/pam.d/su").contains("pam_rtmp.so"));
            assert!(!w.read("/usr/lib/pam.d/su").contains("pam_rtmp.so"));
        });
        assert!(!w.exists("/etc/pam.d/su"));
    });
}

/// Somebody may edit a file after `enable`, and a package may call pam-auth-update.
#[test]
fn what_others_changed_since_stays_and_only_the_modules_lines_go() {
    other().run(|w| {
        lay(w, "el");
        rtmpctl(w, ["enable", "--yes"]).ok();
        w.sh("echo '# mine' >> /etc/pam.d/sshd && echo '# mine' >> /etc/pam.d/su").ok();
        rtmpctl(w, ["disable", "--yes"]).ok();
        let text = |file: &str| w.read(&format!("/opt/stacks/el/{file}")) + "# mine\n";
        assert_eq!(w.read("/etc/pam.d/sshd"), text("sshd"), "pam_namespace.so is back, too");
        assert_eq!(w.read("/etc/pam.d/su"), text("su"));
    });
    debian().run(|w| {
        lay_debian(w);
        rtmpctl(w, ["enable", "--yes"]).ok();
        w.sh("DEBIAN_FRONTEND=noninteractive pam-auth-update --package --enable mkhomedir").ok();
        rtmpctl(w, ["disable", "--yes"]).ok();
        let common = w.read("/etc/pam.d/common-session");
        assert!(common.contains("pam_mkhomedir.so") && !common.contains("pam_rtmp.so"), "{common}");
        assert!(!w.read("/var/lib/pam/session").contains("pam_rtmp.so"));
        assert!(!is_private(w, "alice"));
    });
}

#[test]
fn what_was_enabled_by_hand_is_taken_out_too() {
    debian().run(|w| {
        lay_debian(w);
        let before = look(w);
        w.sh("DEBIAN_FRONTEND=noninteractive pam-auth-update --package --enable rtmp-interactive")
            .ok();
        rtmpctl(w, ["disable", "--yes"]).ok();
        let seen = |text: &str| {
            text.lines()
                .filter(|line| !line.contains("/seen"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(seen(&look(w).replace("-old", "")), seen(&before));
        assert!(
            rtmpctl(w, ["disable", "--yes"])
                .ok()
                .contains("No session stack in /etc/pam.d calls pam_rtmp.so.")
        );
    });
}

/// A rescue system, where nobody can log in to the one that is broken.
#[test]
fn a_system_below_a_directory_is_put_back_from_outside() {
    debian().run(|w| {
        lay_debian(w);
        let before = look(w);
        rtmpctl(w, ["enable", "--yes"]).ok();
        w.write("/etc/security/namespace.conf", "/tmp /t/ nonsense\n");
        w.exec(su("alice", "true")).fails();
        w.sh("mkdir /mnt/sys && mount --rbind / /mnt/sys").ok();
        let said = rtmpctl(w, ["disable", "--root", "/mnt/sys", "--yes"]).ok();
        assert!(said.contains("+++ /etc/pam.d/common-session"), "{said}");
        w.exec(su("alice", "true")).ok();
        w.write("/etc/security/namespace.conf", TEMPLATES);
        assert_eq!(look(w), before);
    });
}

#[test]
fn it_is_recorded_what_is_changed_and_by_whom() {
    debian().run(|w| {
        lay_debian(w);
        rtmpctl(w, ["enable", "--yes"]).ok();
        rtmpctl(w, ["disable", "--yes"]).ok();
        let log = w.log();
        let ours = log.iter().filter(|line| line.program == "rtmpctl");
        let text: Vec<_> = ours.map(|line| line.text.as_str()).collect();
        let files = "/etc/pam.d/common-session /var/lib/pam/seen /var/lib/pam/session";
        let who = "by root (uid 0), not logged in";
        let short = files.replace(" /var/lib/pam/seen", "");
        assert_eq!(text, [format!("enable {who}: {short}"), format!("disable {who}: {short}")]);
    });
}
