//! `rtmpctl list` and `rtmpctl du`: the instances, whose they are and who is in them; and what they
//! take.

use std::time::{SystemTime, UNIX_EPOCH};

use rtmp_core::path::Shown;
use serde_json::{Value, json};

use crate::cli::{DuArgs, ListArgs};
use crate::instances::size::{self, Size};
use crate::instances::{self, Instance, Instances, Owner, State};
use crate::json;
use crate::outcome::{Failure, Outcome, Status};
use crate::paint::Paint;
use crate::table::{Column, Table};

/// Lists.
pub fn run(asked: &ListArgs, paint: Paint) -> Result<Outcome, Failure> {
    let (mut instances, _) = instances::look()?;
    if let Some(user) = &asked.user {
        instances.found.retain(|instance| instances::is_of(&instance.owner, user));
    }
    let rows: Vec<_> =
        instances.found.iter().map(|instance| Row { instance, size: None }).collect();
    Ok(answer("list", &rows, &instances, asked.json, paint))
}

/// Lists with sizes, the largest first.
pub fn du(asked: &DuArgs, paint: Paint) -> Result<Outcome, Failure> {
    let (mut instances, _) = instances::look()?;
    if let Some(user) = &asked.user {
        instances.found.retain(|instance| instances::is_of(&instance.owner, user));
    }
    let sizes = size::of_all(&instances.found);
    let mut rows: Vec<_> = instances
        .found
        .iter()
        .zip(sizes)
        .map(|(instance, size)| Row { instance, size: Some(size) })
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.bytes()));
    Ok(answer("du", &rows, &instances, asked.json, paint))
}

/// An instance, and what it takes where that was asked.
struct Row<'i> {
    instance: &'i Instance,
    size: Option<Result<Size, String>>,
}

impl Row<'_> {
    fn bytes(&self) -> u64 {
        self.size.as_ref().and_then(|size| size.as_ref().ok()).map_or(0, |size| size.bytes)
    }

    fn unsized_because(&self) -> Option<String> {
        let why = self.size.as_ref()?.as_ref().err()?;
        Some(format!("unable to count {}: {why}", instances::shown(&self.instance.path())))
    }
}

fn answer(
    command: &str,
    rows: &[Row<'_>],
    instances: &Instances,
    json: bool,
    paint: Paint,
) -> Outcome {
    let mut passed_over = instances.passed_over.clone();
    passed_over.extend(rows.iter().filter_map(Row::unsized_because));
    let text = match json {
        true => to_json(command, rows, &passed_over),
        false => to_text(rows, &passed_over, paint).into_bytes(),
    };
    let status = if passed_over.is_empty() { Status::Clean } else { Status::CouldNotTell };
    Outcome { text, status }
}

fn to_text(rows: &[Row<'_>], passed_over: &[String], paint: Paint) -> String {
    let with_size = rows.iter().any(|row| row.size.is_some());
    let with_level = rows.iter().any(|row| row.instance.level.is_some());
    let mut columns = vec![Column::right("UID"), Column::left("USER"), Column::left("POLYDIR")];
    columns.extend(with_level.then(|| Column::left("LEVEL")));
    columns.extend(with_size.then(|| Column::right("SIZE")));
    columns.extend([
        Column::right("SESSIONS"),
        Column::right("PROCESSES"),
        Column::right("LAST USE"),
        Column::left("STATE"),
        Column::left("INSTANCE"),
    ]);
    let now = now();
    let mut table = Table::new(columns);
    for row in rows {
        let Row { instance, size } = row;
        let shown = |bytes: Option<&[u8]>| bytes.map_or_else(|| "-".to_owned(), instances::shown);
        let uid = instance.owner.uid().map_or_else(|| "-".to_owned(), |uid| uid.to_string());
        let state = instance.state();
        let word = match state {
            State::Orphan | State::Draft | State::Unknown => paint.yellow(state.word()),
            State::Active | State::Idle => state.word().to_owned(),
        };
        let mut cells = vec![uid, shown(instance.owner.name()), shown(instance.polydir.as_deref())];
        cells.extend(with_level.then(|| shown(instance.level.as_deref())));
        cells.extend(size.as_ref().map(|size| match size {
            Ok(size) => human(size.bytes),
            Err(_) => "?".to_owned(),
        }));
        cells.extend([
            instance.usage.sessions.to_string(),
            instance.usage.processes.to_string(),
            if state == State::Active { "now".to_owned() } else { ago(now - instance.used) },
            word,
            Shown(&instance.path()).to_string(),
        ]);
        table.row(cells);
    }
    let mut text = table.to_text(paint);
    if with_size {
        let total = rows.iter().map(Row::bytes).sum();
        text += &format!("{} in {} instances\n", human(total), rows.len());
    }
    for sentence in passed_over {
        text += &format!("{}: {sentence}\n", paint.yellow("note"));
    }
    text
}

fn to_json(command: &str, rows: &[Row<'_>], passed_over: &[String]) -> Vec<u8> {
    let rows = rows.iter().map(|row| {
        let mut facts = facts(row.instance);
        if let (Value::Object(facts), Some(size)) = (&mut facts, &row.size) {
            let size = size.as_ref().ok();
            facts.insert("bytes".to_owned(), size.map(|size| size.bytes).into());
            facts.insert("files".to_owned(), size.map(|size| size.files).into());
        }
        facts
    });
    json::answer(
        command,
        json!({ "instances": rows.collect::<Vec<_>>(), "passed_over": passed_over }),
    )
}

/// An instance in JSON, as all commands say it.
pub fn facts(instance: &Instance) -> Value {
    let owner = match instance.owner {
        Owner::User { .. } => "user",
        Owner::Deleted { .. } => "deleted",
        Owner::Unknown { .. } => "unknown",
        Owner::Nobody => "nobody",
    };
    json!({
        "path": json::bytes(&instance.path()),
        "polydir": instance.polydir.as_deref().map(json::bytes),
        "owner": owner,
        "uid": instance.owner.uid(),
        "user": instance.owner.name().map(json::bytes),
        "level": instance.level.as_deref().map(json::bytes),
        "sessions": instance.usage.sessions,
        "processes": instance.usage.processes,
        "last_use": instance.used,
        "state": instance.state().word(),
    })
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// `3d`, the largest unit that fits.
pub fn ago(seconds: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
    let unit = UNITS.into_iter().find(|(length, _)| seconds >= *length);
    unit.map_or_else(|| "0s".to_owned(), |(length, name)| format!("{}{name}", seconds / length))
}

/// `1.2G`, in powers of 1024.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["K", "M", "G", "T", "P", "E"];
    if bytes < 1024 {
        return bytes.to_string();
    }
    // Tenths, so that nothing is lost in a float.
    let mut tenths = u128::from(bytes) * 10 / 1024;
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    while tenths >= 10_240 {
        let Some(next) = units.next() else { break };
        (tenths, unit) = (tenths / 1024, next);
    }
    match tenths {
        0..100 => format!("{}.{}{unit}", tenths / 10, tenths % 10),
        _ => format!("{}{unit}", tenths / 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ages_are_short() {
        for (bytes, want) in [
            (0, "0"),
            (1023, "1023"),
            (1024, "1.0K"),
            (12 << 10, "12K"),
            (1288490188, "1.1G"),
            (1023 << 20, "1023M"),
            (1 << 40, "1.0T"),
            (u64::MAX, "15E"),
        ] {
            assert_eq!(human(bytes), want, "{bytes}");
        }
        for (seconds, want) in
            [(-5, "0s"), (0, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (864_000, "10d")]
        {
            assert_eq!(ago(seconds), want, "{seconds}");
        }
    }
}
