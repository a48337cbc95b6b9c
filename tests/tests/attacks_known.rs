//! The vulnerabilities that pam_namespace has had, one by one; and whether the distribution's still
//! has them.

use std::fs;

use rtmp_tests::attack::within;
use rtmp_tests::examples::{PREFIX, TEMPLATE};
use rtmp_tests::programs::su;
use rtmp_tests::{Code, Module, Pam, World};

/// CVE-2010-3853: namespace.init ran as root with the environment of whoever called su(1).
#[test]
fn cve_2010_3853_a_script_sees_nothing_of_its_callers_environment() {
    const SCRIPT: &str =
        "#!/bin/sh\n{ /usr/bin/env; pwd; umask; ls /proc/self/fd; } > /run/seen\nexit 0\n";
    for (module, conf) in [
        (Module::Ours, "/tmp /tmp-inst/ user root\n"),
        (Module::Ours, TEMPLATE.conf),
        (Module::Theirs, "/tmp /tmp-inst/ user root\n"),
    ] {
        World::with(module).conf(conf).run(|w| {
            w.write("/etc/security/namespace.init", SCRIPT);
            w.sh("chmod 755 /etc/security/namespace.init").ok();
            let hostile = [
                "env",
                "BASH_ENV=/home/carol/x",
                "ENV=/home/carol/x",
                "IFS=/",
                "EVIL=1",
                "PATH=/home/carol",
                "LD_PRELOAD=/home/carol/x.so",
            ];
            let by_carol =
                ["/usr/bin/setpriv", "--reuid=1003", "--regid=1003", "--clear-groups", "--"];
            let su = su("bob", "/bin/true")
                .into_iter()
                .map(|word| if word == "su" { "/bin/su".to_owned() } else { word });
            let argv = by_carol.into_iter().chain(hostile).map(str::to_owned).chain(su);
            w.exec_with_input(argv, "secret\n").ok();
            let seen = w.read("/run/seen");
            for word in ["EVIL", "carol", "ENV=", "LD_PRELOAD"] {
                assert!(!seen.contains(word), "{module:?}: {seen}");
            }
            if module == Module::Ours {
                // The shell's own three, and then what it was told.
                let lines: Vec<_> = seen
                    .lines()
                    .filter(|line| {
                        !line.starts_with("PWD=")
                            && !line.starts_with("OLDPWD=")
                            && !line.starts_with("SHLVL=")
                            && !line.starts_with("_=")
                    })
                    .collect();
                assert_eq!(lines, ["/", "0022", "0", "1", "2", "3"]);
            }
        });
    }
}

/// CVE-2024-22365: a FIFO in the way of root blocked the login for ever.
#[test]
fn cve_2024_22365_a_fifo_blocks_nobody() {
    const POLYDIR: &str = "$HOME/a/b /srv/inst/ user root\n";
    const PARENT: &str = "/tmp $HOME/a/b/ user root\n";
    for (conf, fifo) in [(POLYDIR, "~/a"), (POLYDIR, "~/a/b"), (PARENT, "~/a"), (PARENT, "~/a/b")] {
        let attempt = |module, seconds| {
            World::with(module).conf(conf).run(|w| {
                w.sh_as("alice", &format!("mkdir -p $(dirname {fifo}) && mkfifo {fifo}")).ok();
                let tried = within(seconds, || Pam::start("rtmp", "alice").unwrap().open_session());
                (tried, w.said())
            })
        };
        let (tried, said) = attempt(Module::Ours, 10);
        assert_eq!(tried, Some(Code::SESSION_ERR), "{conf}{fifo}");
        assert!(said.len() == 1 && said[0].ends_with("it is not a directory"), "{said:?}");
        assert_eq!(attempt(Module::Theirs, 1).0, None, "pam_namespace waits: {conf}{fifo}");
    }
    for example in [TEMPLATE, PREFIX] {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            w.sh_as("bob", &format!("mkfifo {}", example.places[0].parent)).ok();
            let tried = within(10, || Pam::start("rtmp", "alice").unwrap().open_session());
            assert_eq!(tried, Some(Code::SUCCESS));
        });
    }
}

/// CVE-2025-6020 and CVE-2025-8941 without a race: names of the user's lead root elsewhere.
#[test]
fn cve_2025_6020_a_users_links_lead_root_nowhere() {
    for conf in [
        "$HOME/work /srv/inst/ user root\n",
        "/srv/data $HOME/.inst/ user root\n",
        "$HOME/work $HOME/.inst/%{UID} user:create root\n",
    ] {
        for (name, target) in [
            ("work", "/srv/target"),
            (".inst", "/srv/hidden"),
            ("work", "/"),
            (".inst", "/etc"),
            ("work", "/proc/1/root/srv/target"),
            ("work", "/proc/self/cwd"),
        ] {
            World::with(Module::Ours).conf(conf).run(|w| {
                w.sh("umask 022; mkdir -p /srv/target /srv/data; mkdir -m 0 /srv/hidden").ok();
                w.sh_as("alice", &format!("ln -s {target} ~/{name}; test -L ~/work || mkdir ~/work")).ok();
                let before = w.sh("find /srv /etc /home -printf '%p %m %u:%g %i\\n' | grep -v '/srv/inst\\|alice/.inst\\|alice ' | sort").ok();
                let attempt = w.attempt("alice");
                let mounts = attempt.after.mounts();
                for path in ["/srv/target", "/srv/hidden", "/etc"] {
                    assert!(mounts.at(path).is_empty(), "{conf} {name} -> {target}: {mounts:?}");
                }
                assert_eq!(mounts.at("/").len(), 1);
                let after = w.sh("find /srv /etc /home -printf '%p %m %u:%g %i\\n' | grep -v '/srv/inst\\|alice/.inst\\|alice ' | sort").ok();
                assert_eq!(before, after, "{conf} {name} -> {target}");
            });
        }
    }
}

/// What 1.7.1 still does: a user who has a process outside renames what the session has a mount on,
/// and the session is not private any more. Nobody can where only root can rename; a user who does
/// so at home has only themselves to blame, and nobody else's session changes.
#[test]
fn a_session_stays_private_whatever_others_rename_or_remove_outside() {
    for example in rtmp_tests::examples::FOUR {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            let alice = w.login("alice");
            alice.sh("echo hers > /tmp/file").ok();
            for user in ["bob", "alice"] {
                for place in example.places {
                    let (polydir, parent) = (place.polydir, place.parent);
                    for command in [
                        format!("mv {polydir} /tmp/x"),
                        format!("rmdir {polydir}"),
                        format!("mv {parent} {polydir}/x"),
                        format!("rmdir {parent}"),
                        format!("rm -rf {parent}"),
                        format!("mv {parent} /home/{user}/x"),
                        format!("chmod 777 {parent} {polydir}"),
                    ] {
                        if user == "bob" || !command.contains("rm -rf") {
                            w.sh_as(user, &command).fails();
                        }
                    }
                }
            }
            assert_eq!(alice.sh("cat /tmp/file; ls /tmp").ok(), "hers\nfile");
            assert_eq!(w.login("alice").sh("cat /tmp/file").ok(), "hers");
            w.login("bob").sh("cat /tmp/file").fails();
        });
    }
}

/// A user's own box is the user's own: what they do to it from outside changes their sessions only.
#[test]
fn what_users_do_to_their_boxes_while_a_session_lives_is_their_own_affair() {
    for command in [
        "mv tmp old",
        "mv tmp ~/x",
        "rm -rf tmp; mkdir tmp",
        "rm -rf tmp; ln -s /etc tmp",
        "chmod 777 .",
        "mv tmp /var/tmp/x",
    ] {
        World::with(Module::Ours).conf(TEMPLATE.conf).run(|w| {
            let (alice, bob) = (w.login("alice"), w.login("bob"));
            bob.sh("echo his > /tmp/file").ok();
            let etc = fs::read_dir("/etc").unwrap().count();
            w.sh_as("alice", &format!("cd /tmp/user_tmpl/1001 && {command}")).ok();
            // She becomes bob in her session: his own, or a private one all the same.
            let seen = alice.exec_with_input(su("bob", "echo bobs >> /tmp/file; cat /tmp/file; stat -c '%u %a' /tmp"), "secret\n");
            assert!(seen.ok().ends_with("bobs\n0 1777"), "{command}");
            w.sh_as("alice", "cat /tmp/x/file ~/x/file /var/tmp/x/file ~/x/user_tmpl/*/tmp/file /var/tmp/x/user_tmpl/*/tmp/file").fails();
            assert!(!alice.sh("cat /tmp/file /tmp/user_tmpl/*/tmp/file /tmp/user_tmpl/*/*").out.contains("bobs"));
            assert!(w.read("/tmp/user_tmpl/1002/tmp/file").starts_with("his"));
            let again = w.login("alice");
            assert_eq!(again.sh("stat -c '%u %a' /tmp").ok(), "0 1777");
            assert_eq!(fs::read_dir("/etc").unwrap().count(), etc);
            assert_eq!(w.mode("/tmp/user_tmpl/1001"), 0o700);
        });
    }
}
