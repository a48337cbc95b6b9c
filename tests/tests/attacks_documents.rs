//! The tests that docs/promises.md and docs/threat-model.md name are there.

use std::fs;
use std::path::Path;

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What may stand between a test's attribute and its name: tests in virtual machines run elsewhere.
const VIRTUAL: [&str; 2] = [
    "#[ignore = \"needs a virtual machine: tests/vm\"]",
    "#[ignore = \"needs a virtual machine: tests/vm --all\"]",
];

#[test]
fn every_test_that_a_document_names_exists() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = ["tests", "../rtmpctl/tests"].map(|place| here.join(place));
    let mut named = 0;
    for document in ["promises.md", "threat-model.md"] {
        let text = fs::read_to_string(here.join("../docs").join(document)).unwrap();
        for (file, name) in quoted(&text).filter_map(|words| words.split_once("::")) {
            let files = places.iter().map(|place| place.join(file).with_extension("rs"));
            let source = files
                .filter_map(|file| fs::read_to_string(file).ok())
                .next()
                .unwrap_or_else(|| panic!("{document}: no file {file}"));
            let found = source.split(&format!("fn {name}()")).next().unwrap();
            let between = found.rsplit_once("#[test]").map(|(_, between)| between.trim());
            let is_test = |between: &str| between.is_empty() || VIRTUAL.contains(&between);
            assert!(between.is_some_and(is_test), "{document}: no test {file}::{name}");
            named += 1;
        }
    }
    assert!(named > 50, "{named}");
}
