//! What `rtmpctl show` prints, and that it means the same.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod world;

use world::{Said, World, rtmpctl};

#[test]
fn the_rules_of_all_files_are_shown_in_order_and_in_columns() {
    let world = World::with("/tmp /t/%{UID} level:level,root # x\n\n\"/a b\" t tmpfs:noinitx\n");
    world.file(
        "/etc/security/namespace.d/20.conf",
        "/var/tmp\t/i/ uesr\n/var/tmp  /i/   user ~bob\n",
    );
    world.file("/etc/security/namespace.d/10.conf", "$HOME $HOME/i/ tmpdir:create=755");
    let said = world.ask("show", &[]);
    let want = "\
# R/etc/security/namespace.conf
/tmp     /t/%{UID} level               root
\"/a b\"   t         tmpfs:noinit
# R/etc/security/namespace.d/10.conf
$HOME    $HOME/i/  tmpdir:create=01363
# R/etc/security/namespace.d/20.conf
# line 1: \"uesr\" is not a method; the methods are user, context, level, tmpdir and tmpfs
/var/tmp /i/       user                ~bob
";
    assert_eq!((said.text.as_str(), said.status), (want, 2));
}

#[test]
fn what_is_shown_is_shown_again_as_it_is() {
    let lines: &[u8] = b"/tmp /t/%{UID} level=root,1:9 @adm\n\
        /a\\ \\\"b\\n\\t\\b\\\\ /i/ user:iscript=\"x y\" DOM\\\\bob,\"a b\"\n\
        /\xff\x1b \"/i\\i/\" tmpdir:create=,,web ~\n\
        /c /\"d\x0b\x0c\"/ context:shared:noinit \"\"\n\
        /e x tmpfs:mntopts=size=1m,ro,nosuid root,\n";
    let world = World::new();
    world.file("/one", lines);
    let one = world.ask("show", &[world.path("/one").to_str().expect("UTF-8")]);
    assert_eq!(one.status, 0);
    world.file("/two", &one.bytes);
    let two = world.ask("show", &[world.path("/two").to_str().expect("UTF-8")]);
    let rules = |said: &Said| {
        let lines: Vec<Vec<u8>> = said.bytes.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
        lines.into_iter().filter(|line| !line.starts_with(b"#")).collect::<Vec<_>>()
    };
    assert_eq!(rules(&one), rules(&two));
    assert_eq!(rules(&one).len(), 6, "five rules and the end: {}", one.text);
}

#[test]
fn json_says_the_same() {
    let world = World::with("/tmp /t/%{UID} level=root\n/x\n");
    let said = world.ask("show", &["--json"]);
    let json = said.json();
    assert_eq!(json["rules"][0]["text"], "/tmp /t/%{UID} level root");
    assert_eq!(json["rules"][0]["line"], 1);
    assert_eq!(json["faults"][0]["line"], 2);
    assert_eq!(said.status, 2);
}

#[test]
fn completions_and_the_man_page_know_every_command() {
    for (words, commands) in [
        (&["completions", "bash"][..], ["check", "explain", "show"]),
        (&["completions", "zsh"], ["check", "explain", "show"]),
        (&["completions", "fish"], ["check", "explain", "show"]),
        (&["man"], [".SH \"CHECK\"", ".SH \"EXPLAIN\"", ".SH \"SHOW\""]),
    ] {
        let said = Said::of(rtmpctl().args(words), None);
        assert_eq!(said.status, 0);
        assert!(commands.iter().all(|command| said.text.contains(command)), "{words:?}");
    }
}
