//! A shell that stays open, at the end of whatever leads to one.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use crate::command::{self, Outcome, argv};

/// Printed after each command's output, before its status.
const END: &str = "--- the end of this command ---";

/// A live shell, such as `su - alice` or `ssh alice sh`. Dropping it kills it.
pub struct Shell {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Shell {
    /// Starts the program as root, outside every session; it must end up in a POSIX shell that
    /// reads its standard input.
    pub fn start(words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let argv = argv(words);
        let mut child =
            command::command("root", &argv).spawn().unwrap_or_else(|e| panic!("{argv:?}: {e}"));
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Shell { child, input, output }
    }

    /// Runs one line in it. What the line writes to standard error is in `out`, too.
    pub fn sh(&mut self, line: &str) -> Outcome {
        let script = format!("{{ {line}\n}} 2>&1 </dev/null; printf '\\n{END} %d\\n' $?\n");
        // A shell that has ended is found out by the answer that does not come.
        let _ = self.input.write_all(script.as_bytes());
        let mut out = String::new();
        loop {
            let mut next = String::new();
            if self.output.read_line(&mut next).unwrap() == 0 {
                panic!("the shell ended, saying: {out}{}", self.complaints());
            }
            if let Some(status) = next.trim_end().strip_prefix(END) {
                // Without the newline that made sure that END starts a line.
                out.pop();
                let status = status.trim().parse().unwrap();
                return Outcome { status, out, err: String::new() };
            }
            out += &next;
        }
    }

    /// What led to the shell, and the shell itself, wrote to standard error.
    fn complaints(&mut self) -> String {
        let mut text = String::new();
        // Not UTF-8 is shown as far as it is.
        let _ = self.child.stderr.take().unwrap().read_to_string(&mut text);
        text
    }

    /// Ends it as a user does, and returns its exit status.
    pub fn exit(mut self) -> i32 {
        let _ = self.input.write_all(b"exit\n");
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
