//! `rtmpctl enable` and `rtmpctl disable`: the module in the session stacks, and out of them again.
//!
//! ```text
//!  Files ──proposal──▶ Files ──judge──▶ services ──trial──▶ attempts ──backup──▶ written
//!  now                 then             that change         real sessions
//! ```
//!
//! Everything left of *written* changes nothing on the host, so a dry run is the same, stopped there.

mod backup;
mod disable;
mod enable;
mod grace;
mod question;
mod rehearsal;
mod report;
mod trial;

pub use backup::Backup;
pub use disable::run as disable;
pub use enable::run as enable;
pub use grace::NOTE as UNCONFIRMED;
pub use rehearsal::program;
