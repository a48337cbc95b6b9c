//! `rtmpctl explain`: what a login would get, decision by decision, from the module's own plan.

mod disk;
mod print;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use rtmp_core::accounts::{Account, Surroundings};
use rtmp_core::conf::Rules;
use rtmp_core::options::{Options, Unmount};
use rtmp_core::path::Shown;
use rtmp_core::plan::{Decision, Plan, Verdict};
use rtmp_core::selinux::Selinux;

use crate::cli::ExplainArgs;
use crate::outcome::{Failure, Outcome, Status};
use crate::paint::Paint;
use crate::people::People;
use crate::service::{Call, Service};
use crate::standing::Standing;
use crate::tree::Tree;
use disk::{Covered, Thing};

/// What is said of one login.
struct Explanation<'a, 't> {
    user: &'a OsStr,
    account: Option<&'a Account>,
    service: Option<&'a Service>,
    call: Option<&'a Call>,
    /// What else is worth a line: defaults that were assumed, words that play no part.
    remarks: Vec<String>,
    answer: Answer<'t>,
}

/// What happens.
enum Answer<'t> {
    /// The service does not call the module.
    NotCalled,
    /// The module refuses before it has a plan.
    Refused(String),
    /// The plan, rule by rule.
    Planned(Vec<Line<'t>>, Vec<String>),
}

/// One decision, and what it rests on.
struct Line<'t> {
    decision: Decision<'t>,
    /// The rule in normal form.
    rule: Vec<u8>,
    /// Why it applies, where the decision itself does not say why it does not.
    because: Option<String>,
    /// The method that is not the one that was written.
    fallback: Option<String>,
    /// The directories it needs.
    things: Vec<Thing>,
}

impl Line<'_> {
    /// Why the module would refuse the login at this decision.
    fn refusal(&self) -> Option<String> {
        self.things.iter().find_map(|thing| match &thing.standing {
            Standing::Refused(why) => Some(format!("{} {}: {why}", thing.role, thing.path)),
            Standing::Fine(_) | Standing::Missing | Standing::Squat(_) | Standing::Unseen(_) => {
                None
            }
        })
    }

    fn has_unseen(&self) -> bool {
        self.things.iter().any(|thing| matches!(thing.standing, Standing::Unseen(_)))
    }
}

impl Answer<'_> {
    fn refusal(&self) -> Option<String> {
        match self {
            Self::NotCalled => None,
            Self::Refused(why) => Some(why.clone()),
            Self::Planned(lines, _) => lines.iter().find_map(Line::refusal),
        }
    }

    fn status(&self) -> Status {
        match self {
            Self::NotCalled => Status::Findings,
            _ if self.refusal().is_some() => Status::Findings,
            Self::Planned(lines, _) if lines.iter().any(Line::has_unseen) => Status::CouldNotTell,
            Self::Refused(_) | Self::Planned(..) => Status::Clean,
        }
    }
}

/// Gathers what the module would be told, makes its plan, and looks at what is there.
pub fn run(asked: &ExplainArgs, paint: Paint) -> Result<Outcome, Failure> {
    let tree = Tree::open(asked.looking.root.as_deref())?;
    let people = People::of(&tree).at_level(asked.level.as_deref());
    let service = asked.service.as_ref().map(|name| Service::read(&tree, name)).transpose()?;
    let call = service.as_ref().and_then(|service| service.our_calls().next());
    let options = call.map(Call::options).unwrap_or_default();
    let account = people.account(&asked.user)?;
    let mut explanation = Explanation {
        user: &asked.user,
        account: account.as_ref().ok(),
        service: service.as_ref(),
        call,
        remarks: remarks(asked, &options, service.as_ref(), &people),
        answer: Answer::NotCalled,
    };
    let sources;
    if service.is_none() || call.is_some() {
        sources = match tree.sources(&asked.files) {
            Err(failure) if asked.files.is_empty() && failure.is_the_module_s() => {
                Err(failure.to_string())
            }
            result => Ok(result?),
        };
        explanation.answer = match (&account, &sources) {
            (Err(why), _) | (_, Err(why)) => Answer::Refused(why.clone()),
            (Ok(account), Ok(sources)) => {
                let asker = asker(asked, &options, &people)?;
                let login = Login { tree: &tree, people: &people, account, options: &options };
                match asker {
                    Ok(asker) => login.answer(|| Rules::parse(sources), asker.as_ref()),
                    Err(why) => Answer::Refused(why),
                }
            }
        };
    }
    let status = explanation.answer.status();
    let text = match asked.looking.json {
        true => explanation.to_json(),
        false => explanation.to_text(paint).into_bytes(),
    };
    Ok(Outcome { text, status })
}

/// Who asks for the session, where that matters; or why the module refuses.
fn asker(
    asked: &ExplainArgs,
    options: &Options,
    people: &People<'_>,
) -> Result<Result<Option<Account>, String>, Failure> {
    if options.unmount == Unmount::Never {
        return Ok(Ok(None));
    }
    let ruser = asked.ruser.as_deref().unwrap_or(OsStr::new("root"));
    let found = people.account(ruser)?.map(Some);
    Ok(found.map_err(|why| format!("unable to tell whose instances to unmount: {why}")))
}

fn remarks(
    asked: &ExplainArgs,
    options: &Options,
    service: Option<&Service>,
    people: &People<'_>,
) -> Vec<String> {
    let mut remarks = Vec::new();
    if service.is_none() {
        remarks.push("no module options are assumed; --service reads a service's".to_owned());
    }
    if let Some(calls) = service.map(|service| service.our_calls().count()).filter(|n| *n > 1) {
        remarks.push(format!("the service calls the module {calls} times; this is the first call"));
    }
    let skippers = |service: &Service| {
        let call = service.our_calls().next();
        call.map(|call| {
            service
                .skippers(call)
                .iter()
                .map(|at| crate::diagnostic::file_and_line(*at))
                .collect::<Vec<_>>()
        })
    };
    for place in service.and_then(skippers).unwrap_or_default() {
        remarks.push(format!("{place} may leave out the call"));
    }
    for word in &options.unknown {
        remarks.push(format!("option \"{}\" is unknown and ignored", Shown(word)));
    }
    match (&asked.ruser, options.unmount) {
        (Some(ruser), Unmount::Never) => remarks.push(format!(
            "who asks ({}) plays no part without unmnt_remnt or unmnt_only",
            Shown(ruser.as_bytes())
        )),
        (None, Unmount::Remount | Unmount::Only) => {
            remarks.push("root is assumed to ask; --ruser names somebody else".to_owned());
        }
        (Some(_), Unmount::Remount | Unmount::Only) | (None, Unmount::Never) => {}
    }
    if let (Some(level), Selinux::Disabled) = (&asked.level, people.selinux()) {
        let level = Shown(level.as_bytes());
        remarks.push(format!("level {level} plays no part: SELinux is disabled"));
    }
    remarks
}

struct Login<'a> {
    tree: &'a Tree,
    people: &'a People<'a>,
    account: &'a Account,
    options: &'a Options,
}

impl Login<'_> {
    fn answer<'t>(&self, rules: impl Fn() -> Rules<'t>, asker: Option<&Account>) -> Answer<'t> {
        // The plan eats its rules, and leaves out what a person wants to be told.
        let written = rules().rules;
        let plan = Plan::new(rules(), self.account.clone(), asker, self.options, self.people);
        let plan = match plan {
            Ok(plan) => plan,
            Err(refusal) => return Answer::Refused(refusal.to_string()),
        };
        let ignored = plan.ignored.iter().map(ToString::to_string).collect();
        let without_selinux = self.people.selinux() == Selinux::Disabled;
        let mut covered = Covered::default();
        let lines = plan.decisions.into_iter().map(|decision| {
            let rule = written.iter().find(|rule| rule.origin == decision.rule);
            let mut line = Line {
                rule: rule.map(print::rule).unwrap_or_default(),
                because: None,
                fallback: None,
                things: Vec::new(),
                decision,
            };
            if let Verdict::Private(work) = &line.decision.verdict {
                line.because = rule.map(print::because);
                line.fallback = rule.filter(|_| without_selinux).and_then(print::fallback);
                let polydir = &line.decision.polydir;
                line.things = disk::things(self.tree, self.account, polydir, work, &covered);
                covered.add(polydir, work, &line.things);
            }
            line
        });
        Answer::Planned(lines.collect(), ignored)
    }
}
