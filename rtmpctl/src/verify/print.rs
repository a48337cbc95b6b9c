//! The promises as text and as JSON.

use serde_json::json;

use super::Visitor;
use super::promise::{Check, Verdict};
use super::stage::Stage;
use crate::instances::shown;
use crate::json;
use crate::paint::Paint;

/// A line for each check, and a count.
pub fn to_text(stage: &Stage, visitors: &[Visitor<'_>], checks: &[Check], paint: Paint) -> String {
    let names: Vec<_> = visitors.iter().map(|v| v.account.name.to_string()).collect();
    let service = match stage.stack {
        Some(_) => "pam_rtmp.so alone".to_owned(),
        None => format!("service {}", shown(stage.service.to_bytes())),
    };
    let mut text = format!("sessions of {} through {service}\n", names.join(" and "));
    let (mut kept, mut broken) = (0, 0);
    for check in checks {
        let about =
            if check.about.is_empty() { String::new() } else { format!(" ({})", check.about) };
        let sentence = check.promise.sentence();
        let line = match &check.verdict {
            Verdict::Kept => {
                kept += 1;
                format!("PASS  {sentence}{about}")
            }
            Verdict::Broken(why) => {
                broken += 1;
                format!("{}  {sentence}{about}: {why}", paint.red("FAIL"))
            }
            Verdict::Skipped(why) => format!("-     {sentence}{about}: {why}"),
        };
        text.extend([line.as_str(), "\n"]);
    }
    text += &format!("{kept} kept, {broken} broken\n");
    text
}

/// The same facts.
pub fn to_json(visitors: &[Visitor<'_>], checks: &[Check]) -> Vec<u8> {
    let users = visitors.iter().map(|visitor| json::bytes(visitor.account.name.as_bytes()));
    let checks = checks.iter().map(|check| {
        let (result, detail) = match &check.verdict {
            Verdict::Kept => ("pass", None),
            Verdict::Broken(why) => ("fail", Some(why)),
            Verdict::Skipped(why) => ("skip", Some(why)),
        };
        json!({
            "promise": check.promise.word(),
            "about": check.about,
            "result": result,
            "detail": detail,
        })
    });
    let (users, checks): (Vec<_>, Vec<_>) = (users.collect(), checks.collect());
    json::answer("verify", json!({ "users": users, "checks": checks }))
}
