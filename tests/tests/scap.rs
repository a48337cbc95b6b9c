//! What docs/compliance.md prints, and the tailoring it speaks of.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// The last digit of a CCE number checks the others, by Luhn's algorithm.
fn has_its_check_digit(cce: &str) -> bool {
    let digits = cce.bytes().rev().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'));
    let weighed = digits.enumerate().map(|(place, digit)| match place % 2 {
        0 => digit,
        _ => digit * 2 / 10 + digit * 2 % 10,
    });
    weighed.sum::<u32>() % 10 == 0
}

#[test]
fn every_cce_number_in_the_documents_has_its_check_digit() {
    let text = fs::read_to_string(file("docs/compliance.md")).unwrap();
    let is_of_one = |c: char| c.is_ascii_digit() || c == '-';
    let numbers = text.split("CCE-").skip(1).map(|rest| rest.split(|c| !is_of_one(c)).next());
    let numbers: Vec<_> = numbers.map(Option::unwrap).collect();
    let wrong: Vec<_> = numbers.iter().filter(|number| !has_its_check_digit(number)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(numbers.len() > 40, "{numbers:?}");
    assert!(!has_its_check_digit("80844-1"), "the test itself finds a wrong one");
}

/// What `xsltproc packaging/scap/tailoring.xsl` makes of a benchmark with these profiles.
fn tailored(profiles: &str) -> Output {
    let rule = |name| format!("<Rule id=\"xccdf_org.ssgproject.content_rule_{name}\"/>");
    let rules =
        ["enable_pam_namespace", "accounts_polyinstantiated_tmp", "sshd_disable_empty_passwords"];
    let rules: String = rules.map(rule).concat();
    let benchmark = format!(
        "<Benchmark xmlns=\"http://checklists.nist.gov/xccdf/1.2\">{profiles}{rules}</Benchmark>"
    );
    let mut xsltproc = Command::new("xsltproc")
        .args([file("packaging/scap/tailoring.xsl").as_os_str(), "-".as_ref()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    xsltproc.stdin.take().unwrap().write_all(benchmark.as_bytes()).unwrap();
    xsltproc.wait_with_output().unwrap()
}

fn profile(name: &str, selected: &[(&str, bool)]) -> String {
    let select = |(rule, is): &(&str, bool)| {
        format!("<select idref=\"xccdf_org.ssgproject.content_rule_{rule}\" selected=\"{is}\"/>")
    };
    let selected: String = selected.iter().map(select).collect();
    format!(
        "<Profile id=\"xccdf_org.ssgproject.content_profile_{name}\"><title>{name}</title>{selected}</Profile>"
    )
}

#[test]
fn a_tailoring_takes_out_of_each_profile_the_rules_that_look_for_pam_namespace_and_no_other() {
    let profiles = [
        profile("one", &[("enable_pam_namespace", true), ("sshd_disable_empty_passwords", true)]),
        profile("two", &[("enable_pam_namespace", false), ("accounts_polyinstantiated_tmp", true)]),
        profile("three", &[("sshd_disable_empty_passwords", true)]),
    ];
    let output = tailored(&profiles.concat());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let words = |start: &str| {
        let found = text.split(start).skip(1).map(|rest| rest.split('"').next().unwrap());
        found.map(str::to_owned).collect::<Vec<_>>()
    };
    let of_ssg = |name: &str| format!("xccdf_org.ssgproject.content_{name}");
    assert_eq!(words("extends=\""), ["profile_one", "profile_two"].map(of_ssg));
    let rules = ["rule_enable_pam_namespace", "rule_accounts_polyinstantiated_tmp"];
    assert_eq!(words("idref=\""), rules.map(of_ssg));
    assert_eq!(words("selected=\""), ["false", "false"]);
}

#[test]
fn where_no_profile_has_such_a_rule_there_is_no_tailoring() {
    let output = tailored(&profile("three", &[("sshd_disable_empty_passwords", true)]));
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("nothing to tailor"), "{said}");
}
