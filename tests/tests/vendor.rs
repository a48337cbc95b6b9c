//! A distribution that keeps its own files apart from the administrator's: `RTMP_VENDOR_DIR`, set
//! when the module is built.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rtmp_tests::module::VENDOR_DIR;
use rtmp_tests::world::{Blueprint, CONF};
use rtmp_tests::{Code, Module, World};

/// What the distribution ships, as paths in its directory and what is in the files.
type Shipped<'a> = &'a [(&'a str, &'a str)];

const MAIN: (&str, &str) = ("namespace.conf", "/tmp /tmp-inst/ user root\n");

/// The root of a package: `/usr/share` with these files in the vendor's directory.
struct Package(PathBuf);

impl Package {
    fn of(name: &str, shipped: Shipped<'_>) -> Self {
        let root = PathBuf::from(concat!(env!("CARGO_TARGET_TMPDIR"), "/vendor")).join(name);
        // What an earlier run left.
        let _ = fs::remove_dir_all(&root);
        for (path, text) in shipped {
            let path = root.join("pam/security").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        Self(root)
    }

    fn world(&self) -> Blueprint {
        World::with(Module::Ours).with_vendor_dir(&self.0)
    }
}

/// The polydirs that alice's session has, in the order of the rules.
fn private(w: &World) -> Vec<String> {
    let login = w.login("alice");
    let host = login.before.mounts();
    let new = login.after.mounts().0.into_iter().filter(|mount| host.at(&mount.target).is_empty());
    new.map(|mount| format!("{} is {}", mount.target, mount.root)).collect()
}

/// namespace.conf(5): the vendor's `namespace.conf` counts where the administrator has none; of
/// files of one name in both `namespace.d` the administrator's counts, in the order of names.
#[test]
fn the_vendor_s_files_fill_up_the_administrator_s() {
    let shipped = [
        MAIN,
        ("namespace.d/10.conf", "/srv/ten /ten/ user\n"),
        ("namespace.d/30.conf", "/srv/thirty /thirty/ user\n"),
        ("namespace.d/40.conf", "/srv/forty /forty/ user\n"),
    ];
    Package::of("files", &shipped).world().run(|w| {
        w.sh("mkdir /srv/ten /srv/twenty /srv/mine").ok();
        w.write("/etc/security/namespace.d/20.conf", "/srv/twenty /twenty/ user\n");
        w.write("/etc/security/namespace.d/30.conf", "/srv/mine /mine/ user\n");
        w.write("/etc/security/namespace.d/40.conf", "");
        let rest =
            ["/srv/ten is /ten/alice", "/srv/twenty is /twenty/alice", "/srv/mine is /mine/alice"];
        assert_eq!(private(w), [&["/tmp is /tmp-inst/alice"], &rest[..]].concat());
        // An empty file of the administrator's is one.
        w.write(CONF, "");
        assert_eq!(private(w), rest);
        w.write(CONF, "/var/tmp /vt/ user\n");
        assert_eq!(private(w), [&["/var/tmp is /vt/alice"], &rest[..]].concat());
    });
}

#[test]
fn the_vendor_s_script_runs_where_the_administrator_has_none() {
    let script = ("namespace.init", "#!/bin/sh\necho vendor $1 >> /srv/ran\n");
    Package::of("script", &[MAIN, script]).world().run(|w| {
        w.sh("rm -f /etc/security/namespace.init").ok();
        drop(w.login("alice"));
        assert_eq!(w.read("/srv/ran"), "vendor /tmp\n");
        w.write("/etc/security/namespace.init", "#!/bin/sh\necho mine $1 > /srv/ran\n");
        w.sh("chmod 755 /etc/security/namespace.init").ok();
        drop(w.login("alice"));
        assert_eq!(w.read("/srv/ran"), "mine /tmp\n");
    });
}

/// "iscript=path: without a leading / it is in /etc/security/namespace.d"; never the vendor's.
#[test]
fn a_script_that_a_rule_names_is_the_administrator_s() {
    let rule = ("namespace.conf", "/tmp /tmp-inst/ user:iscript=mine root\n");
    let script = ("namespace.d/mine", "#!/bin/sh\ntouch /srv/ran\n");
    Package::of("iscript", &[rule, script]).world().run(|w| {
        drop(w.login("alice"));
        assert!(!w.exists("/srv/ran"));
    });
}

#[test]
fn no_file_in_either_place_refuses_the_login() {
    Package::of("none", &[("namespace.d/10.conf", "/tmp /t/ user\n")]).world().run(|w| {
        let why = format!("unable to read {VENDOR_DIR}/namespace.conf: No such file or directory");
        w.visitor("alice").attempt().is_refused(Code::SESSION_ERR, &format!("{why} (ENOENT)"));
    });
}

/// As Debian builds it.
#[test]
fn a_module_without_a_vendor_directory_reads_none() {
    let package = Package::of("debian", &[MAIN]);
    World::with(Module::Ours).layer(&package.0, "/usr/share").run(|w| {
        let why = format!("unable to read {CONF}: No such file or directory (ENOENT)");
        w.visitor("alice").attempt().is_refused(Code::SESSION_ERR, &why);
    });
}
