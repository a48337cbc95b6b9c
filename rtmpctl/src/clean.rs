//! `rtmpctl clean`: removes instances that nobody is in.
//!
//! ```text
//!  instances ──choose──▶ Unit ──set aside──▶ held? ──no──▶ removed
//!                        a name in a parent    └───yes──▶ put back
//! ```
//!
//! What goes is given another name first, which no login looks for: whoever comes later gets a new
//! instance, and whoever came earlier is seen to hold the old one.

mod choice;
mod print;

use std::collections::{HashMap, HashSet};
use std::ffi::CStr;

use nix::unistd::geteuid;
use rtmp_core::path::AbsPath;
use rtmp_core::session::Why;
use rtmp_core::session::stock::{Aside, Stock};

use crate::cli::CleanArgs;
use crate::instances::{self, Instances};
use crate::outcome::{Failure, Outcome, Status};
use crate::paint::Paint;
use crate::record::Record;
use crate::sessions::holders;
pub use choice::Unit;

/// What became of a unit.
enum End {
    /// It would be removed.
    Spared,
    /// It was removed.
    Removed,
    /// A login made another one meanwhile, or it has gone.
    Gone,
    /// It is still there: why.
    Kept(String),
    /// It is still there, in part or under another name: why.
    Failed(String),
}

/// Chooses, and removes what was chosen.
pub fn run(asked: &CleanArgs, paint: Paint) -> Result<Outcome, Failure> {
    if !asked.dry_run && !geteuid().is_root() {
        return Err(Failure::NotRoot("remove instances"));
    }
    let (Instances { found, mut passed_over }, sessions) = instances::look()?;
    let units = choice::choose(&found, &sessions, asked, &mut passed_over);
    let ends = match asked.dry_run {
        true => units.iter().map(Unit::dry).collect(),
        false => remove(&units)?,
    };
    let has_failed = ends.iter().any(|end| matches!(end, End::Failed(_)));
    let text = match asked.json {
        true => print::to_json(&units, &ends, &passed_over),
        false => print::to_text(&units, &ends, &passed_over, paint).into_bytes(),
    };
    let is_clean = !has_failed && passed_over.is_empty();
    Ok(Outcome { text, status: if is_clean { Status::Clean } else { Status::CouldNotTell } })
}

impl Unit {
    fn dry(&self) -> End {
        self.kept.clone().map_or(End::Spared, End::Kept)
    }
}

/// Removes all units. All of it is recorded before anything is done.
fn remove(units: &[Unit]) -> Result<Vec<End>, Failure> {
    let mut removable = units.iter().filter(|unit| unit.kept.is_none()).peekable();
    if removable.peek().is_some() {
        let mut record = Record::open()?;
        removable.try_for_each(|unit| record.write("clean", &unit.sentence("remove")))?;
    }
    let mut stocks = Stocks::new();
    for unit in units {
        stocks.entry(&unit.parent).or_insert_with(|| Stock::open(&unit.parent));
    }
    let steps: Vec<_> = units.iter().map(|unit| set_aside(unit, &stocks)).collect();
    let aside = steps.iter().flatten();
    let names: HashSet<_> = aside.map(|(_, aside)| aside.aside().to_bytes().to_vec()).collect();
    let held = if names.is_empty() { Ok(HashMap::new()) } else { holders::of(&names) };
    let ends = steps.into_iter().map(|step| match step {
        Ok((stock, aside)) => finish(stock, &aside, &held),
        Err(end) => end,
    });
    let ends = ends.collect();
    held.map(|_| ends)
}

type Stocks<'u> = HashMap<&'u AbsPath, Result<Stock, Why>>;

fn set_aside<'s>(unit: &Unit, stocks: &'s Stocks<'_>) -> Result<(&'s Stock, Aside), End> {
    if let Some(why) = &unit.kept {
        return Err(End::Kept(why.clone()));
    }
    match stocks.get(&unit.parent) {
        Some(Ok(stock)) => match stock.set_aside(&unit.name) {
            Ok(Some(aside)) => Ok((stock, aside)),
            Ok(None) => Err(End::Gone),
            Err(why) => Err(End::Failed(why.to_string())),
        },
        Some(Err(why)) => Err(End::Failed(why.to_string())),
        None => Err(End::Gone),
    }
}

fn finish(stock: &Stock, aside: &Aside, held: &Result<HashMap<Vec<u8>, i32>, Failure>) -> End {
    let why = match held {
        Ok(held) => match held.get(aside.aside().to_bytes()) {
            None => {
                return match stock.remove(aside) {
                    Ok(()) => End::Removed,
                    Err(why) => {
                        End::Failed(format!("{why}; what is left is {}", shown(aside.aside())))
                    }
                };
            }
            Some(pid) => format!("process {pid} has come to hold it"),
        },
        Err(failure) => failure.to_string(),
    };
    match stock.put_back(aside) {
        Ok(()) => End::Kept(why),
        Err(error) => End::Failed(format!(
            "{why}, and it cannot have its name back: {error}; it is {} now",
            shown(aside.aside())
        )),
    }
}

fn shown(name: &CStr) -> String {
    instances::shown(name.to_bytes())
}
