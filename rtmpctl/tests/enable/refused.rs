//! Stacks that are not understood, and stacks that would keep somebody out: nothing is written.

use rtmp_tests::World;

use crate::host::RTMPCTL;
use crate::hosts::{blueprint, debian, lay, lay_debian, look, other, rtmpctl};

/// Asks for it, and expects a refusal that says this, with every file as it was.
#[track_caller]
fn refused(w: &World, words: &[&str], why: &str) {
    let before = look(w);
    let said = rtmpctl(w, ["enable", "--yes"].iter().chain(words).copied());
    assert_eq!(said.status, 2, "{}{}", said.out, said.err);
    assert!(said.out.contains("not written: "), "{}", said.out);
    assert!(said.out.contains(why), "{}", said.out);
    assert_eq!(look(w), before);
    assert!(!w.exists("/var/lib/rtmpctl/enable"));
}

#[test]
fn a_stack_that_is_not_understood_is_refused_with_its_line() {
    other().run(|w| {
        for (su, why) in [
            (
                "sesion required pam_unix.so\n",
                "/etc/pam.d/su:1: \"sesion\"; expected auth, account, password, session or @include",
            ),
            (
                "#\nsession must pam_unix.so\n",
                "/etc/pam.d/su:2: \"must\"; expected required, requisite, sufficient, optional, include, substack or [value=action]",
            ),
            (
                "session required\n",
                "/etc/pam.d/su:1: \"session required\"; expected a type, a control and a module",
            ),
            (
                "@include common-session extra\n",
                "/etc/pam.d/su:1: \"@include common-session extra\"; expected \"@include\" and a file",
            ),
            (
                "session [success=2 default=ignore] pam_succeed_if.so user = bob\nsession optional pam_umask.so\nsession required pam_namespace.so\nsession optional pam_mail.so\n",
                "/etc/pam.d/su:1: a jump over 2 lines, past the place where pam_rtmp.so goes",
            ),
            (
                "session sufficient pam_permit.so\n",
                "/etc/pam.d/su:1: this line may leave out pam_rtmp.so behind it",
            ),
        ] {
            lay(w, "el");
            w.write("/etc/pam.d/su", su);
            refused(w, &["--services", "su"], why);
        }
    });
}

#[test]
fn another_programs_file_is_left_alone() {
    other().run(|w| {
        lay(w, "el");
        w.sh("mkdir /etc/authselect && mv /etc/pam.d/crond /etc/authselect/crond && ln -s /etc/authselect/crond /etc/pam.d/crond").ok();
        let why = "/etc/pam.d/crond: it is a link to /etc/authselect/crond, another program's file; put the module into a profile of your own: authselect create-profile";
        refused(w, &["--services", "crond"], why);
        refused(w, &["--services", "nosuch"], "/etc/pam.d/nosuch: there is no such service");
    });
}

#[test]
fn common_session_changed_by_hand_is_refused_as_pam_auth_update_refuses_it() {
    debian().run(|w| {
        lay_debian(w);
        w.sh("sed -i 's/^session.*pam_unix.so.*/&\\nsession optional pam_umask.so/' /etc/pam.d/common-session").ok();
        let why = "/etc/pam.d/common-session: pam-auth-update leaves it as it is, saying: pam-auth-update: Local modifications to /etc/pam.d/common-*, not updating.";
        refused(w, &[], why);
        rtmpctl(w, ["enable", "--yes", "--services", "sshd,su"]).ok();
    });
    blueprint().bring("/etc/debconf.conf", "/etc/debconf.conf").run(|w| {
        w.sh("cp /usr/share/pam/common-session /etc/pam.d/").ok();
        let why = "/usr/share/pam-configs/rtmp-interactive: there is no such profile; it comes with the package";
        refused(w, &[], why);
    });
}

#[test]
fn pam_namespace_beside_it_is_refused() {
    debian().run(|w| {
        lay_debian(w);
        w.sh("echo 'session required pam_namespace.so' >> /etc/pam.d/sshd").ok();
        let line = w.read("/etc/pam.d/sshd").lines().count();
        let why = format!("/etc/pam.d/sshd:{line}: pam_namespace.so is called beside pam_rtmp.so");
        refused(w, &[], &why);
    });
}

#[test]
fn a_stack_that_keeps_an_ordinary_user_out_is_not_written() {
    debian().run(|w| {
        lay_debian(w);
        w.write(
            "/etc/security/namespace.conf",
            "/tmp /tmp/user_tmpl/%{UID} user root,carol\n/srv/none /i/ user root,carol\n",
        );
        let said = "alice could not log in through login then; the reason is in the authpriv log";
        refused(w, &[], said);
        let said = rtmpctl(w, ["enable"]).out;
        assert!(said.contains("root: opens, whatever namespace.conf says\n"), "{said}");
        assert!(said.contains("carol (an administrator): opens, not private\n"), "{said}");
        assert!(said.contains("alice (an ordinary user): refused: "), "{said}");
        assert!(w.said().iter().any(|line| line.contains("/srv/none")), "{:?}", w.said());
    });
}

/// A jump that does not jump, here because its module is missing: root gets in only as long as
/// everything else is right.
#[test]
fn a_stack_that_could_keep_root_out_is_not_written() {
    let without = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-succeed-if");
    std::fs::create_dir_all(&without).unwrap();
    std::fs::write(without.join("pam_succeed_if.so"), "").unwrap();
    let modules = rtmp_tests::Module::Theirs.file();
    debian().layer(without, modules.parent().unwrap()).run(|w| {
        lay_debian(w);
        refused(w, &[], "root could not log in through login then");
    });
    debian().run(|w| {
        lay_debian(w);
        w.sh("cp -r /usr/share/pam-configs /run/p && mount --bind /run/p /usr/share/pam-configs && sed -i /succeed_if/d /run/p/rtmp-interactive").ok();
        let why = "/etc/pam.d/common-session:24: root is refused, too, where the configuration is broken; put before it: session [success=1 default=ignore] pam_succeed_if.so quiet uid = 0";
        refused(w, &[], why);
    });
}

#[test]
fn a_service_that_lets_nobody_in_now_is_no_objection() {
    other().run(|w| {
        lay(w, "el");
        w.sh("echo 'session required pam_deny.so' >> /etc/pam.d/crond").ok();
        let said = rtmpctl(w, ["enable", "--yes", "--services", "crond"]).ok();
        assert!(said.contains("alice (an ordinary user): refused, as it is now\n"), "{said}");
    });
}

#[test]
fn a_host_without_ordinary_users_wants_a_name() {
    debian().run(|w| {
        lay_debian(w);
        w.sh("sed -i '/:100[0-9]:/d' /etc/passwd").ok();
        refused(w, &[], "there is no user but root to try it with: name one with --as");
        let said = rtmpctl(w, ["enable", "--yes", "--as", "nobody"]).ok();
        assert!(said.contains("  nobody (named): opens, private\n"), "{said}");
    });
}

#[test]
fn who_is_not_root_changes_nothing() {
    debian().run(|w| {
        lay_debian(w);
        let before = look(w);
        let said = w.sh_as("alice", &format!("{} enable --yes", RTMPCTL));
        assert_eq!((said.status, look(w)), (1, before));
        assert!(said.err.contains("Operation not permitted"), "{}", said.err);
    });
}
