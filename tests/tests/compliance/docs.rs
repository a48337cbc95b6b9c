//! docs/compatibility.md says what the suite finds: its tables are written from the cases.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use rtmp_tests::twin::Twin;

use crate::case::Case;
use crate::differences::{ALL, UNFORESEEN};
use crate::listed::ROWS;
use crate::{conf, session};

/// An item of the checklist that is no case of this suite.
struct Elsewhere {
    item: u8,
    /// Why it is none.
    why: &'static str,
    /// What tests our side of it: a file, or a test in one.
    tests: &'static [&'static str],
}

const fn elsewhere(item: u8, why: &'static str, tests: &'static [&'static str]) -> Elsewhere {
    Elsewhere { item, why, tests }
}

const ELSEWHERE: &[Elsewhere] = &[
    elsewhere(
        32,
        "1.5.2 has no vendor directory and Debian builds 1.7 without one, so there is nothing to compare with",
        &["tests/tests/vendor.rs", "rtmp-core/src/conf/sources.rs"],
    ),
    elsewhere(
        65,
        "two first logins at once race in pam_namespace, so what it does is left to chance",
        &["tests/tests/attacks_drafts.rs"],
    ),
    elsewhere(
        82,
        "sshd with a shell, a command, a terminal, scp, sftp and an agent needs a server that stays",
        &[
            "tests/tests/programs.rs::sshd_gives_a_shell_a_command_a_terminal_files_and_an_agent",
            "tests/tests/harness.rs",
        ],
    ),
    elsewhere(
        83,
        "programs and no calls",
        &[
            "tests/tests/compliance/nested.rs::su_and_sudo_in_a_session_without_unmnt_remnt",
            "tests/tests/compliance/nested.rs::su_and_sudo_in_a_session_with_unmnt_remnt",
            "tests/tests/nested.rs",
            "tests/tests/programs.rs",
        ],
    ),
    elsewhere(
        84,
        "needs systemd as process 1: the virtual machines",
        &[
            "tests/tests/vm_logins.rs::with_pam_rtmp_a_user_has_the_same_tmp_whichever_way_they_come_in",
        ],
    ),
    elsewhere(
        85,
        "needs cron and at with their daemons: the virtual machines; their PAM call is `open` and `close` as here",
        &[
            "tests/tests/vm_logins.rs::with_pam_rtmp_a_user_has_the_same_tmp_whichever_way_they_come_in",
        ],
    ),
    elsewhere(86, "needs a display: not tested", &[]),
    elsewhere(87, "libpam writes the name of the module's file; it is `pam_rtmp`", &[]),
    elsewhere(
        88,
        "`pam_namespace_helper` is a program of its own, which we do not replace: parents are made at login",
        &["tests/tests/linux_pam.rs"],
    ),
    elsewhere(
        89,
        "two logins of one user, also through sshd, see the same files",
        &["tests/tests/private.rs"],
    ),
    elsewhere(
        90,
        "needs a host with SELinux: the virtual machines",
        &[
            "tests/tests/vm_selinux.rs::names_and_labels_are_those_of_pam_namespace",
            "rtmp-core/src/selinux/mod.rs",
        ],
    ),
];

/// Configurations as people have them, and the case that each is.
const FIELD: &[(&str, &str)] = &[
    ("the example that Linux-PAM ships", "the lines of the example that Linux-PAM ships"),
    ("security benchmarks", "the lines that security benchmarks look for"),
    ("instances below `$HOME`", "instances in the home they replace"),
    ("`/dev/shm` on a tmpfs with a size", "/dev/shm on a tmpfs with a size"),
    ("children's desktops: `~user` and tmpfs", "a children's desktop: tmpfs for ~alice and ~bob"),
    ("`$USER` in the prefix, `gen_hash`", "$USER in the prefix, with gen_hash"),
    ("su with `unmnt_remnt`", "unmnt_remnt from alice to bob, the working directory in /tmp"),
    (
        "newrole with `unmnt_remnt no_unmount_on_close`",
        "newrole's options: unmnt_remnt no_unmount_on_close",
    ),
];

impl Elsewhere {
    fn cell(&self) -> String {
        let tests: Vec<String> = self.tests.iter().map(|test| format!("`{test}`")).collect();
        let colon = if tests.is_empty() { "" } else { ": " };
        format!("{}{colon}{}", self.why, tests.join(", "))
    }
}

fn cases() -> Vec<Case> {
    let mut all = conf::cases();
    all.extend(session::options());
    all.extend(session::asking());
    all.extend(session::sessions());
    all.extend(session::scripts());
    all.extend(session::closing());
    all
}

fn verdict(case: &Case, reference: Twin) -> String {
    let rows = case.listed(reference);
    let numbers: BTreeSet<u8> = rows.iter().flat_map(|row| row.numbers).copied().collect();
    let numbers: Vec<String> = numbers.iter().map(|number| format!("D-{number}")).collect();
    if numbers.is_empty() { "same".to_owned() } else { numbers.join(", ") }
}

fn tables() -> [(&'static str, String); 5] {
    let cases = cases();
    let mut table = String::from("| item | case | 1.5.2 | newest |\n|---|---|---|---|\n");
    for item in 1..=90 {
        for case in cases.iter().filter(|case| case.items.contains(&item)) {
            let [old, new] = Twin::REFERENCES.map(|reference| verdict(case, reference));
            writeln!(table, "| {item} | {} | {old} | {new} |", case.name.replace('|', "\\|"))
                .unwrap();
        }
        if let Some(elsewhere) = ELSEWHERE.iter().find(|elsewhere| elsewhere.item == item) {
            writeln!(table, "| {item} | {} | | |", elsewhere.cell()).unwrap();
        }
    }
    let mut differences = String::from("| | what | why | cases |\n|---|---|---|---|\n");
    for difference in ALL {
        let names: BTreeSet<&str> = ROWS
            .iter()
            .filter(|row| row.numbers.contains(&difference.number))
            .map(|row| row.case)
            .collect();
        let shown: Vec<String> = names.iter().take(3).map(|name| format!("*{name}*")).collect();
        let more =
            if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
        let (number, what, why) = (difference.number, difference.what, difference.why);
        writeln!(differences, "| D-{number} | {what} | {why} | {}{more} |", shown.join("; "))
            .unwrap();
    }
    let count = |reference| cases.iter().filter(|case| !case.listed(reference).is_empty()).count();
    let mut sum = String::from(
        "| reference | cases | same | listed differences | unlisted |\n|---|---|---|---|---|\n",
    );
    for (reference, name) in
        Twin::REFERENCES.into_iter().zip(["Debian 12's 1.5.2", "Debian's newest"])
    {
        let (all, listed) = (cases.len(), count(reference));
        writeln!(sum, "| {name} | {all} | {} | {listed} | 0 |", all - listed).unwrap();
    }
    let mut unforeseen = String::from("| case | why |\n|---|---|\n");
    for (case, why) in UNFORESEEN {
        writeln!(unforeseen, "| {case} | {why} |").unwrap();
    }
    let mut field = String::from("| configuration | case | 1.5.2 | newest |\n|---|---|---|---|\n");
    for (configuration, name) in FIELD {
        let case = cases.iter().find(|case| case.name == *name);
        let case = case.unwrap_or_else(|| panic!("no case is called {name:?}"));
        let [old, new] = Twin::REFERENCES.map(|reference| verdict(case, reference));
        writeln!(field, "| {configuration} | *{name}* | {old} | {new} |").unwrap();
    }
    [
        ("sum", sum),
        ("differences", differences),
        ("field", field),
        ("unforeseen", unforeseen),
        ("cases", table),
    ]
}

/// `RTMP_BLESS=1` writes them.
#[test]
fn the_tables_of_the_document_are_those_of_the_suite() {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compatibility.md");
    let mut text = std::fs::read_to_string(PATH).unwrap();
    let bless = std::env::var_os("RTMP_BLESS").is_some();
    println!("{}", tables()[0].1);
    for (name, table) in tables() {
        let (start, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
        let from = text.find(&start).expect("no such table") + start.len();
        let to = text.find(&end).expect("no end of the table");
        if bless {
            text.replace_range(from..to, &table);
        } else {
            assert!(text[from..to] == table, "table {name}: write it with RTMP_BLESS=1");
        }
    }
    if bless {
        std::fs::write(PATH, text).unwrap();
    }
}

#[test]
fn every_item_is_a_case_or_has_a_reason() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "a name that two cases have");
    let mut items: BTreeSet<u8> = cases.iter().flat_map(|case| case.items).copied().collect();
    items.extend(ELSEWHERE.iter().map(|elsewhere| elsewhere.item));
    let missing: Vec<u8> = (1..=90).filter(|item| !items.contains(item)).collect();
    assert!(missing.is_empty(), "no case and no reason: {missing:?}");
    let listed = ROWS.iter().map(|row| row.case);
    for case in listed.chain(UNFORESEEN.iter().map(|(case, _)| *case)) {
        assert!(names.contains(case), "no case is called {case:?}");
    }
    for difference in ALL {
        let used = ROWS.iter().any(|row| row.numbers.contains(&difference.number));
        assert!(used, "D-{} is no case's difference", difference.number);
    }
    let numbers: BTreeSet<u8> = ALL.iter().map(|difference| difference.number).collect();
    assert!(ROWS.iter().flat_map(|row| row.numbers).all(|number| numbers.contains(number)));
}

#[test]
fn every_test_that_the_document_names_exists() {
    for test in ELSEWHERE.iter().flat_map(|elsewhere| elsewhere.tests) {
        let (file, name) = test.split_once("::").unwrap_or((test, ""));
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(file);
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert!(text.contains("#[test]"), "{file} tests nothing");
        assert!(text.contains(&format!("fn {name}")), "{file} has no test {name}");
    }
}
