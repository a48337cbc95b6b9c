//! docs/rtmpctl.md: what its examples show is what the commands say.
#![allow(clippy::expect_used, clippy::indexing_slicing)]

mod host;

use host::{RTMPCTL, TEMPLATES, make_box};
use rtmp_tests::World;

const DOCUMENT: &str = include_str!("../../docs/rtmpctl.md");

/// The commands whose examples come from this one host, in the order in which they are shown.
const COMMANDS: [&str; 8] =
    ["status", "list", "du", "verify", "clean", "exec", "host", "privatetmp enable"];

/// `(command line, what it said)` of each example.
fn examples() -> Vec<(&'static str, &'static str)> {
    let blocks = DOCUMENT.split("```console\n# rtmpctl ").skip(1);
    let parts = blocks.filter_map(|block| block.split("```").next()?.split_once('\n'));
    let is_ours =
        |(line, _): &(&str, &str)| COMMANDS.iter().any(|command| line.starts_with(command));
    parts.filter(is_ours).collect()
}

/// Numbers of processes and ages differ from day to day, and so does what the distribution keeps in
/// its own pam.d; widths go with them.
fn likeness(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("call pam_rtmp.so"));
    let without_numbers = |line: &str| {
        let mut shown = String::new();
        for c in line.chars() {
            match c {
                '0'..='9' if shown.ends_with('0') => {}
                '0'..='9' => shown.push('0'),
                c => shown.push(c),
            }
        }
        shown.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    lines.map(|line| without_numbers(line) + "\n").collect()
}

/// alice is logged in twice, bob was, carol's shell is older than the rules, and 1777 is deleted.
fn live(w: &World) -> Vec<(String, String)> {
    w.sh_as("carol", "sleep 60 >/dev/null 2>&1 &").ok();
    let (alice, _again) = (w.login("alice"), w.login("alice"));
    alice.sh("head -c 3000000 /dev/zero > /tmp/build.log; sleep 60 >/dev/null 2>&1 &").ok();
    assert!(w.attempt("bob").code == rtmp_tests::Code::SUCCESS);
    make_box("/tmp/user_tmpl", 1777, "tmp");
    w.sh("head -c 90000 /dev/zero > /tmp/user_tmpl/1777/tmp/core").ok();
    host::systemd(w);
    let ask = |(line, _): &(&str, &str)| {
        let said = w.sh(&format!("PATH=/opt/systemd:$PATH; {RTMPCTL} {line}"));
        ((*line).to_owned(), said.out + &said.err)
    };
    examples().iter().map(ask).collect()
}

#[test]
fn every_example_shows_what_the_command_says() {
    let said = host::with(TEMPLATES).run(live);
    let lines: Vec<_> = said.iter().map(|(line, _)| line.as_str()).collect();
    for command in COMMANDS {
        assert!(lines.iter().any(|line| line.starts_with(command)), "{command} has no example");
    }
    for ((line, shown), (_, said)) in examples().iter().zip(&said) {
        assert_eq!(likeness(shown), likeness(said), "rtmpctl {line}\n{said}");
    }
}
