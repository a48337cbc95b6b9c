//! Real su and sudo inside carol's session.

use rtmp_tests::programs::su_login;
use rtmp_tests::twin::{Twin, newest};
use rtmp_tests::{Module, Shell, World};

/// What is mounted on `/tmp`, the lowest first, and where the program stands.
const LOOK: &str =
    r"grep -o '[^ ]* /tmp ' /proc/self/mountinfo | sed 's/ .*//' | tr '\n' ' '; echo; pwd";

/// The four ways from carol to bob, and sudo's to root, each as `MOUNTS on /tmp in DIRECTORY`. All
/// are programs, so that each runs with the libpam of its world.
fn ways(w: &World) -> Vec<String> {
    w.write("/srv/look", LOOK);
    let mut carol = Shell::start(su_login("carol", ""));
    carol.sh("cd /tmp").ok();
    [
        "echo secret | su bob -c 'sh /srv/look'",
        "echo secret | su - bob -c 'sh /srv/look'",
        "sudo -n -u bob sh /srv/look",
        "sudo -n -i -u bob sh /srv/look",
        "sudo -n -u root sh /srv/look",
    ]
    .map(|way| {
        let out = carol.sh(way).ok();
        let out = out.trim().strip_prefix("Password:").unwrap_or(&out).trim_start_matches(' ');
        let (mounts, cwd) = out.split_once('\n').unwrap_or(("", out));
        format!("{}in {}", if mounts.is_empty() { "the host's " } else { mounts }, cwd.trim())
    })
    .to_vec()
}

fn compare(conf: &str, args: &str, ours: [&str; 5], theirs: [&str; 5]) {
    let play = |twin: Twin| twin.host().conf(conf).args(args).run(ways);
    assert_eq!(play(Twin::Ours), ours, "ours, {args:?}");
    for reference in Twin::REFERENCES {
        assert_eq!(play(reference), theirs, "{reference:?}, {args:?}");
    }
}

const OUTSIDE: &str = "/tmp /tmp-inst/ user root\n";
const INSIDE: &str = "/tmp /tmp/tmp-inst/ user root\n";

/// D-3 and D-4.
#[test]
fn su_and_sudo_in_a_session_without_unmnt_remnt() {
    let bob = "/tmp-inst/bob in /tmp";
    let at_home = "/tmp-inst/bob in /home/bob";
    let nested = "/tmp-inst/carol /tmp-inst/bob in /tmp";
    let nested_at_home = "/tmp-inst/carol /tmp-inst/bob in /home/bob";
    compare(
        OUTSIDE,
        "",
        [bob, at_home, bob, at_home, "/tmp-inst/carol in /tmp"],
        [nested, nested_at_home, nested, nested_at_home, "/tmp-inst/carol in /tmp"],
    );
    let bob = "/tmp/tmp-inst/bob in /tmp";
    let at_home = "/tmp/tmp-inst/bob in /home/bob";
    let carol = "/tmp/tmp-inst/carol";
    let nested = &format!("{carol} {carol}/tmp-inst/bob in /tmp");
    let nested_at_home = &format!("{carol} {carol}/tmp-inst/bob in /home/bob");
    let root = &format!("{carol} in /tmp");
    compare(
        INSIDE,
        "",
        [bob, at_home, bob, at_home, root],
        [nested, nested_at_home, nested, nested_at_home, root],
    );
}

/// The same but for D-4: the working directory.
#[test]
fn su_and_sudo_in_a_session_with_unmnt_remnt() {
    for (conf, instance) in [(OUTSIDE, "/tmp-inst/bob"), (INSIDE, "/tmp/tmp-inst/bob")] {
        let is_in = |dir| format!("{instance} in {dir}");
        let (tmp, root, home) = (&is_in("/tmp"), &is_in("/"), &is_in("/home/bob"));
        compare(
            conf,
            "unmnt_remnt",
            [tmp, home, tmp, home, "the host's in /tmp"],
            [root, home, root, home, "the host's in /"],
        );
    }
}

#[test]
fn the_newest_reference_is_the_one_that_is_called() {
    let libraries = Module::Theirs.file().ancestors().nth(2).unwrap().to_owned();
    let theirs = newest().join("root").join(libraries.strip_prefix("/").unwrap());
    for name in ["security/pam_namespace.so", "libpam.so.0", "libc.so.6"] {
        let expected = std::fs::read(theirs.join(name)).unwrap();
        let path = libraries.join(name);
        assert_ne!(std::fs::read(&path).unwrap(), expected, "{name}");
        assert!(Twin::Newest.host().run(|_| std::fs::read(&path).unwrap() == expected), "{name}");
    }
}
