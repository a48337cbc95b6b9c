//! An explanation as text and as JSON.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;

use rtmp_core::conf::{Key, List, Rule};
use rtmp_core::path::Shown;
use rtmp_core::plan::Verdict;
use serde_json::{Value, json};

use super::{Answer, Explanation, Line};
use crate::diagnostic::{file_and_line, shown};
use crate::json;
use crate::normal;
use crate::paint::Paint;
use crate::standing::Standing;

/// A rule in normal form.
pub fn rule(rule: &Rule<'_>) -> Vec<u8> {
    normal::Line::of(rule).map(|line| line.text()).unwrap_or_default()
}

/// Why a rule applies.
pub fn because(rule: &Rule<'_>) -> String {
    match (&rule.list, normal::list(&rule.list)) {
        (List::AllBut(_), Some(list)) => format!("not in the list {}", Shown(&list)),
        (List::Only(_), Some(list)) => format!("in the list {}", Shown(&list)),
        (List::AllBut(_) | List::Only(_), None) => {
            "there is no list, so it is for everybody".to_owned()
        }
    }
}

/// What a method falls back to without SELinux.
pub fn fallback(rule: &Rule<'_>) -> Option<String> {
    let method = match rule.backing.key()? {
        Key::User => return None,
        Key::Context { .. } => "context",
        Key::Level { .. } => "level",
    };
    Some(format!("{method} is user here: SELinux is disabled"))
}

impl Explanation<'_, '_> {
    /// A few lines for each decision, and the answer last.
    pub fn to_text(&self, paint: Paint) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        self.write(&mut text, paint).unwrap_or_default();
        text
    }

    fn write(&self, f: &mut String, paint: Paint) -> std::fmt::Result {
        write!(f, "{}", paint.bold(&Shown(self.user.as_bytes()).to_string()))?;
        if let Some(account) = self.account {
            let home = Shown(&account.home);
            write!(f, ": uid {}, gid {}, home {home}", account.uid, account.gid)?;
        }
        f.push('\n');
        if let Some(sentence) = self.service_sentence() {
            writeln!(f, "{sentence}")?;
        }
        for remark in &self.remarks {
            writeln!(f, "({remark})")?;
        }
        f.push('\n');
        if let Answer::Planned(lines, ignored) = &self.answer {
            for fault in ignored {
                writeln!(f, "{}: {fault}", paint.yellow("ignored"))?;
            }
            lines.iter().try_for_each(|line| line.write(f, paint))?;
            f.push('\n');
        }
        match (self.answer.refusal(), self.outcome()) {
            (Some(why), _) => writeln!(f, "{}: {why}", paint.red("The login is refused")),
            (None, outcome) => writeln!(f, "{}", outcome.sentence()),
        }
    }

    fn service_sentence(&self) -> Option<String> {
        let service = self.service?;
        let mut sentence = format!("service {}", Shown(&service.name));
        if service.by_default {
            sentence += " has no file, so \"other\" counts, which";
        }
        match self.call {
            None => sentence += " does not call pam_rtmp.so",
            Some(call) => {
                let control = Shown(&call.control);
                sentence += &format!(" calls pam_rtmp.so, {control}");
                if let Some(origin) = service.origin(call) {
                    sentence += &format!(", at {}", file_and_line(origin));
                }
                if !call.words.is_empty() {
                    sentence += &format!(", with {}", call.shown_words());
                }
            }
        }
        for path in &service.missing {
            sentence += &format!(
                "\nservice {} includes {}, which is missing",
                Shown(&service.name),
                shown(path)
            );
        }
        Some(sentence)
    }

    fn outcome(&self) -> Told {
        match &self.answer {
            Answer::NotCalled => Told::NotCalled,
            answer if answer.refusal().is_some() => Told::Refused,
            Answer::Refused(_) => Told::Refused,
            Answer::Planned(lines, _) => {
                let private =
                    |line: &Line<'_>| matches!(line.decision.verdict, Verdict::Private(_));
                match lines.iter().any(|line| private(line) || line.decision.uncover.is_some()) {
                    true => Told::Private,
                    false => Told::Untouched,
                }
            }
        }
    }

    /// The same facts.
    pub fn to_json(&self) -> Vec<u8> {
        let (decisions, ignored) = match &self.answer {
            Answer::Planned(lines, ignored) => {
                (lines.iter().map(Line::to_json).collect(), ignored.clone())
            }
            Answer::NotCalled | Answer::Refused(_) => (Vec::new(), Vec::new()),
        };
        json::answer(
            "explain",
            json!({
                "user": json::bytes(self.user.as_bytes()),
                "uid": self.account.map(|account| account.uid),
                "gid": self.account.map(|account| account.gid),
                "home": self.account.map(|account| json::bytes(&account.home)),
                "service": self.service.map(|service| self.service_to_json(service)),
                "remarks": self.remarks,
                "outcome": self.outcome().word(),
                "refusal": self.answer.refusal(),
                "ignored": ignored,
                "decisions": Vec::<Value>::from_iter(decisions),
            }),
        )
    }

    fn service_to_json(&self, service: &crate::service::Service) -> Value {
        let origin = self.call.and_then(|call| service.origin(call));
        json!({
            "name": json::bytes(&service.name),
            "calls_module": self.call.is_some(),
            "control": self.call.map(|call| json::bytes(&call.control)),
            "options": self.call.map(|call| {
                call.words.iter().map(|word| json::bytes(word)).collect::<Vec<_>>()
            }),
            "file": origin.map(|origin| json::path(origin.file)),
            "line": origin.map(|origin| origin.line),
        })
    }
}

/// How the login ends, in one word or one sentence.
enum Told {
    Private,
    Untouched,
    Refused,
    NotCalled,
}

impl Told {
    fn word(&self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Untouched => "untouched",
            Self::Refused => "refused",
            Self::NotCalled => "not-called",
        }
    }

    fn sentence(&self) -> &'static str {
        match self {
            Self::Private => "The session gets a mount namespace of its own.",
            Self::Untouched => {
                "Nothing is mounted; the session stays in the namespace it comes from."
            }
            Self::Refused => "The login is refused.",
            Self::NotCalled => "Nothing happens: a login through this service is not private.",
        }
    }
}

impl Line<'_> {
    fn write(&self, f: &mut String, paint: Paint) -> std::fmt::Result {
        writeln!(f, "{}", self.decision)?;
        let mut detail = |name: &str, text: &str| writeln!(f, "    {name:<9} {text}");
        detail("rule", &Shown(&self.rule).to_string())?;
        if let Some(because) = &self.because {
            detail("because", because)?;
        }
        if let Some(fallback) = &self.fallback {
            detail("method", fallback)?;
        }
        let widest = self.things.iter().map(|thing| thing.path.to_string().chars().count()).max();
        let widest = widest.unwrap_or_default();
        for (index, thing) in self.things.iter().enumerate() {
            let standing = thing.detail();
            let standing = match thing.standing {
                Standing::Refused(_) => paint.red(&standing),
                Standing::Squat(_) | Standing::Unseen(_) => paint.yellow(&standing),
                Standing::Fine(_) | Standing::Missing => standing,
            };
            let path = thing.path.to_string();
            let name = if index == 0 { "on disk" } else { "" };
            detail(name, &format!("{path:<widest$}  {standing}"))?;
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        let decision = &self.decision;
        let (verdict, instance, why) = match &decision.verdict {
            Verdict::Exempt(why) => ("exempt", None, Some(why.to_string())),
            Verdict::Private(work) => ("private", Some(work.to_string()), self.because.clone()),
        };
        let flags = match &decision.verdict {
            Verdict::Private(work) => normal::flag_names(&work.flags).collect(),
            Verdict::Exempt(_) => Vec::new(),
        };
        json!({
            "file": json::path(decision.rule.file),
            "line": decision.rule.line,
            "rule": json::bytes(&self.rule),
            "polydir": decision.polydir.to_string(),
            "verdict": verdict,
            "because": why,
            "method": self.fallback,
            "instance": instance,
            "flags": flags,
            "uncover": decision.uncover.as_ref().map(ToString::to_string),
            "sentence": decision.to_string(),
            "disk": self.things.iter().map(|thing| json!({
                "role": thing.role,
                "path": thing.path.to_string(),
                "state": thing.standing.word(),
                "detail": thing.detail(),
            })).collect::<Vec<_>>(),
        })
    }
}
