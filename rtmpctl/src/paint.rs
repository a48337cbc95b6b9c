//! Colour, where somebody sees it.

use std::io::IsTerminal;

/// Whether words are coloured: on a terminal, unless `NO_COLOR` (no-color.org) or a terminal that
/// has none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Paint {
    terminal: bool,
    colour: bool,
}

const RED: &str = "\x1b[1;31m";
const GREEN: &str = "\x1b[1;32m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[1;36m";
const BOLD: &str = "\x1b[1m";
const OFF: &str = "\x1b[0m";

impl Paint {
    /// Paint for standard output.
    pub fn for_stdout() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let unable = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self { terminal, colour: terminal && !unwanted && !unable }
    }

    /// Whether a terminal reads the text, which control characters would drive.
    pub fn on_terminal(self) -> bool {
        self.terminal
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colour { format!("{code}{text}{OFF}") } else { text.to_owned() }
    }

    /// Refused, or an error.
    pub fn red(self, text: &str) -> String {
        self.with(RED, text)
    }

    /// What is new.
    pub fn green(self, text: &str) -> String {
        self.with(GREEN, text)
    }

    /// A warning.
    pub fn yellow(self, text: &str) -> String {
        self.with(YELLOW, text)
    }

    /// A note.
    pub fn cyan(self, text: &str) -> String {
        self.with(CYAN, text)
    }

    /// What is talked about.
    pub fn bold(self, text: &str) -> String {
        self.with(BOLD, text)
    }
}
