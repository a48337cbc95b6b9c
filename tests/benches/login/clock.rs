//! What an act costs the thread that does it.

use nix::sys::resource::{UsageWho, getrusage};
use nix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// One measurement.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Reading {
    /// In nanoseconds.
    pub wall: u64,
    /// Of this thread, in nanoseconds: what somebody else's turn on the processor does not lengthen.
    /// A script's processes are not in it.
    pub cpu: u64,
    /// Page faults without a read from disk.
    pub faults: u64,
}

/// A clock that runs.
pub struct Clock {
    wall: u64,
    cpu: u64,
    faults: u64,
}

impl Clock {
    pub fn start() -> Self {
        // The wall last, so that reading the others is not in it.
        let (faults, cpu) = (faults(), now(ClockId::CLOCK_THREAD_CPUTIME_ID));
        Self { faults, cpu, wall: now(ClockId::CLOCK_MONOTONIC) }
    }

    pub fn stop(self) -> Reading {
        let wall = now(ClockId::CLOCK_MONOTONIC);
        let cpu = now(ClockId::CLOCK_THREAD_CPUTIME_ID);
        Reading { wall: wall - self.wall, cpu: cpu - self.cpu, faults: faults() - self.faults }
    }
}

impl Reading {
    /// What `clock.c` says.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split(' ').map_while(|number| number.parse().ok());
        Some(Self { wall: numbers.next()?, cpu: numbers.next()?, faults: numbers.next()? })
    }
}

fn now(clock: ClockId) -> u64 {
    let time = clock_gettime(clock).unwrap();
    u64::try_from(time.tv_sec()).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap()
}

fn faults() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_THREAD).unwrap();
    u64::try_from(usage.minor_page_faults()).unwrap()
}
