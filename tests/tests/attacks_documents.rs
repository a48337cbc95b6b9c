//! The tests that docs/promises.md and docs/threat-model.md name are there.

use std::fs;
use std::path::Path;

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

const VIRTUAL: &str = "#[test]\n#[ignore = \"needs a virtual machine: tests/vm\"]\n";

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
            // Those in the virtual machines are ignored elsewhere.
            let is_test = |above: &str| matches!(above, "#[test]\n" | VIRTUAL);
            let found = source.split(&format!("fn {name}()")).next().unwrap();
            let above = found.rfind("#[test]").map(|at| &found[at..]);
            assert!(above.is_some_and(is_test), "{document}: no test {file}::{name}");
            named += 1;
        }
    }
    assert!(named > 50, "{named}");
}
