//! The manual pages are current and clean, and every example in them runs.
#![allow(clippy::unwrap_used)]

mod host;

use std::fs;
use std::process::Command;

use host::{RTMPCTL, TEMPLATES};
use rtmp_tests::World;

const MAN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/man");

/// `RTMP_BLESS=1` writes it.
#[test]
fn rtmpctl_8_is_what_the_definitions_of_the_command_line_make_of_it() {
    let page = Command::new(env!("CARGO_BIN_EXE_rtmpctl")).arg("man").output().unwrap().stdout;
    let path = format!("{MAN}/rtmpctl.8");
    if std::env::var_os("RTMP_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(fs::read(&path).unwrap() == page, "{path} is not current: write it with RTMP_BLESS=1");
}

#[test]
fn every_page_is_clean() {
    for page in fs::read_dir(MAN).unwrap() {
        let page = page.unwrap().path();
        let said = Command::new("mandoc").arg("-Tlint").arg(&page).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        // Which other pages are installed is not the page's fault.
        let faults: Vec<_> =
            said.lines().filter(|line| !line.contains("manual not found")).collect();
        assert_eq!(faults, [""; 0]);
    }
}

/// The names of the commands below this one.
fn commands(w: &World, above: &str) -> Vec<String> {
    let help = w.sh(&format!("{RTMPCTL} {above} --help")).ok();
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty());
    // What is deeper indented goes on with the line before.
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(|name| format!("{above} {name}")).collect()
}

/// The examples of a command: what `--help` shows, and so does the page.
fn examples(w: &World, command: &str) -> Vec<String> {
    let help = w.sh(&format!("{RTMPCTL} {command} --help")).ok();
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with("rtmpctl "));
    // A note follows after two blanks or more.
    lines.map(|line| line.split("  ").next().unwrap_or(line).to_owned()).collect()
}

/// Others' programs that an example calls; what they do with it is their affair.
const OTHERS: [&str; 3] = ["jq", "jcmd", "oscap"];

#[test]
fn every_example_of_the_help_runs() {
    host::with(TEMPLATES).run(|w| {
        host::systemd(w);
        w.sh("mkdir -p /opt/bin /etc/bash_completion.d && touch /root/namespace.conf /root/namespace.conf.new").ok();
        for name in OTHERS {
            w.write(&format!("/opt/bin/{name}"), "#!/bin/sh\ncat >/dev/null\n");
        }
        w.sh(&format!("chmod 755 /opt/bin/*; ln -s {RTMPCTL} /opt/bin/rtmpctl")).ok();
        let alice = w.login("alice");
        let pid = alice.sh("sleep 60 >/dev/null 2>&1 & echo $!").ok();
        let nested = commands(w, "").into_iter().flat_map(|command| {
            let below = commands(w, &command);
            if below.is_empty() { vec![command] } else { below }
        });
        let all: Vec<_> = nested.collect();
        assert!(all.len() > 12, "{all:?}");
        for command in all {
            let examples = examples(w, &command);
            assert!(!examples.is_empty(), "{command} has no example");
            for example in examples {
                let line = example.replace("4711", &pid);
                let line = format!("cd /root; PATH=/opt/bin:/opt/systemd:$PATH; set -o pipefail; {line}");
                let said = w.exec(["bash", "-c", &line]);
                let complaint = said.err.starts_with("rtmpctl: ") || said.err.starts_with("error: ");
                assert!(said.status <= 2 && !complaint, "{example}: {} {}", said.status, said.err);
            }
        }
    });
}
