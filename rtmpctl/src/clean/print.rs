//! What `clean` did, as text and as JSON.

use serde_json::json;

use super::{End, Unit};
use crate::instances;
use crate::json;
use crate::paint::Paint;

/// A line for each unit.
pub fn to_text(units: &[Unit], ends: &[End], passed_over: &[String], paint: Paint) -> String {
    let mut text = String::new();
    for (unit, end) in units.iter().zip(ends) {
        let line = match end {
            End::Spared => unit.sentence("would remove"),
            End::Removed => unit.sentence("removed"),
            End::Gone => format!("{} has gone meanwhile", instances::shown(&unit.path())),
            End::Kept(why) => format!("kept {}: {why}", instances::shown(&unit.path())),
            End::Failed(why) => {
                paint.red(&format!("unable to remove {}: {why}", instances::shown(&unit.path())))
            }
        };
        text.extend([line.as_str(), "\n"]);
    }
    if units.is_empty() {
        text += "nothing to remove\n";
    }
    for sentence in passed_over {
        text += &format!("{}: {sentence}\n", paint.yellow("note"));
    }
    text
}

/// The same facts.
pub fn to_json(units: &[Unit], ends: &[End], passed_over: &[String]) -> Vec<u8> {
    let facts = units.iter().zip(ends).map(|(unit, end)| {
        let (outcome, why) = match end {
            End::Spared => ("would-remove", None),
            End::Removed => ("removed", None),
            End::Gone => ("gone", None),
            End::Kept(why) => ("kept", Some(why)),
            End::Failed(why) => ("failed", Some(why)),
        };
        json!({
            "path": json::bytes(&unit.path()),
            "uid": unit.owner.uid(),
            "user": unit.owner.name().map(json::bytes),
            "state": unit.state.word(),
            "last_use": unit.used,
            "outcome": outcome,
            "why": why,
        })
    });
    json::answer("clean", json!({ "units": facts.collect::<Vec<_>>(), "passed_over": passed_over }))
}
