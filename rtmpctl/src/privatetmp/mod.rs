//! `rtmpctl privatetmp`: services have a private `/tmp`, too. systemd makes it, `PrivateTmp=` says
//! so, and what is configured is not yet what runs.
//!
//! ```text
//!  systemctl show ──units──▶ Unit ──┐
//!                                   ├──▶ list, verify
//!  /proc ──services──▶ Effect ──────┘
//!                      Holdings ──advice──▶ what to do, and why ──change──▶ dropin
//! ```

mod advice;
pub mod change;
mod dropin;
mod list;
pub mod services;
pub mod systemctl;
pub mod units;
mod verify;

use change::Change;

use crate::cli::PrivateTmpCommand;
use crate::outcome::{Failure, Outcome};
use crate::paint::Paint;

/// Does as it is told.
pub fn run(asked: &PrivateTmpCommand, paint: Paint) -> Result<Outcome, Failure> {
    match asked {
        PrivateTmpCommand::List(asked) => list::run(asked, paint),
        PrivateTmpCommand::Verify(asked) => verify::run(asked, paint),
        PrivateTmpCommand::Enable(asked) => change::run(Change::Enable, asked, paint),
        PrivateTmpCommand::Disable(asked) => change::run(Change::Disable, asked, paint),
    }
}
