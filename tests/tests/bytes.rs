//! A configuration file may hold any bytes, and so may a user's name and a path: nothing panics,
//! nothing loops, and what is shown means what was read.
//!
//! Made at random, anew in each run; a failure prints the smallest bytes that show it. The words
//! are the grammar's own as often as not, since few random bytes are a rule. `tests/fuzz` looks for
//! such bytes by what they reach in the parser, and its corpus is tried here.

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rtmp_tests::figures::report;

#[path = "bytes/properties.rs"]
mod properties;

use properties::{
    a_file_means_what_its_lines_mean, a_plan_is_made_or_refused, two_polydirs_have_two_names,
    what_is_shown_means_the_same,
};

/// Parts of lines; joined without regard for what they are.
const PIECES: [&str; 52] = [
    "/tmp",
    "/var/tmp",
    "/tmp-inst/",
    "/tmp/user_tmpl/",
    "%{UID}",
    "%{USER}",
    "%{GID}",
    "%{HOME}",
    "%{",
    "}",
    "$HOME",
    "$USER",
    "/",
    "//",
    "..",
    "/.",
    " ",
    "\t",
    "\r",
    "\n",
    "\"",
    "\\",
    "#",
    "\0",
    "user",
    "context",
    "level",
    "tmpdir",
    "tmpfs",
    ":",
    "=",
    ",",
    "create",
    "create=0755,bob,web",
    "iscript=",
    "noinit",
    "shared",
    "flat",
    "mntopts=",
    "nosuid,nodev",
    "size=5%",
    "level:level,root",
    "level=root,root",
    "~",
    "root",
    "@students",
    "1:999",
    ":9",
    "5:",
    "nobody answers",
    "0x1ff",
    "99999999999999999999",
];

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        6 => select(&PIECES[..]).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => vec(any::<u8>(), 0..6),
    ]
}

/// A line that is likely to be a rule: three or four words.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let word = |start: &'static [&'static str]| {
        (select(start), vec(piece(), 0..3))
            .prop_map(|(start, rest)| [start.as_bytes(), &rest.concat()].concat())
    };
    let polydir = word(&["/tmp", "$HOME", "/\"", "/a\\ b", "/"]);
    let prefix = word(&["/i/", "/t/%{UID}", "$HOME/$USER.inst/", "/"]);
    let method = word(&["user", "level", "context", "tmpdir", "tmpfs", "level:", "user:create="]);
    let list = word(&["", "root", "~", "@students", "1:9", "\""]);
    (polydir, prefix, method, list)
        .prop_map(|(polydir, prefix, method, list)| [polydir, prefix, method, list].join(&b' '))
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(line(), 0..5).prop_map(|lines| lines.join(&b'\n')),
        vec(piece(), 0..40).prop_map(|pieces| pieces.concat()),
        vec(any::<u8>(), 0..300),
    ]
}

fn path() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![select(&b"/-\\x2d5c.a"[..]), any::<u8>()], 0..90)
        .prop_map(|path| [b"/", &path[..]].concat())
}

/// Under Miri each takes a second.
const CASES: u32 = if cfg!(miri) { 8 } else { 1000 };

fn with_any<S: Strategy>(bytes: S, property: fn(S::Value)) {
    let long = std::env::var_os("RTMP_LONG").is_some();
    let cases = if long { CASES * 100 } else { CASES };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    proptest::test_runner::TestRunner::new(config)
        .run(&bytes, |bytes| {
            property(bytes);
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn any_file_means_what_its_lines_mean() {
    with_any(text(), |text| a_file_means_what_its_lines_mean(&text));
}

#[test]
fn what_is_shown_of_any_file_means_the_same() {
    with_any(text(), |text| what_is_shown_means_the_same(&text));
}

#[test]
fn whoever_logs_in_a_plan_is_made_or_refused() {
    let name = || vec(prop_oneof![select(&b"a.:/~\\-_ \n"[..]), any::<u8>()], 0..60);
    let login = (text(), name(), path());
    with_any(login, |(text, user, home)| a_plan_is_made_or_refused(&text, &user, &home));
}

#[test]
fn any_two_polydirs_have_two_names() {
    let pair = (path(), path(), any::<bool>());
    with_any(pair, |(one, other, alike)| {
        // Two that differ in how they spell a dash, or not at all.
        let respelled = || String::from_utf8_lossy(&one).replace('-', "\\x2d").into_bytes();
        two_polydirs_have_two_names(&one, &if alike { respelled() } else { other });
    });
}

/// Most lines of a run must be rules, or the tests above would try little.
#[test]
#[cfg_attr(miri, ignore = "it counts, and looks at nothing new")]
fn random_lines_are_often_rules() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let is_rule = |_: &u32| {
        let text = line().new_tree(&mut runner).unwrap().current();
        let mut rules = rtmp_core::conf::Rules::default();
        rules.add(Path::new("c"), &text);
        !rules.rules.is_empty()
    };
    let rules = (0..1000).filter(is_rule).count();
    report(&format!("property tests: {CASES} cases each, {rules} of 1000 lines are rules"));
    assert!(rules > 200, "{rules}");
}

/// What the fuzzer kept.
#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn the_corpus_of_the_fuzzer_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut seen = 0;
    for target in ["lines", "files"] {
        for entry in fs::read_dir(corpus.join(target)).unwrap() {
            let text = fs::read(entry.unwrap().path()).unwrap();
            a_file_means_what_its_lines_mean(&text);
            what_is_shown_means_the_same(&text);
            a_plan_is_made_or_refused(&text, b"alice", b"/home/alice");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}
