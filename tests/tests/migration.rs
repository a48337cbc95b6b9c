//! docs/migration.md: one name is changed, and changed back; users keep their files.

use rtmp_tests::{Login, Module, World};

const DOCUMENT: &str = include_str!("../../docs/migration.md");
const THERE: &str =
    r"sed -i.before-rtmp 's/\<pam_namespace\.so\>/pam_rtmp.so/' /etc/pam.d/common-session";
const BACK: &str = r"sed -i 's/\<pam_rtmp\.so\>/pam_namespace.so/' /etc/pam.d/common-session";

/// Parents outside and inside, a prefix with a name in it, a home from the stock script, a tmpfs.
const FILES: [&str; 3] = [
    "/tmp /tmp-inst/ level root,adm\n/var/tmp /var/tmp/tmp-inst/ level root,adm\n",
    "/tmp /tmp/tmp-inst/ user root\n/var/tmp /tmp-inst/$USER-vt- user root\n",
    "$HOME /home-inst/ user root\n/tmp /tmp-inst/ user:create=01777 root\n/dev/shm tmpfs tmpfs:mntopts=size=1m root\n",
];

#[test]
fn a_user_finds_the_same_files_there_and_back() {
    for line in [THERE, BACK] {
        assert!(DOCUMENT.contains(line), "{line}");
    }
    for (conf, dir) in FILES.into_iter().zip(["/var/tmp", "/tmp", "/home/alice"]) {
        World::with(Module::Ours).conf(conf).run(|w| {
            w.sh(BACK).ok();
            let login = || w.visitor("alice").service("login").login();
            let both = |session: &Login| session.sh(&format!("cat {dir}/file; ls -A {dir}"));
            let theirs = login();
            theirs.sh(&format!("echo hers > {dir}/file")).ok();
            let seen = both(&theirs);
            w.sh(THERE).ok();
            let ours = login();
            assert_eq!(both(&ours), seen, "{conf}");
            // The session that was open is as it was, and the other one's files are the same.
            ours.sh(&format!("echo more >> {dir}/file")).ok();
            assert_eq!(both(&theirs), both(&ours));
            w.sh(BACK).ok();
            assert_eq!(both(&login()), both(&ours));
            assert!(!w.exists(&format!("{dir}/file")), "it is on the host");
            assert_eq!(ours.close(), rtmp_tests::Code::SUCCESS);
        });
    }
}
