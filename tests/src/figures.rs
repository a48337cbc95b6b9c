//! What was counted, for whoever reads the run.

use std::fs::OpenOptions;
use std::io::Write;

/// Prints a figure, and adds it to the file that `RTMP_FIGURES` names: `tests/run` shows all of
/// them at its end, where `cargo test` keeps to itself what a test prints that passes. Called
/// outside of every world.
pub fn report(figure: &str) {
    println!("{figure}");
    let Some(path) = std::env::var_os("RTMP_FIGURES") else { return };
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    // In one write(2): tests run beside each other.
    file.write_all(format!("{figure}\n").as_bytes()).unwrap();
}
