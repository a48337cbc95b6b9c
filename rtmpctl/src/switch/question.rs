//! The one question before a change is written.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::outcome::Failure;

/// What somebody at the terminal answers. `None`: nobody is there.
pub fn answer(text: &str, question: &str) -> Result<Option<bool>, Failure> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        return Ok(None);
    }
    let mut stdout = io::stdout().lock();
    write!(stdout, "{text}{question} [y/N] ")
        .and_then(|()| stdout.flush())
        .map_err(Failure::Print)?;
    let mut line = String::new();
    let fail = |error| Failure::Act("read the answer".to_owned(), error);
    io::stdin().lock().read_line(&mut line).map_err(fail)?;
    Ok(Some(matches!(line.trim(), "y" | "Y" | "yes")))
}
