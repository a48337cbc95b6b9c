//! Names that are strange: of users, of what they put in root's way, of what they log.

use rtmp_tests::examples::{PREFIX, TEMPLATE};
use rtmp_tests::{Code, Module, World};

const BY_NAME: &str = "/tmp /srv/box/%{USER} user root\n";
const PREFIXED: &str = "/tmp /tmp-inst/ user root\n";
const HASHED: &str = "/tmp /tmp-inst/$USER/x- user root\n";

/// Adds a user of any name that passwd(5) can hold, as a directory service would.
fn add(w: &World, name: &str, uid: u32) {
    w.sh(&format!(
        "printf '%s:*:{uid}:{uid}::/:/bin/sh\\n' \"$(printf -- '{name}')\" >> /etc/passwd"
    ))
    .ok();
}

#[test]
fn a_strange_name_gets_a_directory_of_its_own_or_a_refusal() {
    let long = "l".repeat(255);
    for (name, private) in [
        ("...", true),
        (".hidden", true),
        ("a b", true),
        ("ctrl\\001x", true),
        ("new\\033[31m", true),
        ("\\303\\244", true),
        ("bytes\\377\\376", true),
        ("$USER", true),
        ("$HOME", true),
        ("%%{UID}", true),
        ("\\\\x2d", true),
        (".", false),
        ("..", false),
        ("a/b", false),
        ("../bob", false),
        (long.as_str(), true),
    ] {
        for conf in [TEMPLATE.conf, BY_NAME, PREFIXED] {
            World::with(Module::Ours).conf(conf).run(|w| {
                add(w, name, 1500);
                // Two dots anywhere in a path are an error, as in pam_namespace.
                let private = private && !(name.contains("..") && conf == BY_NAME);
                drop(w.login("bob"));
                w.sh("echo bobs > /tmp/shared; mkdir /canary").ok();
                let before = w.sh("ls / /srv /home /etc").ok();
                let session = w.sh(&format!("su -- \"$(printf -- '{name}')\" -c 'ls -A /tmp; echo theirs > /tmp/file; stat -c %a /tmp'"));
                assert_eq!(session.status == 0, private, "{name:?} {conf}: {session:?} {:#?}", w.said());
                if private {
                    assert_eq!(session.out, "1777\n");
                    assert!(!w.exists("/tmp/file"));
                    w.login("bob").sh("test -e /tmp/file").fails();
                }
                assert_eq!(w.sh("ls / /srv /home /etc").ok(), before);
                // One line each, and no control character in it.
                let log = w.log();
                let ours = log.iter().filter(|line| line.is_from("pam_rtmp.so"));
                assert!(ours.clone().all(|line| !line.text.contains(char::is_control)), "{log:?}");
                assert_eq!(ours.count(), usize::from(!private));
            });
        }
    }
}

/// Two names, one directory: never.
#[test]
fn no_two_names_share_a_directory() {
    let stem = "n".repeat(79);
    let names = [
        format!("{stem}a"),
        format!("{stem}ab"),
        format!("{stem}ac"),
        "a".into(),
        "aa".into(),
        "A".into(),
        "a.".into(),
    ];
    for conf in [BY_NAME, PREFIXED, HASHED] {
        for args in ["", "gen_hash"] {
            World::with(Module::Ours).conf(conf).args(args).run(|w| {
                for (name, uid) in names.iter().zip(1500..) {
                    add(w, name, uid);
                    if conf == HASHED {
                        w.sh(&format!("mkdir -p /tmp-inst/{name}; mkdir -m 0 /tmp-inst/{name}/x- 2>/dev/null; chmod 0 /tmp-inst/{name}")).ok();
                    }
                    assert_eq!(w.login(name).sh(&format!("ls /tmp; echo > /tmp/{uid}")).ok(), "", "{name}");
                }
            });
        }
    }
}

/// What is moved aside has a name that no user has, and the next login does not trip over it.
#[test]
fn what_looks_like_the_modules_own_is_in_nobodys_way() {
    for example in [TEMPLATE, PREFIX] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            w.sh_as("bob", "cd /tmp; mkdir :rtmp-0000000000000000 :rtmp-lock; ln -s /etc :rtmp-; touch made :rtmp-ffffffffffffffff").ok();
            for user in ["alice", "bob"] {
                let attempt = w.attempt(user);
                assert_eq!((attempt.code, attempt.log.len()), (Code::SUCCESS, 0));
            }
        });
    }
}

/// Modes that a user may give a directory, on everything that is a user's.
#[test]
fn modes_that_users_choose_are_not_roots_to_keep() {
    for mode in ["7777", "4711", "2777", "1000", "0000", "6000"] {
        World::with(Module::Ours).conf(TEMPLATE.conf).run(|w| {
            drop(w.login("alice"));
            w.sh_as(
                "alice",
                &format!("cd /tmp/user_tmpl/1001 && rmdir tmp && mkdir tmp && chmod {mode} tmp . "),
            )
            .ok();
            let alice = w.login("alice");
            assert_eq!(alice.sh("stat -c '%a %u' /tmp").ok(), "1777 0");
            assert_eq!(w.mode("/tmp/user_tmpl/1001"), 0o700);
        });
        // Of another user's polydir: alice's version has that mode, and lies where only she gets.
        World::with(Module::Ours).conf("/tmp/of-bob /tmp/box/%{UID} user root\n").run(|w| {
            w.sh_as("bob", &format!("mkdir /tmp/of-bob; chmod {mode} /tmp/of-bob")).ok();
            drop(w.attempt("alice"));
            w.sh_as("bob", "ls /tmp/box/1001").fails();
            w.sh_as("carol", "ls /tmp/box/1001").fails();
        });
    }
}
