//! What `enable` and `disable` say of a change.

use std::fmt::Write;

use serde_json::json;

use super::trial::{Attempt, Opened, Person};
use crate::json;
use crate::outcome::{Outcome, Status};
use crate::paint::Paint;
use crate::stacks::{Change, MEMORY, Refusal};

/// A change, as far as it came.
#[derive(Debug, Default)]
pub struct Report<'f> {
    /// What kind of host it is.
    pub host: &'static str,
    /// What is written, or would be.
    pub changes: Vec<Change<'f>>,
    /// The sessions that were tried.
    pub attempts: Vec<Attempt>,
    /// What else an administrator should know.
    pub remarks: Vec<String>,
    /// The services that call the module then nevertheless, where it was to go.
    pub left: Vec<String>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It is written: what to do next.
    Written(String),
    /// Nothing was to be changed.
    Nothing(String),
    /// It would be written.
    DryRun,
    /// It is not written: why.
    Refused(String),
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.to_string())
    }
}

impl Report<'_> {
    /// The change, and what came of the trial.
    pub fn to_text(&self, paint: Paint) -> String {
        let mut text = format!("{}.\n", self.host);
        let (memory, stacks): (Vec<&Change<'_>>, Vec<_>) =
            self.changes.iter().partition(|change| change.path.starts_with(MEMORY));
        for change in stacks {
            text += &coloured(&change.to_string(), paint);
        }
        if !memory.is_empty() {
            text += &format!("And what pam-auth-update remembers of it in {MEMORY}.\n");
        }
        let services = self.services();
        if !services.is_empty() {
            text += &format!("Tried through the new stacks of {}:\n", services.join(", "));
        }
        for person in self.people() {
            text += &self.of_person(person, paint);
        }
        for remark in &self.remarks {
            text += &format!("{}: {remark}\n", paint.cyan("note"));
        }
        for service in &self.left {
            text += &format!(
                "{}: service {service} still calls pam_rtmp.so, from a file that is not in /etc/pam.d\n",
                paint.yellow("warning")
            );
        }
        text
    }

    /// The files that change, for the record.
    pub fn paths(&self) -> String {
        let paths = self.changes.iter().map(|change| change.path.display().to_string());
        paths.collect::<Vec<_>>().join(" ")
    }

    fn services(&self) -> Vec<&str> {
        let mut services: Vec<_> =
            self.attempts.iter().map(|attempt| attempt.service.as_str()).collect();
        services.sort_unstable();
        services.dedup();
        services
    }

    fn people(&self) -> Vec<&Person> {
        let mut people: Vec<_> = self.attempts.iter().map(|attempt| &attempt.person).collect();
        people.dedup();
        people
    }

    /// One line where all services agree, else one for each answer.
    fn of_person(&self, person: &Person, paint: Paint) -> String {
        let own = || self.attempts.iter().filter(|attempt| attempt.person == *person);
        let mut answers: Vec<_> = own().map(|attempt| &attempt.result).collect();
        answers.sort_by_key(|result| result.to_string());
        answers.dedup();
        let mut text = String::new();
        for answer in &answers {
            let name = match person.role {
                "root" => "root".to_owned(),
                role => format!("{} ({role})", person.name),
            };
            let of: Vec<_> = own()
                .filter(|attempt| attempt.result == **answer)
                .map(|attempt| attempt.service.as_str())
                .collect();
            let which =
                if answers.len() == 1 { String::new() } else { format!(" [{}]", of.join(", ")) };
            let said = match answer {
                Opened::Refused(_) => paint.red(&answer.to_string()),
                Opened::Private | Opened::Shared | Opened::Regardless | Opened::RefusedBefore => {
                    answer.to_string()
                }
            };
            // Writing to a String cannot fail.
            writeln!(text, "  {name}: {said}{which}").unwrap_or_default();
        }
        text
    }

    /// Why the stacks must not be written, if somebody is refused who is let in now.
    pub fn objection(&self) -> Option<String> {
        let refused =
            self.attempts.iter().find(|attempt| matches!(attempt.result, Opened::Refused(_)))?;
        let Attempt { service, person: Person { name, .. }, .. } = refused;
        Some(format!(
            "{name} could not log in through {service} then; the reason is in the authpriv log, and rtmpctl explain {name} --service {service} may know it"
        ))
    }

    /// All of it.
    pub fn outcome(&self, command: &str, end: End, json: bool, paint: Paint) -> Outcome {
        let is_done = self.left.is_empty() && !matches!(end, End::Refused(_));
        let status = if is_done { Status::Clean } else { Status::Findings };
        let (word, said) = match end {
            End::Written(next) => ("written", next),
            End::Nothing(why) => ("nothing to change", why),
            End::DryRun => ("not written", "Nothing is written: --yes writes it.".to_owned()),
            End::Refused(why) => ("refused", format!("{}: {why}", paint.red("not written"))),
        };
        let text = if json {
            let changes = self.changes.iter().map(
                |change| json!({ "path": json::path(change.path), "diff": change.to_string() }),
            );
            let attempts = self.attempts.iter().map(|attempt| {
                json!({
                    "service": attempt.service,
                    "user": attempt.person.name,
                    "opened": !matches!(attempt.result, Opened::Refused(_) | Opened::RefusedBefore),
                    "private": attempt.result == Opened::Private,
                    "said": attempt.result.to_string(),
                })
            });
            json::answer(
                command,
                json!({
                    "host": self.host,
                    "changes": changes.collect::<Vec<_>>(),
                    "attempts": attempts.collect::<Vec<_>>(),
                    "remarks": self.remarks,
                    "left": self.left,
                    "end": word,
                    "message": said,
                }),
            )
        } else {
            format!("{}{said}\n", self.to_text(paint)).into_bytes()
        };
        Outcome { text, status }
    }
}

fn coloured(diff: &str, paint: Paint) -> String {
    let line = |line: &str| match line.as_bytes().first() {
        _ if line.starts_with("---") || line.starts_with("+++") => paint.bold(line),
        Some(b'+') => paint.green(line),
        Some(b'-') => paint.red(line),
        Some(b'@') => paint.cyan(line),
        _ => line.to_owned(),
    };
    diff.lines().map(line).map(|line| line + "\n").collect()
}
