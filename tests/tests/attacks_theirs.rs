//! The attacks of docs/threat-model.md, each once against the distribution's pam_namespace.so, in the
//! same world and with the same file as against ours: that they are real ones.

use std::fs;

use nix::mount::MsFlags;
use rtmp_tests::attack::within;
use rtmp_tests::figures::report;
use rtmp_tests::fuse::{Claim, Daemon, Fuse};
use rtmp_tests::kernel::{self, Fault};
use rtmp_tests::process::apart;
use rtmp_tests::{Code, Module, MountTable, Pam, World};
use serde::Serialize;
use serde::de::DeserializeOwned;

const PLAIN: &str = "/tmp /tmp-inst/ user root\n";
const IN_TMP: &str = "/tmp /tmp/tmp-inst/ user root\n";

/// The same life in two worlds: `[pam_rtmp, pam_namespace]`.
fn both<T: Serialize + DeserializeOwned>(conf: &str, life: impl Fn(&World) -> T) -> [T; 2] {
    [Module::Ours, Module::Theirs]
        .map(|module| World::with(module).conf(conf).lifetime(300).run(&life))
}

fn open(user: &str) -> Code {
    Pam::start("rtmp", user).unwrap().open_session()
}

/// What the mount over a directory shows, in the session of this process.
fn over(path: &str) -> Option<String> {
    MountTable::here().top_at(path).map(|mount| mount.root.clone())
}

#[test]
fn who_makes_the_parent_in_tmp_first_keeps_everybody_out() {
    for squat in
        ["mkdir P", "mkdir -m 0 P", "ln -s /home/bob P", "ln -s /etc P", "touch P", "ln /srv/all P"]
    {
        let codes = both(IN_TMP, |w| {
            w.sh("umask 0; echo roots > /srv/all").ok();
            w.sh_as("bob", &squat.replace('P', "/tmp/tmp-inst")).ok();
            w.attempt("alice").code
        });
        assert_eq!(codes, [Code::SUCCESS, Code::SESSION_ERR], "{squat}");
    }
}

/// rename(2) asks for nothing of a file, and of a directory only that one may write it.
#[test]
fn who_carries_a_thing_of_roots_into_the_parents_place_keeps_everybody_out() {
    for made_by_root in ["echo > F", "ln -s /etc F", "mkdir -m 1777 F"] {
        let codes = both(IN_TMP, |w| {
            w.sh(&made_by_root.replace('F', "/home/alice/.lesshst")).ok();
            w.sh_as("alice", "mv ~/.lesshst /tmp/tmp-inst").ok();
            w.attempt("bob").code
        });
        assert_eq!(codes, [Code::SUCCESS, Code::SESSION_ERR], "{made_by_root}");
    }
}

/// CVE-2024-22365, and the same with a file system that never answers.
#[test]
fn who_puts_a_fifo_or_a_mute_file_system_there_blocks_everybody() {
    for (squat, mute) in [("mkfifo P", false), ("mkdir P", true), ("touch P", true)] {
        let answers = both(IN_TMP, |w| {
            let parent = "/tmp/tmp-inst";
            w.sh_as("bob", &squat.replace('P', parent)).ok();
            let _fuse = mute.then(|| Fuse::mount("bob", parent, Daemon::Mute));
            within(if w.module() == Module::Ours { 30 } else { 1 }, || open("alice"))
        });
        assert_eq!(answers, [Some(Code::SUCCESS), None], "{squat}");
    }
}

/// alice's file system over her home says that what is in it is root's, root's links too.
#[test]
fn a_file_system_over_a_home_leads_root_elsewhere() {
    const CLAIMS: &[Claim] = &[
        Claim { name: "work", mode: 0o120777, target: "/srv/target" },
        Claim { name: ".inst", mode: 0o120777, target: "/srv/hidden" },
    ];
    for conf in ["$HOME/work /srv/inst/ user root\n", "/srv/data $HOME/.inst/ user root\n"] {
        let led = both(conf, |w| {
            w.sh("mkdir -m 755 /srv/target /srv/data; mkdir -m 0 /srv/hidden").ok();
            let _fuse = Fuse::mount("alice", "/home/alice", Daemon::Liar(CLAIMS));
            apart(|| {
                let mut pam = Pam::start("rtmp", "alice").unwrap();
                let _ = pam.open_session();
                over("/srv/target").is_some() || w.exists("/srv/hidden/alice")
            })
        });
        assert_eq!(led, [false, true], "{conf}");
    }
}

/// CVE-2025-6020's kind, and still there: at the end of a session names are looked up again. alice
/// has put a directory of bob's, which she cannot empty, where her temporary instance was.
#[test]
fn a_name_that_changed_has_root_remove_another_users_files() {
    let kept = [Module::Ours, Module::Theirs].map(|module| {
        let plan = World::with(module).conf("/srv/data $HOME/.inst/ tmpdir root\n");
        plan.args("unmount_on_close").run(|w| {
            w.mkdir("/srv/data", 0o1777, (0, 0));
            w.mkdir("/home/alice/.inst", 0, (0, 0));
            w.sh("chmod 755 ~alice").ok();
            let alice = w.login("alice");
            let root = alice.after.mounts().top_at("/srv/data").unwrap().root.clone();
            let name = root.rsplit_once('/').unwrap().1.to_owned();
            w.sh_as("alice", "mkdir -m 777 ~/open").ok();
            w.sh_as("bob", "mkdir ~alice/open/bobs && echo his > ~alice/open/bobs/file").ok();
            w.sh_as(
                "alice",
                &format!("cd && mv .inst .old && mkdir .inst && mv open .inst/{name}"),
            )
            .ok();
            assert_eq!(alice.close(), Code::SUCCESS);
            w.exists(&format!("/home/alice/.inst/{name}/bobs/file"))
        })
    });
    assert_eq!(kept, [true, false]);
}

#[test]
fn a_user_with_the_name_of_two_dots_gets_the_directory_above_the_parent() {
    let seen = both("/tmp /srv/inst/ user root\n", |w| {
        w.mkdir("/srv/inst", 0, (0, 0));
        w.sh("echo '..:x:1500:1500::/:/bin/sh' >> /etc/passwd").ok();
        let attempt = w.attempt("..");
        (attempt.code, attempt.after.mounts().top_at("/tmp").map(|mount| mount.root.clone()))
    });
    assert_eq!(seen, [(Code::SESSION_ERR, None), (Code::SUCCESS, Some("/srv".to_owned()))]);
}

/// alice kills the su(1) that she called, or sshd's time is up: at each call of her first login. A
/// second first login at that moment finds the same.
#[test]
fn a_first_login_that_is_killed_leaves_a_directory_that_its_user_cannot_enter() {
    let locked_out = both(PLAIN, |w| {
        let login = |faults: &[(usize, Fault)]| {
            kernel::run(faults, |kernel| {
                let mut pam = Pam::start("rtmp", "alice").unwrap();
                kernel.watch(|| pam.open_session())
            })
        };
        let killed = (1..=login(&[]).calls.len()).filter(|&number| {
            w.sh("rm -rf /tmp-inst/alice").ok();
            login(&[(number, Fault::Kill)]);
            w.login("alice").sh("touch /tmp/file").status != 0
        });
        killed.count()
    });
    assert!(locked_out[0] == 0 && locked_out[1] > 0, "{locked_out:?}");
    report(&format!("killed at each call: alice cannot enter after {locked_out:?} of them"));
}

/// As in a container, or without systemd: `/` is private, and one file system is not.
#[test]
fn where_only_tmp_is_shared_everybody_sees_the_users_own() {
    let seen = [Module::Ours, Module::Theirs].map(|module| {
        World::with(module).conf(PLAIN).private_root().run(|w| {
            w.mount_tmpfs("/tmp", MsFlags::empty());
            w.sh("mount --make-shared /tmp").ok();
            w.login("alice").sh("echo hers > /tmp/file").ok();
            w.sh_as("bob", "cat /tmp/file").out
        })
    });
    assert_eq!(seen, ["", "hers\n"]);
}

#[test]
fn nosuid_nodev_and_noexec_are_lost() {
    let options = both(PLAIN, |w| {
        w.mount_tmpfs("/tmp", MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC);
        w.login("alice").after.mounts().top_at("/tmp").unwrap().options.join(",")
    });
    assert_eq!(options, ["rw,nosuid,nodev,noexec,relatime", "rw,relatime"]);
}

#[test]
fn a_refusal_leaves_the_caller_half_private() {
    let left = both("/tmp /tmp-inst/ user root\n/var/tmp /srv/open/ user root\n", |w| {
        w.mkdir("/srv/open", 0o755, (0, 0));
        let attempt = w.attempt("alice");
        assert_eq!(attempt.code, Code::SESSION_ERR);
        attempt.after.mounts().top_at("/tmp").map(|mount| mount.root.clone())
    });
    assert_eq!(left, [None, Some("/tmp-inst/alice".to_owned())]);
}

/// The shared directory that a session is private of, in it: what `su` is called from, usually.
#[test]
fn a_working_directory_in_tmp_stays_the_shared_one() {
    let seen = both(PLAIN, |w| {
        w.write("/tmp/shared", "everybody's");
        w.visitor("alice").cwd("/tmp").login().sh("cat ./shared").out
    });
    assert_eq!(seen, ["", "everybody's"]);
}

/// With `ignore_instance_parent_mode`, and a parent that users can write.
#[test]
fn a_link_of_bobs_is_alices_instance() {
    let over_tmp = [Module::Ours, Module::Theirs].map(|module| {
        let plan = World::with(module).conf("/tmp /srv/inst/ user root\n");
        plan.args("ignore_instance_parent_mode").run(|w| {
            w.mkdir("/srv/inst", 0o1777, (0, 0));
            w.sh_as("bob", "chmod 755 ~; mkdir -m 777 ~/x; ln -s ~/x /srv/inst/alice").ok();
            w.attempt("alice").after.mounts().top_at("/tmp").map(|mount| mount.root.clone())
        })
    });
    assert_eq!(over_tmp, [None, Some("/home/bob/x".to_owned())]);
}

/// CVE-2010-3853's remains: the environment is empty since, the descriptors are the caller's.
#[test]
fn a_script_has_its_callers_descriptors() {
    let seen = both(PLAIN, |w| {
        let script = "#!/bin/sh\nls -l /proc/self/fd > /run/seen\n";
        w.write("/etc/security/namespace.init", script);
        w.sh("chmod 755 /etc/security/namespace.init").ok();
        w.write("/srv/secret", "");
        apart(|| {
            let file = fs::File::open("/srv/secret").unwrap();
            nix::fcntl::fcntl(&file, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty()))
                .unwrap();
            assert_eq!(open("alice"), Code::SUCCESS);
        });
        w.read("/run/seen").contains("/srv/secret")
    });
    assert_eq!(seen, [false, true]);
}
