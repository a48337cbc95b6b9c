//! docs/migration.md shows what `rtmpctl` says: its example is run, and `RTMP_BLESS=1` writes the
//! answers.
#![allow(clippy::expect_used, clippy::panic)]

mod world;

use std::fs;

use world::World;

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/migration.md");

/// The block that starts with this line.
fn block<'a>(text: &'a str, language: &str, line: &str) -> &'a str {
    let start = format!("```{language}\n");
    let mut blocks = text.split(&start).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.starts_with(line)).unwrap_or_else(|| panic!("no block {line:?}"))
}

/// The host of the example.
fn host(text: &str) -> World {
    let world = World::with(block(text, "conf", "# /etc/security/namespace.conf\n"));
    world.dir("/srv/a", 0, 0o755).dir("/srv/b", 0, 0o755).dir("/srv/inst", 0, 0);
    world.file("/etc/pam.d/su", "session required pam_namespace.so unmnt_remmt\n");
    world
}

/// An answer without what is said of a tmpfs, which the ground of this test may be, and without the
/// count of it.
fn solid(answer: &str) -> Vec<&str> {
    let mut of_tmpfs = false;
    let stays = |line: &&str| {
        of_tmpfs = line.contains("on a tmpfs") || of_tmpfs && line.starts_with(' ');
        !of_tmpfs && !line.contains(" rules: ")
    };
    answer.lines().filter(stays).collect()
}

#[test]
fn the_answers_in_the_document_are_the_ones_that_rtmpctl_gives() {
    let mut text = fs::read_to_string(DOCUMENT).expect(DOCUMENT);
    let world = host(&text);
    for (line, command, words) in [
        ("$ rtmpctl check --pam-namespace\n", "check", &["--pam-namespace"]),
        ("$ rtmpctl explain bob\n", "explain", &["bob"]),
    ] {
        let said = world.ask(command, words).text.replace("R/", "/");
        let answer = format!("{line}{said}");
        let shown = block(&text, "console", line).to_owned();
        if std::env::var_os("RTMP_BLESS").is_some() {
            text = text.replace(&shown, &answer);
            fs::write(DOCUMENT, &text).expect(DOCUMENT);
        } else {
            assert_eq!(solid(&shown), solid(&answer), "write it with RTMP_BLESS=1");
        }
    }
}
