//! docs/compatibility.md says what the suite finds: its tables are written from the cases.

use std::collections::BTreeSet;
use std::fmt::Write;

use rtmp_tests::twin::Twin;

use crate::case::Case;
use crate::differences::ALL;
use crate::listed::ROWS;
use crate::{conf, session};

/// Items of the checklist that are no case of this suite, and why.
const ELSEWHERE: [(u8, &str); 11] = [
    (
        32,
        "1.5.2 has no vendor directory and Debian builds 1.7 without one, so there is nothing to compare with; unit tests of `rtmp-core/src/conf/sources.rs` do",
    ),
    (
        65,
        "two first logins at once race in pam_namespace, so what it does is left to chance; `tests/tests/attacks_drafts.rs` has our side",
    ),
    (
        82,
        "`tests/tests/programs.rs` and `harness.rs`: sshd with a shell, a command, a terminal, scp, sftp, an agent",
    ),
    (83, "`su_and_sudo_in_a_session_*` here, `tests/tests/programs.rs` and `nested.rs`"),
    (84, "needs systemd as process 1: the virtual machines"),
    (
        85,
        "needs cron and at with their daemons: the virtual machines; their PAM call is `open` and `close` as here",
    ),
    (86, "needs a display: not tested"),
    (87, "libpam writes the name of the module's file; it is `pam_rtmp`"),
    (
        88,
        "`pam_namespace_helper` is a program of its own, which we do not replace: parents are made at login",
    ),
    (89, "`tests/tests/private.rs`: two logins of one user, also through sshd, see the same files"),
    (90, "needs a host with SELinux"),
];

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

fn tables() -> [(&'static str, String); 3] {
    let cases = cases();
    let mut table = String::from("| item | case | 1.5.2 | newest |\n|---|---|---|---|\n");
    for item in 1..=90 {
        for case in cases.iter().filter(|case| case.items.contains(&item)) {
            let [old, new] = Twin::REFERENCES.map(|reference| verdict(case, reference));
            writeln!(table, "| {item} | {} | {old} | {new} |", case.name.replace('|', "\\|"))
                .unwrap();
        }
        if let Some((_, why)) = ELSEWHERE.iter().find(|(number, _)| *number == item) {
            writeln!(table, "| {item} | {why} | | |").unwrap();
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
    [("sum", sum), ("differences", differences), ("cases", table)]
}

/// `RTMP_BLESS=1` writes them.
#[test]
fn the_tables_of_the_document_are_those_of_the_suite() {
    const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compatibility.md");
    let mut text = std::fs::read_to_string(PATH).unwrap();
    let bless = std::env::var_os("RTMP_BLESS").is_some();
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
    items.extend(ELSEWHERE.map(|(item, _)| item));
    let missing: Vec<u8> = (1..=90).filter(|item| !items.contains(item)).collect();
    assert!(missing.is_empty(), "no case and no reason: {missing:?}");
    for row in ROWS {
        assert!(names.contains(row.case), "no case is called {:?}", row.case);
    }
    for difference in ALL {
        let used = ROWS.iter().any(|row| row.numbers.contains(&difference.number));
        assert!(used, "D-{} is no case's difference", difference.number);
    }
    let numbers: BTreeSet<u8> = ALL.iter().map(|difference| difference.number).collect();
    assert!(ROWS.iter().flat_map(|row| row.numbers).all(|number| numbers.contains(number)));
}
