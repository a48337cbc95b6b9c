//! The real programs: each opens a session, and whatever drops privileges inside one can still use
//! `/tmp`.

use rtmp_tests::caller::Inode;
use rtmp_tests::examples::{Example, FOUR, PREFIXES, TEMPLATES};
use rtmp_tests::programs::{pamtester, su, su_login, sudo, sudo_login};
use rtmp_tests::{Module, Shell, Sshd, World};

fn in_each_example(test: impl Fn(&World, &Example)) {
    for example in &FOUR {
        World::with(Module::Ours).conf(example.conf).run(|w| test(w, example));
    }
}

/// What a shell prints of the directories it sees: every polydir of the example.
fn look(example: &Example) -> String {
    let polydirs: Vec<_> = example.places.iter().map(|place| place.polydir).collect();
    format!("stat -c '%d:%i' {}", polydirs.join(" "))
}

/// What it prints in a session of that user.
fn own(example: &Example, user: &str) -> String {
    let inodes = example.places.iter().map(|place| Inode::of(&place.instance_of(user)));
    let lines: Vec<_> = inodes.map(|inode| format!("{}:{}", inode.dev, inode.ino)).collect();
    lines.join("\n")
}

#[test]
fn su_and_sudo_lead_to_the_users_own() {
    in_each_example(|w, example| {
        let said = |out: String| out.trim().to_owned();
        for user in ["alice", "bob"] {
            for program in [su, su_login, sudo, sudo_login] {
                let out = w.exec(program(user, &format!("{}; id -nu", look(example)))).ok();
                assert_eq!(said(out), format!("{}\n{user}", own(example, user)));
            }
        }
        assert_eq!(w.said(), [""; 0]);
    });
}

#[test]
fn a_shell_of_su_stays_in_its_session_to_the_end() {
    in_each_example(|w, _| {
        let mut alice = Shell::start(su_login("alice", ""));
        let mut bob = Shell::start(su("bob", ""));
        alice.sh("cd /tmp && echo hers > file").ok();
        assert_eq!(bob.sh("ls -A /tmp").ok(), "");
        assert_eq!(alice.sh("cat file").ok(), "hers");
        assert_eq!((alice.exit(), bob.exit()), (0, 0));
        assert!(!w.exists("/tmp/file"));
    });
}

#[test]
fn pamtester_opens_and_closes_a_session() {
    in_each_example(|w, example| {
        for service in ["rtmp", "login", "sshd", "su", "su-l", "sudo", "sudo-i"] {
            let out = w.exec(pamtester(service, "alice")).ok();
            assert!(out.contains("session has successfully been closed"), "{service}: {out}");
        }
        assert!(w.exists(&example.places[0].instance_of("alice")));
        w.exec(pamtester("rtmp", "mallory")).fails();
    });
}

#[test]
fn sshd_gives_a_shell_a_command_a_terminal_files_and_an_agent() {
    for example in [TEMPLATES, PREFIXES] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            let sshd = Sshd::start(w);
            w.write("/root/sent", "content\n");
            let seen = w.exec(sshd.ssh("alice", &look(&example))).ok();
            assert_eq!(seen, own(&example, "alice"), "a command");
            let mut shell = Shell::start(sshd.ssh("alice", "sh"));
            assert_eq!(shell.sh(&look(&example)).ok(), own(&example, "alice"), "a shell");
            shell.sh("cd /tmp && echo hers > file").ok();
            let line = format!("{}; tty; cat /tmp/file; exit\n", look(&example));
            let typed = w.exec_with_input(sshd.ssh_terminal("alice"), &line).out;
            assert!(typed.contains(&own(&example, "alice").replace('\n', "\r\n")), "{typed}");
            assert!(typed.contains("/dev/pts/") && typed.contains("hers\r\n"), "{typed}");

            w.exec(sshd.scp_to("alice", "/root/sent", "/tmp/sent")).ok();
            shell.sh("cat sent").ok();
            let batch = "rename /tmp/sent /tmp/moved\nget /tmp/moved /root/back\nls /tmp\n";
            let listed = w.exec_with_input(sshd.sftp("alice"), batch).ok();
            assert!(listed.contains("/tmp/moved") && listed.contains("/tmp/file"), "{listed}");
            assert_eq!(w.read("/root/back"), "content\n");
            let batch = "get /tmp/moved /root/stolen\n";
            w.exec_with_input(sshd.sftp("bob"), batch).fails();
            assert!(!w.exists("/root/stolen") && !w.exists("/tmp/moved"));

            let agent = "ssh-add -l && ls -d $SSH_AUTH_SOCK && cat /tmp/moved";
            let out = w.exec(sshd.ssh_with_agent(w, "alice", agent)).ok();
            assert!(out.contains("ED25519") && out.ends_with("content"), "{out}");
            assert_eq!(w.said(), [""; 0]);
        });
    }
}

/// Services of carol's host in which sudo and su open no private session of their own, so that the
/// other user works in her `/tmp`; and in which they do.
const STACKS: [&str; 2] = ["true", "sed -i /pam_rtmp/d /etc/pam.d/common-session-noninteractive"];

/// field.md: "a visible 0700 `/tmp` breaks everything that drops privileges (`sudo apt-get update`,
/// `sudo -u bob mktemp`)", which is why an instance is not the box.
#[test]
fn another_user_can_make_files_in_a_session() {
    for stack in STACKS {
        in_each_example(|w, _| {
            w.sh(stack).ok();
            let carol = w.login("carol");
            let made = carol.exec(["sudo", "-n", "-u", "bob", "mktemp"]).ok();
            assert!(made.starts_with("/tmp/tmp."), "{made}");
            let seen_by_carol = carol.sh(&format!("stat -c %U {made}"));
            // Where sudo opens no session bob's file is in carol's /tmp, else in bob's own.
            assert_eq!(seen_by_carol.status == 0, stack != "true", "{stack}");
            let made = w.login("alice").exec_with_input(su("bob", "mktemp"), "secret\n").ok();
            assert!(made.contains("/tmp/tmp."), "{made}");
        });
    }
}

/// The test above has teeth: in a visible 0700 `/tmp` it fails.
#[test]
fn another_user_cannot_in_a_flat_one() {
    World::with(Module::Ours).conf("/tmp /tmp/box/%{UID} user:flat root\n").run(|w| {
        w.sh(STACKS[1]).ok();
        let carol = w.login("carol");
        carol.exec(["sudo", "-n", "-u", "bob", "mktemp"]).fails();
        carol.sh("mktemp").ok();
    });
}

#[test]
fn a_setuid_program_that_drops_its_privileges_can_use_tmp() {
    in_each_example(|w, _| {
        w.sh("cp /usr/bin/setpriv /opt/drop && chmod 4755 /opt/drop").ok();
        let alice = w.login("alice");
        for ids in ["--reuid _apt --regid nogroup", "--reuid bob --regid bob", "--reuid alice"] {
            let drop = format!("/opt/drop {ids} --clear-groups");
            let made = alice.sh(&format!("{drop} mktemp")).ok();
            assert!(made.starts_with("/tmp/tmp."), "{made}");
            assert!(!w.exists(&made), "{made} is on the host");
            let uid = alice.sh(&format!("{drop} id -u")).ok();
            assert_eq!(alice.sh(&format!("stat -c %u {made}")).ok(), uid);
        }
    });
}

/// `sudo apt-get update`: root makes `/tmp/apt.conf.XXXX` with mode 0644, drops to `_apt`, and
/// apt-key there makes directories of its own and reads root's file.
#[test]
fn apt_get_can_drop_to_its_own_user_under_sudo() {
    for stack in STACKS {
        in_each_example(|w, example| {
            w.sh(stack).ok();
            let carol = w.login("carol");
            w.write("/tmp/real", "");
            let script = "set -e
                conf=$(mktemp /tmp/apt.conf.XXXXXX)
                echo 'APT::Key;' > $conf && chmod 644 $conf
                drop='setpriv --reuid _apt --regid nogroup --clear-groups'
                $drop cat $conf
                home=$($drop mktemp -d /tmp/apt-key-gpghome.XXXXXX)
                $drop touch $home/pubring.gpg /tmp/by_apt
                $drop sh -c 'echo signed > /tmp/by_apt'
                cat /tmp/by_apt; stat -c %U /tmp/by_apt $home
                $drop rm -r $home /tmp/by_apt
                ! $drop rm -f $conf 2>/dev/null
                rm $conf";
            let out = carol.exec(["sudo", "-n", "sh", "-c", script]).ok();
            assert_eq!(out, "APT::Key;\nsigned\n_apt\n_apt", "{example:?}");
            assert_eq!(carol.sh("ls -A /tmp").ok(), "");
        });
    }
}

/// "`sudo cmd` stays in alice's view": root is exempt, and what carol names in `/tmp` is there.
#[test]
fn root_through_sudo_sees_the_files_of_who_asked() {
    in_each_example(|w, example| {
        let carol = w.login("carol");
        carol.sh("echo hers > /tmp/file").ok();
        assert_eq!(carol.exec(["sudo", "-n", "cat", "/tmp/file"]).ok(), "hers");
        assert_eq!(carol.exec(sudo("root", &look(example))).ok(), own(example, "carol"));
    });
}
