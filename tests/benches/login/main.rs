//! What a login costs beside the bare calls of the kernel and beside `pam_namespace`.
//!
//! ```text
//! Scene ──pass──▶ Pass (medians) ──promise──▶ Promise (ratios) ──report, plot──▶ text
//! ```
//!
//! Each measurement is one child of a prepared parent (`zygote`), which has a mount namespace of
//! its own; the subjects of a scene take turns on one processor. Run it by `tests/bench`.

mod clock;
mod floor;
mod layout;
mod pass;
mod plot;
mod promise;
mod report;
mod scene;
mod stats;
mod subject;
#[allow(unsafe_code)]
mod sys;
mod zygote;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use pass::Pass;
use promise::Promise;

/// Where the document is, and the marks between which its tables are.
const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.md");
const PLOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance.svg");
const MARKS: (&str, &str) = ("<!-- tests/bench writes from here -->\n", "<!-- to here -->\n");

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let given = |word: &str| words.iter().any(|given| given == word);
    let (passes, share) = if given("--quick") { (3, 0.1) } else { (3, 1.0) };
    let only = given("--loading").then_some(scene::LOADING);
    let passes: Vec<Pass> = (1..=passes)
        .map(|number| {
            eprintln!("pass {number} of {passes}");
            pass::run(share, only)
        })
        .collect();
    let promises = promise::all(&passes);
    let tables = match only {
        Some(_) => report::promised(&promises),
        None => report::markdown(&passes, &promises),
    };
    println!("{tables}");
    if let Some(file) = words.iter().find_map(|word| word.strip_prefix("--json=")) {
        write_json(Path::new(file), &passes, &promises);
    }
    if given("--docs") && only.is_none() {
        write_documents(&tables, &plot::svg(&passes));
    }
    let broken: Vec<_> = promises.iter().filter(|promise| !promise.is_kept()).collect();
    for Promise { what, ratio, bound } in &broken {
        println!("missed: {what}: {:.2}, wanted {bound:?}", ratio.median);
    }
    println!("{} of {} ratios reached", promises.len() - broken.len(), promises.len());
    if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn write_json(file: &Path, passes: &[Pass], promises: &[Promise]) {
    let all = serde_json::json!({ "promises": promises, "passes": passes });
    fs::write(file, serde_json::to_string_pretty(&all).unwrap()).unwrap();
}

fn write_documents(tables: &str, plot: &str) {
    let text = fs::read_to_string(DOCUMENT).unwrap();
    let (before, rest) = text.split_once(MARKS.0).expect("a mark in docs/performance.md");
    let (_, after) = rest.split_once(MARKS.1).expect("a second mark in docs/performance.md");
    fs::write(DOCUMENT, format!("{before}{}{tables}{}{after}", MARKS.0, MARKS.1)).unwrap();
    fs::write(PLOT, plot).unwrap();
}
