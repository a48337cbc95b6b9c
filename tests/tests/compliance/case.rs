//! What a case is, and how it is judged.

use std::collections::BTreeSet;

use rtmp_tests::application::Call;
use rtmp_tests::twin::{Facet, Observed, Scene, Sight, Twin};

use crate::differences::UNFORESEEN;
use crate::listed::{ROWS, Row};

/// One row of the suite: a scene, the items of the checklist it answers, and in what the twins may
/// and must differ.
pub struct Case {
    /// A sentence.
    pub name: &'static str,
    /// Numbers of the checklist.
    pub items: &'static [u8],
    /// The host and the calls.
    pub scene: Scene,
}

/// A case with the calls that most have: alice's session, opened and closed.
pub fn case(name: &'static str, items: &'static [u8]) -> Case {
    let calls = vec![open("alice"), Call::Close, Call::End];
    Case { name, items, scene: Scene { calls, ..Scene::default() } }
}

pub fn open(user: &str) -> Call {
    Call::Open(user.to_owned())
}

pub fn sh(user: &str, line: &str) -> Call {
    Call::Sh(user.to_owned(), line.to_owned())
}

impl Case {
    pub fn conf(mut self, text: &str) -> Self {
        self.scene.conf = Some(text.to_owned());
        self
    }

    pub fn args(mut self, text: &str) -> Self {
        self.scene.args = text.to_owned();
        self
    }

    /// More shell to prepare the host with.
    pub fn setup(mut self, shell: &str) -> Self {
        self.scene.setup += shell;
        self.scene.setup += "\n";
        self
    }

    pub fn private_root(mut self) -> Self {
        self.scene.private_root = true;
        self
    }

    pub fn calls(mut self, calls: impl IntoIterator<Item = Call>) -> Self {
        self.scene.calls = calls.into_iter().collect();
        self
    }

    /// The differences from this reference that are listed.
    pub fn listed(&self, reference: Twin) -> Vec<&'static Row> {
        let here = |row: &&Row| row.case == self.name && row.from.contains(&reference);
        ROWS.iter().filter(here).collect()
    }

    /// What is wrong with the verdict, if anything is.
    fn judge(&self, ours: &Observed, theirs: &Observed, reference: Twin) -> Result<(), String> {
        let listed = self.listed(reference);
        let meant: BTreeSet<Facet> = listed.iter().flat_map(|row| row.facets).copied().collect();
        let numbers: Vec<&u8> = listed.iter().flat_map(|row| row.numbers).collect();
        let diff = theirs.diff(ours);
        let found = diff.facets();
        if found == meant {
            return Ok(());
        }
        Err(format!(
            "  {} ({reference:?}; - theirs, + ours)\n      listed D-{numbers:?} in {meant:?}, found in {found:?}\n{diff}",
            self.name,
        ))
    }

    /// What `rtmpctl explain` said before each session is what the module then did.
    fn judge_explained(&self, broken: &[Sight]) -> Result<(), String> {
        if broken.is_empty() != UNFORESEEN.iter().any(|(case, _)| *case == self.name) {
            return Ok(());
        }
        let lines: Vec<String> = broken.iter().map(|sight| format!("      {sight}\n")).collect();
        let what = if broken.is_empty() { "all of it was foreseen" } else { "was not foreseen" };
        Err(format!("  {} (rtmpctl explain; {what})\n{}", self.name, lines.concat()))
    }
}

/// Plays these cases with ours and with the references, and fails with every verdict that is wrong.
pub fn check(cases: &[Case]) {
    let only = std::env::var("RTMP_CASE").unwrap_or_default();
    let mut wrong = Vec::new();
    for case in cases.iter().filter(|case| case.name.contains(&only)) {
        let mut ours = case.scene.play(Twin::Ours);
        wrong.extend(case.judge_explained(&ours.take(Facet::Explained)).err());
        for reference in Twin::REFERENCES {
            let theirs = case.scene.play(reference);
            if std::env::var_os("RTMP_SHOW").is_some() {
                println!("{}: {reference:?}\n{theirs:#?}\n{ours:#?}", case.name);
            }
            wrong.extend(case.judge(&ours, &theirs, reference).err());
        }
    }
    assert!(wrong.is_empty(), "{} wrong verdicts:\n{}", wrong.len(), wrong.join("\n"));
}
