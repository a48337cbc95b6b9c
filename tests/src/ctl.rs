//! `rtmpctl` in a world.

use crate::command::{Argv, Outcome, argv};
use crate::module::built;
use crate::world::{Blueprint, World};

/// Where it is there.
pub const RTMPCTL: &str = "/opt/rtmpctl/rtmpctl";

impl Blueprint {
    /// Brings `rtmpctl`, built from this tree.
    pub fn with_rtmpctl(self) -> Self {
        self.bring(built("rtmpctl", &[], "debug/rtmpctl"), RTMPCTL)
    }
}

impl World {
    /// Runs `rtmpctl` as root, outside every session.
    pub fn rtmpctl(&self, words: impl IntoIterator<Item = impl Into<String>>) -> Outcome {
        self.exec(rtmpctl(words))
    }
}

/// The command line of `rtmpctl`.
pub fn rtmpctl(words: impl IntoIterator<Item = impl Into<String>>) -> Argv {
    [argv([RTMPCTL]), argv(words)].concat()
}
