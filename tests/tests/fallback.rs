//! The whole session suite, once more, in worlds whose kernel lacks the newer calls ([`Lacking`]).
//!
//! A promise that cannot be kept without them is in the table below, and which test says what is
//! then refused. Tried are the two kernels with none of the calls; with `RTMP_LONG=1` each call
//! missing alone, too, and races and load. `old_kernels` samples all of these.

use nix::errno::Errno;
use rtmp_tests::Module;
use rtmp_tests::figures::report;
use rtmp_tests::kernel::Lacking;
use rtmp_tests::suite::{SESSIONS, tests_of};

/// What takes longer, or counts.
const RACES_AND_COUNTS: [&str; 5] =
    ["attacks_drafts", "attacks_limits", "attacks_load", "attacks_races", "promises"];

/// What fails where one of the [`NEEDED`] calls is missing, and why.
const DIFFERENCES: [(&str, &str); 4] = [
    (
        "refused::a_caller_without_proc_on_a_newer_kernel",
        "older calls lead through /proc; a_caller_without_proc_on_an_older_kernel says what is said",
    ),
    (
        "promises::a_login_makes_the_system_calls_that_the_document_lists_and_at_most_64",
        "the document lists the newer calls",
    ),
    (
        "promises::a_login_makes_the_same_calls_on_a_host_with_many_mounts",
        "in a container only the mount table says whether something covers a polydir",
    ),
    ("promises::a_login_takes_few_instructions_of_its_own", "there are two attempts"),
];

/// By every session. mount_setattr(2) is for flags, which few instances have.
const NEEDED: [&str; 5] = ["openat2", "open_tree", "move_mount", "statx", "pidfd_open"];

fn reason_to_fail(test: &str, lacking: Lacking) -> Option<&'static str> {
    let missing = lacking.calls();
    let is_needed = NEEDED.iter().any(|call| missing.contains(call));
    let known = DIFFERENCES.iter().find(|(different, _)| *different == test);
    known.filter(|_| is_needed).map(|(_, reason)| *reason)
}

/// What the tests of a file said, one line each.
struct Said {
    passed: Vec<String>,
    failed: Vec<String>,
    ignored: usize,
    text: String,
}

fn run(file: &str, lacking: Lacking) -> Said {
    let output = tests_of(file)
        .env("RTMP_LACKING", lacking.to_string())
        .env("RTMP_MODULE", Module::Ours.file())
        // Each of its own, in full; and the figures are those of the newer calls.
        .env_remove("RTMP_LONG")
        .env_remove("RTMP_FIGURES")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("\ntest result: "), "{file} broke off: {text}");
    let with = |end: &str| {
        let lines = text.lines().filter_map(|line| line.strip_prefix("test ")?.strip_suffix(end));
        lines.map(|test| format!("{file}::{test}")).collect::<Vec<_>>()
    };
    let ignored = text.lines().filter(|line| line.contains(" ... ignored")).count();
    Said { passed: with(" ... ok"), failed: with(" ... FAILED"), ignored, text }
}

fn the_session_suite(lacking: Lacking, files: &[&str]) {
    let (mut passed, mut different, mut ignored) = (0, 0, 0);
    let mut wrong = Vec::new();
    for file in files {
        let said = run(file, lacking);
        let reason = |test: &String| reason_to_fail(test, lacking);
        let (known, unknown): (Vec<_>, Vec<_>) =
            said.failed.iter().partition(|test| reason(test).is_some());
        wrong.extend(said.passed.iter().filter_map(|test| {
            reason(test).map(|reason| format!("{test} passes, and is in the table: {reason}"))
        }));
        if !unknown.is_empty() {
            eprintln!("{lacking}: {}", said.text);
        }
        passed += said.passed.len();
        different += known.len();
        ignored += said.ignored;
        wrong.extend(unknown.into_iter().map(|test| format!("{test} failed")));
    }
    let wrongs = wrong.len();
    report(&format!(
        "the session suite without {lacking}: {passed} passed, {different} differ as listed, \
         {wrongs} wrong, {ignored} ignored"
    ));
    assert!(passed > 0 && wrong.is_empty(), "without {lacking}: {wrong:#?}");
}

#[test]
fn without_the_newer_calls_the_session_suite_says_the_same() {
    let none = [Errno::ENOSYS, Errno::EPERM].map(Lacking::all);
    if std::env::var_os("RTMP_LONG").is_none() {
        return none.into_iter().for_each(|lacking| the_session_suite(lacking, &SESSIONS));
    }
    for lacking in Lacking::every() {
        the_session_suite(lacking, &SESSIONS);
    }
    for lacking in none {
        the_session_suite(lacking, &RACES_AND_COUNTS);
    }
}

/// A test that was given another name would no longer be looked at.
#[test]
fn each_difference_is_of_a_test_that_is_there() {
    for (test, reason) in DIFFERENCES {
        let (file, test) = test.split_once("::").unwrap();
        let list = tests_of(file).arg("--list").output().unwrap();
        let list = String::from_utf8_lossy(&list.stdout).into_owned();
        let here = list.lines().any(|line| line == format!("{test}: test"));
        assert!(here, "{file}::{test}: {reason}");
    }
}
