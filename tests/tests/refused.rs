//! What is wrong is refused with one sentence, and the caller is where it was.
//!
//! The design: "A session that should be private is private, or is refused with a reason; the
//! process is never left in between."

use std::fs;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use rtmp_tests::examples::{FOUR, PREFIX, TEMPLATE};
use rtmp_tests::kernel::{Lacking, is_older_than, lacks};
use rtmp_tests::process::give_up_sys_admin;
use rtmp_tests::{Caller, Code, Module, Visitor, World};

/// A prefix, boxes in a place where only root can write, and boxes in sticky `/tmp`.
const PLAIN: &str = "/tmp /tmp-inst/ user root\n";
const BOXES: &str = "/tmp /srv/box/%{UID} user root\n";
const STICKY: &str = TEMPLATE.conf;
const LINK: &str = "a symbolic link stands there; only root's links in directories that only root can write are \
     followed";

/// alice is refused after root has done this.
#[track_caller]
fn alice_is_refused(conf: &str, setup: &str, sentence: &str) {
    World::with(Module::Ours).conf(conf).run(|w| {
        w.sh(setup).ok();
        let host = Caller::now().mountinfo;
        for cwd in ["/", "/home/alice"] {
            w.visitor("alice").cwd(cwd).attempt().is_refused(Code::SESSION_ERR, sentence);
        }
        assert_eq!(Caller::now().mountinfo, host);
    });
}

#[test]
fn a_missing_or_unreadable_configuration() {
    World::with(Module::Ours).run(|w| {
        let file = "/etc/security/namespace.conf";
        for (setup, object, reason) in [
            ("true", file, "No such file or directory (ENOENT)"),
            (
                "ln -s /nowhere /etc/security/namespace.conf",
                file,
                "No such file or directory (ENOENT)",
            ),
            (
                "rm /etc/security/namespace.conf; mkdir /etc/security/namespace.conf",
                file,
                "Is a directory (EISDIR)",
            ),
            (
                "rmdir /etc/security/namespace.conf; touch /etc/security/namespace.conf
                 ln -s /nowhere /etc/security/namespace.d/x.conf",
                "/etc/security/namespace.d/x.conf",
                "No such file or directory (ENOENT)",
            ),
        ] {
            w.sh(setup).ok();
            for args in ["", "ignore_config_error"] {
                w.set_args(args);
                let sentence = format!("unable to read {object}: {reason}");
                w.attempt("alice").is_refused(Code::SESSION_ERR, &sentence);
            }
        }
    });
}

/// "Errors carry file, line, column and what was expected."
#[test]
fn a_bad_line_is_refused_with_its_place_or_passed_over_when_asked() {
    const METHODS: &str = "is not a method; the methods are user, context, level, tmpdir and tmpfs";
    for (line, column, message) in [
        ("/tmp", 5, "the instance prefix is missing; expected polydir, instance prefix, method"),
        ("/tmp /i/", 9, "the method is missing; expected polydir, instance prefix, method"),
        ("/tmp /i/ uesr root", 10, &format!("\"uesr\" {METHODS}")),
        ("/tmp /i/ User", 10, &format!("\"User\" {METHODS}")),
        ("/tmp /i/ \"\"", 10, &format!("\"\" {METHODS}")),
        ("tmp /i/ user", 1, "polydir \"tmp\" must start with /"),
        ("/tmp i/ user", 6, "instance prefix \"i/\" must start with /"),
        ("/tmp /i/../ user", 6, "instance prefix \"/i/../\" must not contain .."),
        ("/ /i/ user", 1, "polydir \"/\" is not a directory below /"),
        ("/tmp /i/ user ~9:1", 16, "\"9:1\" starts above its end"),
        (
            "/tmp /i/%{PID} user",
            9,
            "\"%{PID}\" is not a variable; the variables are %{UID}, %{USER}, %{GID} and %{HOME}",
        ),
        ("/d /i/ user:create=0755,mallory", 25, "there is no user \"mallory\""),
    ] {
        World::with(Module::Ours).conf(&format!("# a comment\n\n{line}\n{PLAIN}")).run(|w| {
            let sentence = format!("/etc/security/namespace.conf:3:{column}: {message}");
            w.attempt("alice").is_refused(Code::SESSION_ERR, &sentence);
            assert!(!w.exists("/tmp-inst"), "the line below it was obeyed");
            w.set_args("ignore_config_error");
            let attempt = w.attempt("alice");
            assert_eq!(attempt.code, Code::SUCCESS);
            let said: Vec<_> = attempt.log.iter().map(|line| line.words()).collect();
            assert_eq!(said, [format!("ignored: {sentence}")]);
            assert!(attempt.after.mounts().top_at("/tmp").is_some(), "the line below it counts");
        });
    }
}

/// pam_namespace(8): "the instance parents must be owned by root and their mode must be 000"; a
/// template's "root-owned, a real directory, no group or other write". "A wrong parent that root
/// owns, or in a root-only place, is refused."
#[test]
fn an_instance_parent_that_is_not_roots_alone() {
    let hidden = "it must belong to root with mode 000, but has owner";
    let listed = "it must belong to root, and nobody else may write it, but has owner";
    for (conf, parent, setup, reason) in [
        (PLAIN, "/tmp-inst", "mkdir -m 755 P", format!("{hidden} 0 and mode 0755")),
        (PLAIN, "/tmp-inst", "mkdir -m 0 P; chown bob P", format!("{hidden} 1002 and mode 0000")),
        (PLAIN, "/tmp-inst", "mkdir -m 1 P", format!("{hidden} 0 and mode 0001")),
        (PREFIX.conf, "/tmp/tmp-inst", "mkdir -m 700 P", format!("{hidden} 0 and mode 0700")),
        (BOXES, "/srv/box", "mkdir -m 755 P; chown bob P", format!("{listed} 1002 and mode 0755")),
        (
            BOXES,
            "/srv/box",
            "mkdir -m 755 P; chown alice P",
            format!("{listed} 1001 and mode 0755"),
        ),
        (BOXES, "/srv/box", "mkdir -m 775 P", format!("{listed} 0 and mode 0775")),
        (BOXES, "/srv/box", "mkdir -m 1777 P", format!("{listed} 0 and mode 1777")),
        (STICKY, "/tmp/user_tmpl", "mkdir -m 775 P", format!("{listed} 0 and mode 0775")),
        (PLAIN, "/tmp-inst", "ln -s /etc P; chown -h bob P", LINK.to_owned()),
        (BOXES, "/srv/box", "mkdir /opt/b; ln -s /opt/b P; chown -h bob P", LINK.to_owned()),
        (BOXES, "/srv/box", "touch P", "it is not a directory".to_owned()),
        (BOXES, "/srv/box", "mkfifo P", "it is not a directory".to_owned()),
    ] {
        let sentence = format!("unable to open instance parent {parent}: {reason}");
        alice_is_refused(conf, &format!("umask 022; {}", setup.replace('P', parent)), &sentence);
    }
    alice_is_refused(
        "/tmp /srv/a/b/ user root\n",
        "true",
        "unable to open instance parent /srv/a/b: No such file or directory (ENOENT); only its \
         last component is made; make the directory above it",
    );
}

/// "root's links in root-only directories are followed and nothing else is"
#[test]
fn an_instance_parent_that_roots_link_leads_to_is_used() {
    for (conf, link, mode) in [(PLAIN, "/tmp-inst", "0"), (BOXES, "/srv/box", "755")] {
        World::with(Module::Ours).conf(conf).run(|w| {
            w.sh(&format!("mkdir -m {mode} /opt/there; ln -s /opt/there {link}")).ok();
            w.login("alice").sh("touch /tmp/file").ok();
            assert_eq!(w.sh("find /opt/there -name file | wc -l").ok(), "1");
        });
    }
}

/// "an existing instance that is a link or not a directory is refused"
#[test]
fn an_instance_that_is_no_directory_in_a_prefix_layout() {
    for (setup, reason) in [
        ("ln -s /etc I", LINK),
        ("ln -s /tmp-inst/bob I", LINK),
        ("touch I", "it is not a directory"),
        ("mkfifo I", "it is not a directory"),
    ] {
        let setup = format!(
            "mkdir -p /tmp-inst/bob; {}; chmod 0 /tmp-inst",
            setup.replace('I', "/tmp-inst/alice")
        );
        alice_is_refused(
            PLAIN,
            &setup,
            &format!("unable to open instance /tmp-inst/alice: {reason}"),
        );
    }
    // Any real one is accepted: scripts change them on purpose.
    World::with(Module::Ours).conf(PLAIN).run(|w| {
        w.sh("mkdir -p /tmp-inst/alice; chown alice:alice /tmp-inst/alice; chmod 700 /tmp-inst/alice; chmod 0 /tmp-inst").ok();
        assert_eq!(w.login("alice").sh("stat -c '%a %U' /tmp").ok(), "700 alice");
        assert_eq!(w.said(), [""; 0]);
    });
}

/// "a half-made one (0400 root, empty) is completed"
#[test]
fn a_half_made_instance_is_finished_with_one_line() {
    World::with(Module::Ours).conf(PLAIN).run(|w| {
        w.sh("mkdir -p /tmp-inst/alice; chmod 400 /tmp-inst/alice; chmod 0 /tmp-inst").ok();
        w.login("alice").sh("touch /tmp/file").ok();
        assert_eq!(w.mode("/tmp-inst/alice"), 0o1777);
        assert_eq!(
            w.said(),
            ["/tmp-inst/alice: left unfinished by an interrupted login, finished"]
        );
    });
}

#[test]
fn a_polydir_that_is_missing_or_no_directory() {
    let missing = "No such file or directory (ENOENT); make it, or use the flag create";
    for (polydir, setup, reason) in [
        ("/data", "true", missing),
        ("/data/deep", "true", missing),
        ("/data", "ln -s /nowhere /data", missing),
        ("/data", "touch /data", "it is not a directory"),
        ("/data", "mkfifo /data", "it is not a directory"),
        ("/data", "ln -s /data /data", "Too many symbolic links encountered (ELOOP)"),
        ("/data", "ln -s /srv /data; chown -h bob /data", LINK),
        ("/tmp/data", "ln -s /srv /tmp/data", LINK),
        ("/tmp/data", "ln -s /srv /tmp/data; chown -h bob /tmp/data", LINK),
        ("/home/bob/link/x", "mkdir /srv/x; ln -s /srv /home/bob/link", LINK),
    ] {
        // After a line that has been obeyed by then: there is a mount to undo.
        let conf = format!("/var/tmp /var-inst/ user root\n{polydir} /tmp-inst/ user root\n");
        alice_is_refused(&conf, setup, &format!("unable to open polydir {polydir}: {reason}"));
    }
}

#[test]
fn a_caller_without_cap_sys_admin() {
    for example in FOUR {
        World::with(Module::Ours).conf(example.conf).run(|w| {
            let sentence = "unable to unshare the mount namespace: Operation not permitted \
                            (EPERM); it needs CAP_SYS_ADMIN";
            let attempt = w.visitor("alice").first(give_up_sys_admin).attempt();
            attempt.is_refused(Code::SESSION_ERR, sentence);
            assert!(!w.exists(example.places[0].parent));
            let root = w.visitor("root").first(give_up_sys_admin).attempt();
            assert_eq!((root.code, root.log.len()), (Code::SUCCESS, 0), "root is exempt");
        });
    }
}

#[test]
fn a_host_that_has_no_namespace_left() {
    World::with(Module::Ours).conf(PLAIN).run(|w| {
        w.sh("mount -t proc proc /mnt").ok();
        // In a user namespace of its own the limit is the caller's own, too.
        let limit = || {
            unshare(CloneFlags::CLONE_NEWUSER).unwrap();
            fs::write("/proc/self/uid_map", "0 0 1").unwrap();
            fs::write("/mnt/sys/user/max_mnt_namespaces", "0").unwrap();
        };
        let sentence = "unable to unshare the mount namespace: No space left on device (ENOSPC); \
                        see /proc/sys/user/max_mnt_namespaces";
        w.visitor("alice").first(limit).attempt().is_refused(Code::SESSION_ERR, sentence);
        w.login("alice");
    });
}

/// What a login is answered in a process without /proc, and where the process was before and after.
fn login_without_proc(w: &World, first: impl FnOnce()) -> (Code, Caller, Caller) {
    let (go, done) = ("/run/go", "/run/done");
    let login = rtmp_tests::process::start(|| {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        w.sh("mount --make-rprivate / && umount -l /proc").ok();
        let mut pam = rtmp_tests::Pam::start("rtmp", "alice").unwrap();
        first();
        // A file would be open for a moment.
        fs::create_dir(done).unwrap();
        while !w.exists(go) {}
        let code = pam.open_session();
        fs::remove_dir(done).unwrap();
        while w.exists(go) {}
        code
    });
    while !w.exists(done) {}
    let before = Caller::of(login.pid());
    w.write(go, "");
    while w.exists(done) {}
    let mut after = Caller::of(login.pid());
    // syslog's own.
    after.descriptors.retain(|fd, _| before.descriptors.contains_key(fd));
    fs::remove_file(go).unwrap();
    (login.join(), before, after)
}

/// "Root, cwd and the mount namespace are opened before `unshare` (one of them missing: refuse
/// there)": before Linux 6.11 it is /proc alone that has the namespace. The calls before the newer
/// ones lead through it, too.
#[test]
fn a_caller_without_proc_on_an_older_kernel() {
    for (missing, file) in [
        (libc::SYS_pidfd_open, "/proc/thread-self/ns/mnt"),
        (libc::SYS_openat2, "/proc/self/fd"),
        (libc::SYS_open_tree, "/proc/self/fd"),
        (libc::SYS_move_mount, "/proc/self/fd"),
        (libc::SYS_statx, "/proc/self/fd"),
    ] {
        World::with(Module::Ours).conf(PLAIN).run(|w| {
            let no_way_back = is_older_than((6, 11)) || Lacking::here().contains("pidfd_open");
            let file = if no_way_back { "/proc/thread-self/ns/mnt" } else { file };
            let older = || lacks(&[missing], Errno::ENOSYS);
            let (code, before, after) = login_without_proc(w, older);
            assert_eq!(before, after);
            assert_eq!(code, Code::SESSION_ERR);
            let reason = "No such file or directory (ENOENT); /proc must be mounted";
            assert_eq!(w.said(), [format!("unable to open {file}: {reason}")]);
        });
    }
}

/// Since Linux 6.11 the kernel itself has the way back, and a session or a refusal needs no /proc.
#[test]
fn a_caller_without_proc_on_a_newer_kernel() {
    let second_fails = "/tmp /tmp-inst/ user root\n/data /tmp-inst/ user root\n";
    for (conf, code) in [(PLAIN, Code::SUCCESS), (second_fails, Code::SESSION_ERR)] {
        World::with(Module::Ours).conf(conf).run(|w| {
            let (answer, before, after) = login_without_proc(w, || {});
            let code = if is_older_than((6, 11)) { Code::SESSION_ERR } else { code };
            assert_eq!(answer, code, "{:#?}", w.said());
            assert_eq!(before == after, code == Code::SESSION_ERR);
        });
    }
}

/// "User names `.`, `..`, with `/` or NUL, or empty are refused."
#[test]
fn a_user_who_is_unknown_or_whose_name_is_no_name() {
    let no_name = "the name is empty, . or .., or holds a slash or a NUL byte";
    for (user, code, reason) in [
        ("mallory", Code::USER_UNKNOWN, "there is no such user"),
        ("..", Code::SESSION_ERR, no_name),
        (".", Code::SESSION_ERR, no_name),
        ("a/b", Code::SESSION_ERR, no_name),
        ("../bob", Code::SESSION_ERR, no_name),
        ("/", Code::SESSION_ERR, no_name),
        ("", Code::SESSION_ERR, no_name),
    ] {
        for conf in [PLAIN, BOXES] {
            World::with(Module::Ours).conf(conf).run(|w| {
                if code == Code::SESSION_ERR {
                    // There is such a user, so it is the name and nothing else.
                    w.sh(&format!("echo '{user}:x:1500:1500::/:/bin/sh' >> /etc/passwd")).ok();
                }
                let visitor: Visitor<'_> = w.visitor(user);
                let sentence = format!("unable to open a session for user \"{user}\": {reason}");
                visitor.attempt().is_refused(code, &sentence);
                assert_eq!(w.sh("ls -A /tmp-inst /srv 2>/dev/null").out.trim(), "/srv:");
            });
        }
    }
}

/// A cwd below the directories in question, or gone, is the same one after a refusal.
#[test]
fn a_refused_caller_stands_where_it_stood() {
    let conf = "/tmp /tmp-inst/ user root\n/data /tmp-inst/ user root\n";
    World::with(Module::Ours).conf(conf).run(|w| {
        w.sh("mkdir -p /tmp/below /tmp/gone; rmdir /tmp-inst 2>/dev/null || true").ok();
        for cwd in ["/", "/tmp", "/tmp/below", "/var/tmp", "/home/alice"] {
            let attempt = w.visitor("alice").cwd(cwd).attempt();
            assert_eq!((attempt.code, attempt.close), (Code::SESSION_ERR, Code::PERM_DENIED));
            assert_eq!(attempt.before, attempt.after, "{cwd}");
        }
        let leave = || fs::remove_dir("/tmp/gone").unwrap();
        let attempt = w.visitor("alice").cwd("/tmp/gone").first(leave).attempt();
        assert_eq!(attempt.before, attempt.after);
    });
}
