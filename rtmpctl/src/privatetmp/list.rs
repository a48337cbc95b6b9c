//! `rtmpctl privatetmp list`: each service's private `/tmp`, as it is configured and as it is.

use serde_json::{Value, json};

use super::advice::{Advice, advice};
use super::services::{Effect, Services};
use super::systemctl::Systemd;
use super::units::Unit;
use crate::cli::PrivateTmpList;
use crate::json;
use crate::outcome::{Failure, Outcome, Status};
use crate::paint::Paint;
use crate::sessions::Sessions;

struct Row {
    unit: Unit,
    effect: Effect,
    sharers: Vec<String>,
    advice: Vec<Advice>,
}

/// Asks systemd, looks at the processes, and says what is to be done.
pub fn run(asked: &PrivateTmpList, paint: Paint) -> Result<Outcome, Failure> {
    let units = Systemd::find()?.services(&asked.units)?;
    let sessions = Sessions::look()?;
    let services = Services::of(&sessions);
    let holdings = services.holdings();
    let rows = units.into_iter().map(|unit| {
        let effect = services.effect(&unit);
        let sharers = services.sharers(&unit, &effect);
        let advice = advice(&unit, &effect, &holdings, &sharers);
        Row { unit, effect, sharers, advice }
    });
    let is_worth_it = |row: &Row| {
        let is_asked = asked.all || !asked.units.is_empty();
        is_asked || row.effect != Effect::NotRunning || row.unit.is_private()
    };
    let rows: Vec<_> = rows.filter(is_worth_it).collect();
    let unseen = rows.iter().any(|row| row.effect == Effect::Unseen);
    let text = if asked.json { to_json(&rows) } else { to_text(&rows, paint).into_bytes() };
    Ok(Outcome { text, status: if unseen { Status::CouldNotTell } else { Status::Clean } })
}

fn configured(unit: &Unit) -> String {
    match unit.load.as_str() {
        "loaded" if unit.dynamic_user && unit.is_private() => {
            format!("{} (DynamicUser)", unit.private_tmp.word())
        }
        "loaded" => unit.private_tmp.word().to_owned(),
        load => load.to_owned(),
    }
}

fn to_text(rows: &[Row], paint: Paint) -> String {
    let titles = ["UNIT", "CONFIGURED", "EFFECTIVE", "ADVICE"].map(str::to_owned);
    let cells = rows.iter().map(|row| {
        let advice: Vec<_> = row.advice.iter().map(Advice::to_string).collect();
        let advice = if advice.is_empty() { "-".to_owned() } else { advice.join("; ") };
        [row.unit.id.clone(), configured(&row.unit), row.effect.word().to_owned(), advice]
    });
    let lines: Vec<_> = std::iter::once(titles).chain(cells).collect();
    let width = |at: usize| {
        let cells = lines.iter().filter_map(|line| line.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths = [width(0), width(1), width(2)];
    let pressing = rows.iter().map(|row| row.advice.iter().any(Advice::is_pressing));
    let mut text = String::new();
    for ([unit, configured, effective, advice], is_pressing) in
        lines.iter().zip(std::iter::once(false).chain(pressing))
    {
        let [first, second, third] = widths;
        let advice = if is_pressing { paint.yellow(advice) } else { advice.clone() };
        text += &format!("{unit:first$}  {configured:second$}  {effective:third$}  {advice}\n");
    }
    text
}

fn to_json(rows: &[Row]) -> Vec<u8> {
    let units: Vec<_> = rows.iter().map(row_to_json).collect();
    json::answer("privatetmp list", json!({ "units": units }))
}

fn row_to_json(row: &Row) -> Value {
    let Row { unit, effect, sharers, advice } = row;
    let places = match effect {
        Effect::Private(places) => places.iter().map(|at| json::bytes(&at.path)).collect(),
        Effect::NotRunning | Effect::Partly | Effect::Hosts | Effect::Unseen => Vec::new(),
    };
    let advice = advice.iter().map(|one| json!({ "kind": one.word(), "text": one.to_string() }));
    json!({
        "unit": unit.id,
        "loaded": unit.load,
        "active": unit.active,
        "configured": unit.private_tmp.word(),
        "dynamic_user": unit.dynamic_user,
        "needs_reload": unit.needs_reload,
        "joins": unit.joins,
        "effective": effect.word(),
        "directories": places,
        "shared_with": sharers,
        "advice": advice.collect::<Vec<_>>(),
    })
}
