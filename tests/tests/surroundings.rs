//! The process a session is opened in, and the mounts around it: nothing leaks out, what the host
//! mounts comes in, and a caller in a chroot, with threads or in `/tmp` finds itself where it was.

use std::sync::mpsc;

use nix::unistd::{chdir, chroot};
use rtmp_tests::caller::Inode;
use rtmp_tests::examples::{FOUR, PREFIX, PREFIXES, TEMPLATE, TEMPLATES};
use rtmp_tests::fuse::{Daemon, Fuse};
use rtmp_tests::process::apart;
use rtmp_tests::{Blueprint, Caller, Code, Module, MountTable, Pam, World};

fn world(conf: &str) -> Blueprint {
    World::with(Module::Ours).conf(conf)
}

/// A line of which the first half would have been done: the second parent is not root's.
const REFUSED: &str = "/tmp /tmp-inst/ user root\n/var/tmp /home/bob/inst-/ user root\n";

/// "Slave propagation is unconditional: no mountinfo, no leak when only `/tmp` is shared."
#[test]
fn nothing_leaks_to_the_host_however_its_mounts_are_shared() {
    const TMPFS_ON_TMP: &str = "mount -t tmpfs -o mode=1777 tmpfs /tmp";
    for (setup, of_root) in [
        ("true".to_owned(), "shared"),
        ("true".to_owned(), "private"),
        (format!("{TMPFS_ON_TMP} && mount --make-shared /tmp"), "private"),
        (format!("{TMPFS_ON_TMP} && mount --make-private /tmp"), "shared"),
        ("mount --bind /var/tmp /var/tmp && mount --make-shared /var/tmp".to_owned(), "private"),
    ] {
        for example in FOUR {
            let plan = world(example.conf);
            let plan = if of_root == "private" { plan.private_root() } else { plan };
            plan.run(|w| {
                w.sh(&setup).ok();
                let host = MountTable::here();
                let alice = w.login("alice");
                assert_eq!(MountTable::here(), host, "{setup}, / is {of_root}");
                alice.sh_as_root("mkdir /tmp/m && mount -t tmpfs tmpfs /tmp/m").ok();
                alice.sh_as_root("mount -t tmpfs tmpfs /mnt && touch /mnt/file").ok();
                assert_eq!(MountTable::here(), host, "{setup}, / is {of_root}");
                w.login("bob").sh("test -e /mnt/file || test -e /tmp/m").fails();
                alice.sh("test -e /mnt/file && test -e /tmp/m").ok();
            });
        }
    }
}

/// "No MS_PRIVATE: mounts that the host makes later still arrive in the session."
#[test]
fn what_the_host_mounts_later_arrives_in_the_session_and_goes_again() {
    for example in FOUR {
        world(example.conf).run(|w| {
            let alice = w.login("alice");
            w.sh("mount -t tmpfs tmpfs /mnt && touch /mnt/file").ok();
            alice.sh("test -e /mnt/file").ok();
            w.sh("umount /mnt").ok();
            alice.sh("test -e /mnt/file").fails();
            // A new /tmp of the host's does not take hers.
            alice.sh("echo hers > /tmp/file").ok();
            w.sh("mount -t tmpfs tmpfs /tmp").ok();
            assert_eq!(alice.sh("cat /tmp/file").ok(), "hers");
        });
    }
}

/// A jail on no mount of its own, with what a login needs in it.
const JAIL: &str = "
    cd /srv && mkdir jail && cd jail && mkdir usr etc dev proc var home tmp var/tmp
    chmod 1777 tmp var/tmp && mkdir tmp/below
    for beside_usr in bin sbin lib lib32 lib64 libx32; do
        if test -L /$beside_usr; then cp -P /$beside_usr .
        elif test -d /$beside_usr; then mkdir $beside_usr; mount --rbind /$beside_usr $beside_usr; fi
    done
    for dir in usr etc dev; do mount --rbind /$dir $dir; done
    mount -t proc proc proc";

/// "In a chroot where `/` is no mount point" a session is private as anywhere, and the caller stays
/// in its chroot.
#[test]
fn a_caller_in_a_chroot_gets_a_session_and_stays_in_its_chroot() {
    for private_root in [false, true] {
        for example in FOUR {
            let plan = world(example.conf);
            let plan = if private_root { plan.private_root() } else { plan };
            plan.run(|w| {
                w.sh(JAIL).ok();
                let host = MountTable::here();
                for cwd in ["/", "/home", "/tmp", "/tmp/below"] {
                    let (before, after, tmp) = apart(|| {
                        chroot("/srv/jail").unwrap();
                        chdir(cwd).unwrap();
                        let before = Caller::now();
                        let mut pam = Pam::start("rtmp", "alice").unwrap();
                        assert_eq!(pam.open_session(), Code::SUCCESS);
                        (before, Caller::now(), Inode::of("/tmp"))
                    });
                    assert_eq!(after.root, Inode::of("/srv/jail"), "{:#?}", w.said());
                    assert_eq!(before.root, after.root);
                    assert_ne!(before.mnt_ns, after.mnt_ns);
                    let instance = example.places[0].instance_of("alice");
                    assert_eq!(tmp, Inode::of(&format!("/srv/jail{instance}")));
                    let moved = cwd.starts_with("/tmp");
                    assert_eq!(after.cwd_inode, if moved { tmp } else { before.cwd_inode });
                    assert_eq!(MountTable::here(), host);
                    assert_eq!(w.said(), [""; 0]);
                }
            });
        }
    }
}

#[test]
fn a_caller_in_a_chroot_that_is_refused_stays_in_its_chroot() {
    world(REFUSED).run(|w| {
        w.sh(JAIL).ok();
        w.sh("mkdir -p /srv/jail/home/bob && chown bob /srv/jail/home/bob").ok();
        w.sh("mkdir -m 0 /srv/jail/home/bob/inst- && chown bob /srv/jail/home/bob/inst-").ok();
        for cwd in ["/", "/home", "/tmp/below"] {
            let (before, after) = apart(|| {
                chroot("/srv/jail").unwrap();
                chdir(cwd).unwrap();
                let before = Caller::now();
                let mut pam = Pam::start("rtmp", "alice").unwrap();
                assert_eq!(pam.open_session(), Code::SESSION_ERR);
                drop(pam);
                (before, Caller::now())
            });
            // Without syslog's descriptor, which stays open in a program that has logged.
            let quiet = |mut caller: Caller| {
                caller.descriptors.clear();
                caller
            };
            assert_eq!(after.root, Inode::of("/srv/jail"));
            assert_eq!(quiet(before), quiet(after));
        }
    });
}

/// "Sibling threads of the caller stay outside; documented."
#[test]
fn a_caller_with_threads_takes_the_calling_thread_alone_along() {
    for (conf, code) in [
        (TEMPLATES.conf, Code::SUCCESS),
        (PREFIXES.conf, Code::SUCCESS),
        (REFUSED, Code::SESSION_ERR),
    ] {
        world(conf).run(|w| {
            w.sh("mkdir -m 0 /home/bob/inst-; chown bob /home/bob/inst-").ok();
            apart(|| {
                chdir("/tmp").unwrap();
                let (report, look) = (mpsc::channel(), mpsc::channel());
                let sibling = std::thread::spawn(move || {
                    report.0.send(Caller::now()).unwrap();
                    look.1.recv().unwrap();
                    report.0.send(Caller::now()).unwrap();
                });
                let sibling_before = report.1.recv().unwrap();
                let before = Caller::now();
                let mut pam = Pam::start("rtmp", "alice").unwrap();
                assert_eq!(pam.open_session(), code);
                let after = Caller::now();
                look.0.send(()).unwrap();
                let sibling_after = report.1.recv().unwrap();
                sibling.join().unwrap();
                let of = |caller: &Caller| (caller.mnt_ns, caller.cwd_inode, caller.root);
                assert_eq!(of(&sibling_before), of(&sibling_after));
                assert_eq!(of(&before) != of(&after), code == Code::SUCCESS);
            });
        });
    }
}

/// "A cwd inside a polydir becomes the polydir's new root, so `.` is not the shared `/tmp`."
#[test]
fn a_caller_in_tmp_moves_into_the_new_one_and_others_stay() {
    for example in FOUR {
        world(example.conf).run(|w| {
            w.sh("mkdir -p /tmp/below/deep /var/tmp/below /tmpfoo /tmp-inst.d /srv/tmp").ok();
            w.sh("ln -s /tmp/below /srv/link").ok();
            for cwd in [
                "/tmp",
                "/tmp/below",
                "/tmp/below/deep",
                "/srv/link",
                "/var/tmp",
                "/var/tmp/below",
                "/tmpfoo",
                "/tmp-inst.d",
                "/srv/tmp",
                "/",
                "/var",
                "/home/alice",
            ] {
                let session = w.visitor("alice").cwd(cwd).login();
                let real = if cwd == "/srv/link" { "/tmp/below" } else { cwd };
                let within = |polydir: &str| {
                    real.strip_prefix(polydir).is_some_and(|s| s.is_empty() || s.starts_with('/'))
                };
                match example.places.iter().find(|place| within(place.polydir)) {
                    Some(place) => {
                        assert_eq!(session.sh_as_root("pwd -P").ok(), place.polydir);
                        let instance = Inode::of(&place.instance_of("alice"));
                        assert_eq!(session.after.cwd_inode, instance, "{cwd}");
                        assert_eq!(
                            session.sh("ls -A . ..").ok(),
                            session
                                .sh(&format!(
                                    "ls -A {0} {0}/.. | sed 's|^{0}/..:|..:|;s|^{0}:|.:|'",
                                    place.polydir
                                ))
                                .ok()
                        );
                    }
                    None => {
                        assert_eq!(session.after.cwd, session.before.cwd);
                        assert_eq!(session.after.cwd_inode, session.before.cwd_inode);
                    }
                }
            }
        });
    }
}

/// su(1) from a directory of the user's own file system.
#[test]
fn a_working_directory_that_root_cannot_open_is_kept() {
    for example in FOUR {
        world(example.conf).run(|w| {
            w.sh_as("alice", "mkdir ~/own").ok();
            let own = "/home/alice/own";
            let _fuse = Fuse::mount_for_the_user_alone("alice", own, Daemon::Liar(&[]));
            assert!(chdir(own).is_err(), "root may not");
            let su = "cd ~/own && echo secret | su bob -c 'readlink /proc/self/cwd'";
            let said = w.sh_as("alice", su).ok();
            assert!(said.ends_with(own), "{said}");
        });
    }
}

/// pam_namespace(8): "unmount_on_close: Unmount polyinstantiated directories at session close"
#[test]
fn mounts_are_detached_at_close_only_if_that_was_asked_for() {
    for (args, detached) in [("", false), ("unmount_on_close", true)] {
        for example in FOUR {
            world(example.conf).args(args).run(|w| {
                let alice = w.login("alice");
                let within = alice.caller();
                assert_eq!(alice.close_session(), Code::SUCCESS);
                let after = alice.caller();
                assert_eq!(after.mnt_ns, within.mnt_ns, "a namespace is not left at close");
                assert_eq!(after.descriptors, alice.before.descriptors);
                let real = alice.before.mounts().0.len();
                let kept = if detached { 0 } else { example.places.len() };
                assert_eq!(after.mounts().0.len(), real + kept, "{:?}", after.mounts());
                assert_eq!(alice.close_session(), Code::SUCCESS, "a second close");
                assert_eq!(alice.caller(), after);
                assert_eq!(w.said(), [""; 0]);
            });
        }
    }
}

/// "then only mounts that are ours, newest first"
#[test]
fn a_mount_that_somebody_put_over_ours_stays_at_close() {
    for example in [TEMPLATE, PREFIX] {
        world(example.conf).args("unmount_on_close").run(|w| {
            let alice = w.login("alice");
            alice.sh_as_root("mount -t tmpfs theirs /tmp").ok();
            assert_eq!(alice.close_session(), Code::SUCCESS);
            let table = alice.caller().mounts();
            assert_eq!(table.top_at("/tmp").unwrap().source, "theirs");
            assert_eq!(table.at("/tmp").len(), 2, "what cannot be detached alone is left alone");
        });
    }
}

/// "Works as the user (systemd calls it so) without an error."
#[test]
fn a_session_can_be_closed_by_its_user_and_in_another_process() {
    for args in ["", "unmount_on_close"] {
        world(TEMPLATES.conf).args(args).run(|w| {
            let mut pam = Pam::start("rtmp", "alice").unwrap();
            assert_eq!(pam.open_session(), Code::SUCCESS);
            let session = MountTable::here();
            let code = apart(|| {
                rtmp_tests::process::become_user("alice");
                pam.close_session()
            });
            assert_eq!(code, Code::SUCCESS);
            assert_eq!(MountTable::here(), session);
            assert_eq!(w.said(), [""; 0]);
            // "PAM data has no side effect when a forked child ends its handle."
            pam.end_silently_in_a_child();
            assert_eq!(MountTable::here(), session);
            assert_eq!(pam.close_session(), Code::SUCCESS);
            assert_eq!(MountTable::here() == session, args.is_empty());
        });
    }
}

/// A refused session and an exempt user's leave nothing to close.
#[test]
fn closing_what_was_never_opened_is_no_error() {
    world(TEMPLATES.conf).args("unmount_on_close").run(|w| {
        for user in ["root", "alice"] {
            let mut pam = Pam::start("rtmp", user).unwrap();
            let before = Caller::now();
            assert_eq!(pam.close_session(), Code::SUCCESS);
            assert_eq!(Caller::now(), before);
        }
        assert_eq!(w.said(), [""; 0]);
    });
}

/// "Scripts run in `/`, with umask 022, on `/dev/null`, and without a descriptor of the caller's."
#[test]
fn a_script_finds_the_same_surroundings_whatever_its_caller_s_are() {
    const SCRIPT: &str = r#"#!/bin/sh
        me=/proc/$$
        ignored=$(sed -n 's/SigIgn:\s*/0x/p' $me/status)
        pipe_and_chld=$((ignored & 0x11000))
        seen=$(pwd; umask; readlink $me/fd/0 $me/fd/1 $me/fd/2; echo $pipe_and_chld)
        echo "$seen" > /run/seen
    "#;
    for caller in [
        "true",
        "cd /home; umask 077; exec 7< /etc/shadow",
        "exec 0<&- 1>&- 2>&-",
        "exec 0<&-",
        "trap '' PIPE CHLD",
    ] {
        world(PREFIXES.conf).run(|w| {
            w.write("/etc/security/namespace.init", SCRIPT);
            w.sh("chmod 755 /etc/security/namespace.init").ok();
            w.sh(&format!("{caller}; exec pamtester rtmp alice open_session")).ok();
            let seen = w.read("/run/seen");
            assert_eq!(seen, "/\n0022\n/dev/null\n/dev/null\n/dev/null\n0\n", "{caller}");
        });
    }
}
