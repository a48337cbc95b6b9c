//! Without `openat2`, `open_tree`, `move_mount`, `mount_setattr`, `statx`, `pidfd_open` or
//! `lsm_list_modules`: a kernel before 5.12, or a container's filter. Every promise holds on what is
//! left.
//!
//! Each sentence is tried with each of the seven calls missing and with all of them, as an old
//! kernel says it (ENOSYS) and as a filter does (EPERM).

use nix::errno::Errno;
use nix::mount::MsFlags;
use rtmp_tests::caller::Inode;
use rtmp_tests::examples::{FOUR, PREFIX, TEMPLATE};
use rtmp_tests::kernel::{Lacking, lacks};
use rtmp_tests::process::apart;
use rtmp_tests::programs::{su, sudo_login};
use rtmp_tests::{Caller, Code, Module, World};

/// Lives a fresh life in a fresh world for every way to be old.
fn on_every_old_kernel(conf: &str, args: &str, life: impl Fn(&World)) {
    for lacking in Lacking::every() {
        eprintln!("{lacking}");
        World::with(Module::Ours).conf(conf).args(args).lacking(lacking).run(&life);
    }
}

#[test]
fn two_users_have_their_own_in_each_of_the_four_examples() {
    for example in FOUR {
        on_every_old_kernel(example.conf, "", |w| {
            for round in ["first", "later"] {
                let (alice, bob) = (w.login("alice"), w.login("bob"));
                for place in example.places {
                    let file = format!("{}/{round}", place.polydir);
                    alice.sh(&format!("echo hers > {file}")).ok();
                    bob.sh(&format!("test ! -e {file} && echo his > {file}")).ok();
                    assert_eq!(alice.sh(&format!("cat {file}")).ok(), "hers");
                    assert_eq!(w.login("alice").sh(&format!("cat {file}")).ok(), "hers");
                    assert!(!w.exists(&file));
                    assert_eq!(w.mode(&place.instance_of("alice")), 0o1777);
                    assert_eq!(w.mode(place.parent), place.parent_mode());
                }
                assert_eq!((alice.close(), bob.close()), (Code::SUCCESS, Code::SUCCESS));
            }
            assert_eq!(w.said(), [""; 0], "success is silent");
        });
    }
}

#[test]
fn the_flags_of_tmp_survive_where_the_instance_is_on_another_mount() {
    let conf = "/tmp /srv/inst/ user root\n/var/tmp /srv/inst/ user:mntopts=nosuid,ro root\n";
    on_every_old_kernel(conf, "", |w| {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        w.mount_tmpfs("/tmp", flags);
        w.mount_tmpfs("/srv", MsFlags::MS_NOATIME);
        let mounts = w.login("alice").after.mounts();
        let (tmp, var_tmp) = (mounts.top_at("/tmp").unwrap(), mounts.top_at("/var/tmp").unwrap());
        let has = |flag| tmp.has(flag);
        assert!(["rw", "nosuid", "nodev", "noexec", "noatime"].into_iter().all(has), "{tmp:?}");
        let has = |flag| var_tmp.has(flag);
        assert!(["ro", "nosuid", "noatime"].into_iter().all(has), "{var_tmp:?}");
        assert!(w.sh("touch /srv/file").status == 0, "the flags are those of our mount alone");
    });
}

#[test]
fn a_caller_in_tmp_stands_in_the_instance() {
    on_every_old_kernel(TEMPLATE.conf, "", |w| {
        let alice = w.visitor("alice").cwd("/tmp").login();
        assert_eq!(alice.after.cwd_inode, Inode::of("/tmp/user_tmpl/1001/tmp"));
        alice.sh(": > file").ok();
        assert!(!w.exists("/tmp/file"));
    });
}

#[test]
fn a_polydir_in_a_home_is_private_and_a_mount_on_it_is_left_out() {
    let conf = "$HOME/private $HOME/$USER.inst/ user root\n";
    on_every_old_kernel(conf, "", |w| {
        w.mkdir("/home/alice/private", 0o750, (1001, 1001));
        for mounted in [false, true] {
            if mounted {
                w.mount_tmpfs("/home/alice/private", MsFlags::empty());
            }
            let host = Caller::now().mountinfo;
            let alice = w.login("alice");
            let seen = alice.after.mounts();
            let top = seen.top_at("/home/alice/private").unwrap();
            assert_eq!(top.root, "/home/alice/alice.inst/alice");
            alice.sh(": >> /home/alice/private/file").ok();
            assert_eq!(w.mode("/home/alice/alice.inst/alice"), 0o750);
            assert!(!w.exists("/home/alice/private/file"));
            drop(alice);
            assert_eq!(Caller::now().mountinfo, host);
        }
        assert_eq!(
            w.said(),
            ["/home/alice/private: something is mounted there, left out of the session"]
        );
    });
}

#[test]
fn su_and_sudo_in_a_session_lead_to_the_users_own_directory() {
    for conf in [TEMPLATE.conf, PREFIX.conf] {
        on_every_old_kernel(conf, "", |w| {
            w.login("bob").sh("echo his > /tmp/file").ok();
            let carol = w.login("carol");
            carol.sh("echo hers > /tmp/file").ok();
            let said = carol.exec_with_input(su("bob", "cat /tmp/file"), "secret\n").ok();
            assert!(said.ends_with("his"), "{said}");
            assert_eq!(carol.exec(sudo_login("bob", "cat /tmp/file")).ok(), "his");
            assert_eq!(carol.sh("cat /tmp/file; echo /tmp/*").ok(), "hers\n/tmp/file");
        });
    }
}

#[test]
fn a_tmpfs_has_its_options_and_goes_with_its_session() {
    on_every_old_kernel("/tmp t tmpfs:mntopts=size=64k,nodev root\n", "", |w| {
        w.mount_tmpfs("/tmp", MsFlags::MS_NOSUID);
        let alice = w.login("alice");
        let mounts = alice.after.mounts();
        let top = mounts.top_at("/tmp").unwrap();
        assert_eq!((top.fstype.as_str(), top.root.as_str()), ("tmpfs", "/"));
        assert!(top.has("nosuid") && top.has("nodev"), "{top:?}");
        assert!(top.super_options.iter().any(|option| option == "size=64k"));
        alice.sh(": > /tmp/file").ok();
        w.login("alice").sh("test ! -e /tmp/file").ok();
    });
}

#[test]
fn a_tmpdir_instance_is_new_each_time_and_removed_at_close() {
    on_every_old_kernel("/tmp /tmp/inst/t. tmpdir root\n", "", |w| {
        let (one, other) = (w.login("alice"), w.login("alice"));
        one.sh("mkdir -p /tmp/a/b/c && : > /tmp/a/b/file && ln -s /etc /tmp/a/link").ok();
        other.sh("test ! -e /tmp/a").ok();
        assert_eq!(w.sh("ls /tmp/inst | wc -l").ok(), "2");
        assert_eq!((one.close(), other.close()), (Code::SUCCESS, Code::SUCCESS));
        assert_eq!(w.sh("ls -A /tmp/inst").ok(), "");
        assert!(w.exists("/etc/passwd"));
    });
}

#[test]
fn a_squat_is_swapped() {
    on_every_old_kernel(TEMPLATE.conf, "", |w| {
        w.sh_as("bob", "mkdir -p /tmp/user_tmpl/1001/tmp").ok();
        w.login("alice").sh(": > /tmp/file").ok();
        assert_eq!((w.owner("/tmp/user_tmpl"), w.mode("/tmp/user_tmpl")), ((0, 0), 0o755));
        assert_eq!(w.owner("/tmp/user_tmpl/1001"), (1001, 1001));
        assert!(w.exists("/tmp/user_tmpl/1001/tmp/file"));
        let said = w.said();
        assert_eq!(said.len(), 1, "{said:#?}");
        assert!(said[0].starts_with("/tmp/user_tmpl: made by uid 1002, moved aside as :rtmp-"));
    });
}

#[test]
fn what_a_user_puts_in_the_box_is_moved_aside() {
    for forgery in ["ln -s /etc I", "mkdir I", "touch I"] {
        on_every_old_kernel(TEMPLATE.conf, "", |w| {
            drop(w.login("alice"));
            let instance = "/tmp/user_tmpl/1001/tmp";
            w.sh_as("alice", &format!("mv {instance} {instance}.old")).ok();
            w.sh_as("alice", &forgery.replace('I', instance)).ok();
            w.login("alice").sh(": > /tmp/file").ok();
            assert_eq!((w.owner(instance), w.mode(instance)), ((0, 0), 0o1777));
            assert_eq!(w.said().len(), 1, "{:#?}", w.said());
        });
    }
}

#[test]
fn a_refusal_leaves_nothing_behind() {
    let conf = "/tmp /tmp/inst/t. tmpdir root\n/var/tmp /srv/inst/ user root\n/data /srv/inst/ user root\n";
    on_every_old_kernel(conf, "", |w| {
        for cwd in ["/", "/tmp", "/home/alice"] {
            let attempt = w.visitor("alice").cwd(cwd).attempt();
            assert_eq!(attempt.code, Code::SESSION_ERR);
            assert_eq!(attempt.before, attempt.after);
            assert_eq!(attempt.log.len(), 1, "{:#?}", attempt.log);
            assert_eq!(
                attempt.log[0].words(),
                "unable to open polydir /data: No such file or directory (ENOENT); make it, or \
                 use the flag create"
            );
        }
        assert_eq!(w.sh("ls -A /tmp/inst").ok(), "");
    });
}

#[test]
fn closing_unmounts_what_was_mounted_and_nothing_else() {
    on_every_old_kernel(PREFIX.conf, "unmount_on_close", |w| {
        let alice = w.login("alice");
        assert!(alice.caller().mounts().top_at("/tmp").is_some());
        assert_eq!(alice.close_session(), Code::SUCCESS);
        assert!(alice.caller().mounts().top_at("/tmp").is_none());
        alice.sh_as_root("mount -t tmpfs tmpfs /tmp").ok();
        assert_eq!(alice.close_session(), Code::SUCCESS);
        assert!(alice.caller().mounts().top_at("/tmp").is_some());
        assert_eq!(w.attempt("alice").close, Code::SUCCESS);
    });
}

/// The filter of [`Lacking`] lets programs have a statx(2) without the mount. This one lets nobody.
#[test]
fn a_filter_that_refuses_every_statx_makes_no_difference() {
    for example in FOUR {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            let alice =
                w.visitor("alice").first(|| lacks(&[libc::SYS_statx], Errno::EPERM)).login();
            assert!(alice.exec(["stat", "/"]).fails().contains("Operation not permitted"));
            for place in example.places {
                alice.sh(&format!(": > {}/file", place.polydir)).ok();
                assert!(w.exists(&format!("{}/file", place.instance_of("alice"))));
            }
            assert_eq!(w.said(), [""; 0]);
        });
    }
}

/// The suite would prove nothing if the calls were still there.
#[test]
fn the_calls_are_really_gone() {
    for lacking in Lacking::every() {
        World::with(Module::Ours).lacking(lacking).run(|w| {
            assert_eq!(Lacking::here(), lacking.calls());
            assert!(apart(|| Lacking::here() == lacking.calls()), "nor in its children");
            w.exec(["stat", "/"]).ok();
        });
    }
}
