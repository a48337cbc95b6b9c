//! What to do about a service's `PrivateTmp=`, and why.

use std::fmt;

use rtmp_core::path::Shown;

use super::services::{Effect, Holdings};
use super::units::Unit;

/// One piece of advice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advice {
    /// It has one, and should not: why.
    Unsafe(String),
    /// It has none, and should have none: why.
    Leave(String),
    /// What is loaded is not what the files say.
    Reload,
    /// What runs is not what is loaded.
    Restart,
    /// It is private for a reason that is not `PrivateTmp=`, or is no more when it is started next.
    OtherMeans,
    /// Others look for something of it there.
    Risky(String),
    /// Nothing of it is there now, so a private one takes nothing from anybody.
    Possible,
    /// It has one together with others.
    Shared(Vec<String>),
}

impl Advice {
    /// One word, which does not change when the sentence does.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Unsafe(_) => "unsafe",
            Self::Leave(_) => "leave",
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::OtherMeans => "other-means",
            Self::Risky(_) => "risky",
            Self::Possible => "possible",
            Self::Shared(_) => "shared",
        }
    }

    /// Whether somebody should do something.
    pub fn is_pressing(&self) -> bool {
        matches!(self, Self::Unsafe(_) | Self::Reload | Self::Restart)
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsafe(why) => write!(f, "UNSAFE: {why}"),
            Self::Leave(why) => write!(f, "leave it: {why}"),
            Self::Reload => f.write_str("daemon-reload: its files have changed"),
            Self::Restart => f.write_str("restart: what runs began before"),
            Self::OtherMeans => f.write_str(
                "private by other means, or until it is restarted: PrivateTmp= is not loaded",
            ),
            Self::Risky(why) => write!(f, "risky: {why}"),
            Self::Possible => f.write_str("possible: it has nothing open there now"),
            Self::Shared(units) => write!(f, "one and the same with {}", units.join(", ")),
        }
    }
}

/// Everything worth saying of a unit, the weightiest first. `sharers`: who has the same directories.
pub fn advice(
    unit: &Unit,
    effect: &Effect,
    holdings: &Holdings,
    sharers: &[String],
) -> Vec<Advice> {
    let is_effective = matches!(effect, Effect::Private(_));
    if let Some(why) = unit.spawns_sessions() {
        let has = unit.is_private() || is_effective;
        return vec![if has { Advice::Unsafe(why) } else { Advice::Leave(why) }];
    }
    let mut all = Vec::new();
    if unit.needs_reload {
        all.push(Advice::Reload);
    }
    match (unit.is_private(), effect) {
        (true, Effect::Hosts | Effect::Partly) => all.push(Advice::Restart),
        (false, Effect::Private(_) | Effect::Partly) => all.push(Advice::OtherMeans),
        (false, Effect::Hosts) => {
            let risks = risks(unit, holdings);
            let is_free = risks.is_empty();
            all.extend(risks.into_iter().map(Advice::Risky));
            all.extend(is_free.then_some(Advice::Possible));
        }
        (true, Effect::Private(_)) | (_, Effect::NotRunning | Effect::Unseen) => {}
    }
    if !sharers.is_empty() {
        all.push(Advice::Shared(sharers.to_vec()));
    }
    all
}

/// What others would miss.
pub fn risks(unit: &Unit, holdings: &Holdings) -> Vec<String> {
    let sockets = holdings.sockets(unit).into_iter();
    let sockets = sockets.map(|path| format!("others reach it by {}", Shown(path)));
    let shared = holdings.shared(unit).into_iter();
    let shared = shared.map(|(path, other)| format!("{} is open in {other}, too", Shown(path)));
    sockets.chain(shared).collect()
}
