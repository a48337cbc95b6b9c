//! What holds for any bytes: a configuration file's, a user's name, a path's. `bytes.rs` tries it
//! with bytes made at random, `tests/fuzz` with bytes that a fuzzer has looked for.

use std::ffi::CStr;
use std::path::Path;

use rtmp_core::accounts::{Account, Passwd, Surroundings, Unanswered};
use rtmp_core::conf::{Origin, Rule, Rules};
use rtmp_core::init::Script;
use rtmp_core::instance_name;
use rtmp_core::options::{ContextSource, Options};
use rtmp_core::path::{AbsPath, Name};
use rtmp_core::plan::Plan;
use rtmp_core::selinux::{NoContext, Selinux, Subject};

#[path = "../../../rtmpctl/src/normal.rs"]
#[allow(dead_code, unused_imports)]
mod normal;

fn parsed(text: &[u8]) -> Rules<'_> {
    let mut rules = Rules::default();
    rules.add(Path::new("c"), text);
    rules
}

/// Everything about a rule but where it stands; a word shows no column.
fn meaning(rule: &Rule<'_>) -> String {
    let origin = Origin { file: Path::new("c"), line: 1, column: 1 };
    format!("{:?}", Rule { origin, ..rule.clone() })
}

/// Each line is a rule, a fault, or nothing; what is said of it is said of a place that is there;
/// and a file means what its lines mean.
pub fn a_file_means_what_its_lines_mean(text: &[u8]) {
    let whole = parsed(text);
    let lines: Vec<_> = text.split(|&byte| byte == b'\n').collect();
    let rules = whole.rules.iter().map(|rule| rule.origin);
    let faults = whole.faults.iter().map(|fault| fault.origin);
    let remarks = whole.remarks.iter().map(|remark| remark.origin);
    for Origin { line, column, .. } in rules.chain(faults).chain(remarks) {
        let length = lines[line - 1].len();
        assert!((1..=length + 1).contains(&column), "{line}:{column} in a line of {length} bytes");
    }
    let alone: Vec<_> = lines.iter().map(|line| parsed(line)).collect();
    assert!(alone.iter().all(|line| line.rules.len() + line.faults.len() <= 1));
    let of_lines: Vec<_> = alone.iter().flat_map(|line| &line.rules).map(meaning).collect();
    assert_eq!(whole.rules.iter().map(meaning).collect::<Vec<_>>(), of_lines);
    assert_eq!(whole.faults.len(), alone.iter().map(|line| line.faults.len()).sum::<usize>());
}

/// `rtmpctl show` writes a line that means the same, and that it writes itself.
pub fn what_is_shown_means_the_same(text: &[u8]) {
    for rule in &parsed(text).rules {
        let shown = normal::Line::of(rule).expect("what was read can be written").text();
        let again = parsed(&shown);
        let [same] = &again.rules[..] else { panic!("{rule:?} is shown as {shown:?}") };
        assert_eq!(meaning(same), meaning(rule), "{shown:?}");
        assert_eq!(normal::Line::of(same).map(|line| line.text()), Ok(shown));
    }
}

/// A plan comes about or is refused, in words, whoever logs in.
pub fn a_plan_is_made_or_refused(text: &[u8], user: &[u8], home: &[u8]) {
    let Ok(name) = Name::new(user) else { return };
    let alice = Account {
        passwd_name: name.as_bytes().to_vec(),
        name,
        uid: 1001,
        gid: 1001,
        home: home.to_vec(),
    };
    for words in ["", "ignore_config_error", "ignore_config_error gen_hash unmnt_remnt"] {
        let options = Options::parse(words.split(' ').map(str::as_bytes));
        match Plan::new(parsed(text), alice.clone(), Some(&alice), &options, &Village) {
            Ok(plan) => {
                assert!(plan.work().count() <= plan.decisions.len());
                plan.decisions.iter().for_each(|decision| drop(decision.to_string()));
            }
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }
}

/// No two polydirs share an instance in a box, and no name is longer than a file's can be.
pub fn two_polydirs_have_two_names(one: &[u8], other: &[u8]) {
    let (Ok(one), Ok(other)) = (AbsPath::new(one), AbsPath::new(other)) else { return };
    let names = [&one, &other].map(instance_name::in_box);
    if let [Ok(name), Ok(others)] = &names {
        assert_eq!(name == others, one == other, "{one} and {other} are {name} and {others}");
    }
    for name in names.iter().flatten() {
        assert!((1..=255).contains(&name.as_bytes().len()) && !name.as_bytes().contains(&b'/'));
    }
}

/// A host where alice, some others and some groups are known.
struct Village;

impl Surroundings for Village {
    fn user(&self, name: &CStr) -> Result<Option<Passwd>, Unanswered> {
        let uid = match name.to_bytes() {
            b"root" => 0,
            b"bob" => 1002,
            b"nobody answers" => return Err(Unanswered(nix::errno::Errno::EIO)),
            _ => return Ok(None),
        };
        let name = name.to_bytes().to_vec();
        Ok(Some(Passwd { name, uid, gid: uid, home: b"/".to_vec() }))
    }

    fn group(&self, name: &CStr) -> Result<Option<u32>, Unanswered> {
        Ok((name == c"students").then_some(500))
    }

    fn groups_of(&self, _: &CStr, primary: u32) -> Result<Vec<u32>, Unanswered> {
        Ok(vec![primary, 500])
    }

    fn selinux(&self) -> Selinux {
        Selinux::Disabled
    }

    fn labels(&self) -> bool {
        false
    }

    fn subject(&self, _: ContextSource, _: &Name) -> Result<Subject, NoContext> {
        Err(NoContext::NotSet)
    }

    fn script(&self, _: AbsPath) -> Option<Script> {
        None
    }
}
