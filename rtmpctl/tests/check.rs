//! How `rtmpctl check` answers, and what it does where it cannot.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod world;

use std::fs;

use world::{Said, World, rtmpctl};

const TEMPLATES: &str = "/tmp     /tmp/user_tmpl/%{UID}     level root\n\
                         /var/tmp /var/tmp/user_tmpl/%{UID} level root\n";

#[test]
fn a_good_configuration_is_clean() {
    let said = World::with(TEMPLATES).ask("check", &[]);
    assert_eq!(said.status, 0, "{}", said.text);
    assert!(
        said.text.starts_with("2 rules: ") || said.text.contains("on a tmpfs"),
        "{}",
        said.text
    );
}

#[test]
fn a_finding_shows_its_place_its_line_and_what_was_meant() {
    let world = World::with("/tmp /tmp/t/%{UID} level\n\t/var/tmp  /t/\tuesr # x\n");
    let said = world.ask("check", &[]);
    let want = "\
R/etc/security/namespace.conf:2:16: error: \"uesr\" is not a method; the methods are user, context, level, tmpdir and tmpfs
    2 |  /var/tmp  /t/ uesr # x
      |                ^
note: /var/tmp has no rule: all users share it
";
    assert!(said.text.contains(want), "{}", said.text);
    assert!(
        said.text.ends_with("1 rule: 1 error, 1 warning, 1 note\n") || said.text.contains("tmpfs:")
    );
    assert_eq!(said.status, 2);
}

#[test]
fn without_a_configuration_every_login_is_refused() {
    let said = World::new().ask("check", &[]);
    let want = "error: unable to read R/etc/security/namespace.conf: No such file or directory (ENOENT); the module refuses every login\n0 rules: 1 error\n";
    assert_eq!((said.text.as_str(), said.status), (want, 2));
}

#[test]
fn what_cannot_be_read_is_no_finding() {
    let world = World::with(TEMPLATES);
    world.chmod("/etc/security/namespace.conf", 0o600);
    let said = world.ask_as_nobody("check", &[]);
    let want =
        "rtmpctl: unable to read ./etc/security/namespace.conf: Permission denied (EACCES)\n";
    assert_eq!((said.text.as_str(), said.complaint.as_str(), said.status), ("", want, 1));
    let said = world.ask("check", &["/no/such/file"]);
    assert_eq!(
        said.complaint,
        "rtmpctl: unable to read /no/such/file: No such file or directory (ENOENT)\n"
    );
    assert_eq!(said.status, 1);
}

#[test]
fn a_place_that_cannot_be_looked_at_is_said_and_is_status_1() {
    let world = World::with("/secret/x /secret/i/ user root\n");
    world.dir("/secret/x", 0, 0o755).dir("/secret", 0, 0o700);
    let said = world.ask_as_nobody("check", &[]);
    assert!(
        said.text.contains("unknown: polydir /secret/x: could not look: permission denied"),
        "{}",
        said.text
    );
    assert_eq!(said.status, 1);
}

#[test]
fn files_are_checked_as_they_are_named() {
    let world = World::new();
    world.file("/new.conf", "/tmp t tmpfs root\n").file("/more.conf", "/var/tmp t tmpsf\n");
    let (new, more) = (world.path("/new.conf"), world.path("/more.conf"));
    let said = world.ask("check", &[new.to_str().expect("UTF-8"), more.to_str().expect("UTF-8")]);
    assert!(
        said.text.starts_with("R/more.conf:1:12: error: \"tmpsf\" is not a method"),
        "{}",
        said.text
    );
    assert_eq!(
        world.ask("check", &[new.to_str().expect("UTF-8")]).text,
        "1 rule: nothing to report\n"
    );
}

#[test]
fn odd_bytes_do_not_reach_the_reader() {
    let world = World::with(b"/\xff\x1b[2J\\n t tmpfs root,\x1b]0;x\x07\n/tmp \x1b uesr\n");
    for words in [&[][..], &["--json"]] {
        let said = world.ask("check", words);
        let odd = said.bytes.iter().filter(|&&b| b != b'\n' && !(b' '..=b'~').contains(&b)).count();
        assert_eq!(odd, 0, "{}", said.text);
        assert_eq!(said.status, 2);
    }
}

#[test]
fn json_says_the_same() {
    let world = World::with("/tmp /tmp/t/%{UID} level:level,root\n/var/tmp t tmpsf\n");
    let said = world.ask("check", &["--json"]);
    let json = said.json();
    assert_eq!(json["command"], "check");
    assert_eq!((&json["errors"], &json["rules"]), (&1.into(), &1.into()));
    assert_eq!(json["files"], serde_json::json!(["R/etc/security/namespace.conf"]));
    let error =
        json["findings"].as_array().expect("a list").iter().find(|f| f["severity"] == "error");
    assert_eq!(
        error,
        Some(&serde_json::json!({
            "severity": "error", "lint": "line", "note": null,
            "file": "R/etc/security/namespace.conf", "line": 2, "column": 12,
            "message": "\"tmpsf\" is not a method; the methods are user, context, level, tmpdir and tmpfs",
        }))
    );
    assert_eq!(said.status, 2);
}

#[test]
fn a_reader_who_leaves_early_ends_it_quietly() {
    let line = "/tmp /tmp/t/%{UID} user:bogus root\n";
    let world = World::with(line.repeat(50));
    let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).expect("a pipe");
    drop(reader);
    let output = rtmpctl()
        .args(["check", "--root"])
        .arg(world.path("/"))
        .stdout(writer)
        .output()
        .expect("rtmpctl runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_full_disk_is_said() {
    let world = World::with(TEMPLATES);
    let full = fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let mut command = rtmpctl();
    command.args(["check", "--root"]).arg(world.path("/")).stdout(full);
    let output = command.output().expect("rtmpctl runs");
    let want = "rtmpctl: unable to print: No space left on device (ENOSPC)\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), want);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_command_line_that_makes_no_sense_is_status_64() {
    for words in [&["chekc"][..], &["explain"], &["check", "--jsno"], &[]] {
        assert_eq!(Said::of(rtmpctl().args(words), None).status, 64, "{words:?}");
    }
    for command in ["check", "explain", "show", "completions"] {
        let said = Said::of(rtmpctl().args([command, "--help"]), None);
        assert!(said.text.contains("Example") && said.status == 0, "{}", said.text);
    }
}

#[test]
fn a_thousand_rules_are_checked_in_a_few_seconds() {
    let conf: String = (0..1000).map(|n| format!("/p{n} /i/%{{UID}} user:create root\n")).collect();
    let world = World::with(conf);
    let start = std::time::Instant::now();
    assert_eq!(world.ask("check", &[]).status, 0);
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
