//! The status as text and as JSON.

use std::fmt::Write;

use rtmp_core::path::Shown;
use serde_json::{Value, json};

use super::{Configuration, Status, Tally, User};
use crate::diagnostic::shown;
use crate::json;
use crate::paint::Paint;
use crate::sessions::Process;
use crate::sessions::sight::Class;
use crate::standing::Standing;

/// How many processes of one user are named in the text.
const NAMED: usize = 4;

impl Status {
    /// One screen.
    pub fn to_text(&self, paint: Paint) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        self.write(&mut text, paint).unwrap_or_default();
        text
    }

    fn write(&self, f: &mut String, paint: Paint) -> std::fmt::Result {
        match &self.configuration {
            None => row(f, "rules", &paint.red("none: there is no namespace.conf"))?,
            Some(configuration) => configuration.write(f, paint)?,
        }
        let calling = match self.calling.is_empty() {
            true => paint.red("none calls pam_rtmp.so: nobody is polyinstantiated"),
            false => format!("{} call pam_rtmp.so", names(&self.calling)),
        };
        row(f, "services", &calling)?;
        if !self.calling.is_empty() && !self.silent.is_empty() {
            row(f, "", &format!("{} open sessions without it", names(&self.silent)))?;
        }
        if let Some(tally) = &self.processes {
            tally.write(f, paint)?;
        }
        Ok(())
    }

    /// The same facts.
    pub fn to_json(&self) -> Vec<u8> {
        let list = |names: &[Vec<u8>]| names.iter().map(|n| json::bytes(n)).collect::<Vec<_>>();
        json::answer(
            "status",
            json!({
                "on": self.is_on(),
                "configuration": self.configuration.as_ref().map(Configuration::to_json),
                "services": { "calling": list(&self.calling), "without": list(&self.silent) },
                "processes": self.processes.as_ref().map(Tally::to_json),
            }),
        )
    }
}

fn row(f: &mut String, name: &str, text: &str) -> std::fmt::Result {
    writeln!(f, "{name:<10} {text}")
}

fn names(names: &[Vec<u8>]) -> String {
    let shown: Vec<_> = names.iter().map(|name| Shown(name).to_string()).collect();
    shown.join(" ")
}

impl Configuration {
    fn write(&self, f: &mut String, paint: Paint) -> std::fmt::Result {
        let files: Vec<_> = self.files.iter().map(|file| shown(file).to_string()).collect();
        let findings = match (self.errors, self.warnings) {
            (0, 0) => "nothing wrong".to_owned(),
            (0, warnings) => paint.yellow(&format!("{warnings} warnings, see rtmpctl check")),
            (errors, warnings) => {
                paint.red(&format!("{errors} errors, {warnings} warnings, see rtmpctl check"))
            }
        };
        row(f, "rules", &format!("{} in {}: {findings}", self.rules.len(), files.join(" ")))?;
        for rule in &self.rules {
            let polydir = Shown(&rule.polydir).to_string();
            let (prefix, method) = (Shown(&rule.prefix), Shown(&rule.method));
            let parent = match &rule.parent {
                None => String::new(),
                Some((path, standing)) => {
                    let detail = format!("; parent {path} {standing}");
                    match standing {
                        Standing::Fine(_) | Standing::Missing => detail,
                        Standing::Squat(_) | Standing::Unseen(_) => paint.yellow(&detail),
                        Standing::Refused(_) => paint.red(&detail),
                    }
                }
            };
            row(f, "", &format!("{polydir} {prefix} {method}{parent}"))?;
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        json!({
            "files": self.files.iter().map(|file| json::path(file)).collect::<Vec<_>>(),
            "errors": self.errors,
            "warnings": self.warnings,
            "rules": self.rules.iter().map(|rule| json!({
                "polydir": json::bytes(&rule.polydir),
                "prefix": json::bytes(&rule.prefix),
                "method": json::bytes(&rule.method),
                "parent": rule.parent.as_ref().map(|(path, standing)| json!({
                    "path": path.to_string(),
                    "state": standing.word(),
                    "detail": standing.to_string(),
                })),
            })).collect::<Vec<_>>(),
        })
    }
}

/// What a class means, for whoever reads the screen.
fn meaning(class: Class) -> &'static str {
    match class {
        Class::Private => "in their own instances",
        Class::Exempt => "exempt, in the host's directories",
        Class::Inside => "of exempt users inside others' sessions",
        Class::Service => "of system accounts, not exempt and never logged in",
        Class::Stale => {
            "not private though they should be: older than the rules, or past the module"
        }
        Class::Foreign => "that see something else: another's instance, PrivateTmp=, a container",
        Class::Unseen => "that could not be looked into; root sees them all",
    }
}

impl Tally {
    fn write(&self, f: &mut String, paint: Paint) -> std::fmt::Result {
        let classes = Class::ALL.into_iter().filter(|class| self.processes(*class) > 0);
        for (index, class) in classes.enumerate() {
            let sessions = match class {
                Class::Private => match self.sessions() {
                    1 => " in 1 session".to_owned(),
                    sessions => format!(" in {sessions} sessions"),
                },
                Class::Exempt
                | Class::Inside
                | Class::Service
                | Class::Stale
                | Class::Foreign
                | Class::Unseen => String::new(),
            };
            let line = format!("{} {}{sessions}", self.processes(class), meaning(class));
            let line = if class == Class::Stale { paint.red(&line) } else { line };
            row(f, if index == 0 { "processes" } else { "" }, &line)?;
            if matches!(class, Class::Stale | Class::Foreign) {
                self.users(class).try_for_each(|(uid, user)| row(f, "", &user.sentence(uid)))?;
            }
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        let class = |class: Class| {
            let users = self.users(class).map(|(uid, user)| user.to_json(uid));
            let facts = json!({
                "processes": self.processes(class),
                "sessions": (class == Class::Private).then(|| self.sessions()),
                "users": users.collect::<Vec<_>>(),
            });
            (class.word().to_owned(), facts)
        };
        Class::ALL.into_iter().map(class).collect::<serde_json::Map<_, _>>().into()
    }
}

impl User {
    fn sentence(&self, uid: u32) -> String {
        let name = self.name.as_ref().map_or_else(|| uid.to_string(), |n| Shown(n).to_string());
        let named = self.processes.iter().take(NAMED);
        let named = named.map(|process| format!("{} {}", process.pid, Shown(&process.name)));
        let named: Vec<_> = named.collect();
        let more = self.processes.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(", and {more} more") } else { String::new() };
        format!("  {name}: {}{more}", named.join(", "))
    }

    fn to_json(&self, uid: u32) -> Value {
        json!({
            "uid": uid,
            "user": self.name.as_deref().map(json::bytes),
            "processes": self.processes.iter().map(process_to_json).collect::<Vec<_>>(),
        })
    }
}

fn process_to_json(process: &Process) -> Value {
    json!({
        "pid": process.pid,
        "name": json::bytes(&process.name),
        "mount_namespace": process.place.as_ref().ok().map(|place| place.namespace),
    })
}
