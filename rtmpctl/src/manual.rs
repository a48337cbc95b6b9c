//! The man page and the completions, from the definitions of the command line.

use clap::CommandFactory;
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::Cli;
use crate::outcome::{Failure, Outcome, Status};

/// When the definitions were last changed.
const DATE: &str = "2026-11-24";

/// A shell's completions.
pub fn completions(shell: Shell) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rtmpctl", &mut text);
    Outcome { text, status: Status::Clean }
}

/// `rtmpctl.8`: one page for all commands, each with its options.
pub fn page() -> Result<Outcome, Failure> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut text = Vec::new();
    let source = concat!("pam_rtmp ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).title("RTMPCTL").section("8").date(DATE).source(source);
    man.render_title(&mut text).map_err(Failure::Print)?;
    man.render_name_section(&mut text).map_err(Failure::Print)?;
    man.render_synopsis_section(&mut text).map_err(Failure::Print)?;
    man.render_description_section(&mut text).map_err(Failure::Print)?;
    let mut text = String::from_utf8_lossy(&text).into_owned();
    for subcommand in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        text += &section(subcommand, subcommand.get_name())?;
        for below in subcommand.get_subcommands() {
            text += &section(below, &format!("{} {}", subcommand.get_name(), below.get_name()))?;
        }
    }
    text +=
        &format!(".SH \"EXIT STATUS\"\n{}\n", crate::cli::EXIT.trim_start_matches("Exit status: "));
    text += ".SH \"SEE ALSO\"\n\\fBnamespace.conf\\fR(5), \\fBpam_rtmp\\fR(8)\n";
    Ok(Outcome { text: tidy(&text).into_bytes(), status: Status::Clean })
}

/// A command's sections, one level down.
fn section(command: &clap::Command, title: &str) -> Result<String, Failure> {
    let mut text = Vec::new();
    let man = Man::new(command.clone());
    man.render_synopsis_section(&mut text).map_err(Failure::Print)?;
    man.render_description_section(&mut text).map_err(Failure::Print)?;
    man.render_options_section(&mut text).map_err(Failure::Print)?;
    man.render_extra_section(&mut text).map_err(Failure::Print)?;
    let end = if command.get_after_help().is_some() { ".fi\n" } else { "" };
    let text = format!("\n{}{end}", String::from_utf8_lossy(&text));
    // What clap calls extra are the examples, whose lines are lines.
    let examples = "\n.SH EXAMPLES\n.nf\n";
    let text = text
        .replace("\n.SH EXTRA\nExamples:\n", examples)
        .replace("\n.SH EXTRA\nExample:\n", examples)
        .replace("\n.SH ", "\n.SS ");
    Ok(format!(".SH \"{}\"\n{}", title.to_uppercase(), text.trim_start()))
}

/// Every section brings the same two lines that make an apostrophe; one pair is enough. A blank
/// line means nothing to roff, a second break neither, and long lines are broken.
fn tidy(text: &str) -> String {
    let is_apostrophe =
        |line: &&str| line.starts_with(".ie \\n(.g") || line.starts_with(".el .ds Aq");
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    let (head, mut body): (Vec<_>, Vec<_>) = lines.partition(is_apostrophe);
    body.dedup_by(|line, before| *line == ".br" && before == line);
    let mut verbatim = false;
    let mut tidied = String::new();
    for line in head.into_iter().take(2).chain(body) {
        verbatim = line == ".nf" || verbatim && line != ".fi";
        if verbatim || line.starts_with('.') {
            tidied.extend([line, "\n"]);
        } else {
            fill(&mut tidied, line);
        }
    }
    tidied
}

/// Breaks a line between words; a point at the start of a line would make it a request.
fn fill(text: &mut String, line: &str) {
    const WIDTH: usize = 78;
    let mut width = 0;
    for word in line.split(' ') {
        let breaks = width > 0 && width + 1 + word.len() > WIDTH && !word.starts_with(['.', '\'']);
        match (breaks, width) {
            (true, _) => text.push('\n'),
            (false, 0) => {}
            (false, _) => text.push(' '),
        }
        text.push_str(word);
        width = if breaks { word.len() } else { width + 1 + word.len() };
    }
    text.push('\n');
}
