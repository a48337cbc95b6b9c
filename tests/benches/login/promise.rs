//! What was promised, as ratios of medians.

use serde::Serialize;

use crate::pass::Pass;
use crate::scene::{CIRCUMSTANCES, LOADING, MAIN, MANY, name};
use crate::stats::{Ratio, Summary};

/// One ratio and its bound.
#[derive(Debug, Serialize)]
pub struct Promise {
    pub what: &'static str,
    pub ratio: Ratio,
    pub bound: Bound,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
    /// Only said.
    None,
}

impl Promise {
    /// By the median of the passes.
    pub fn is_kept(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.ratio.median <= most,
            Bound::AtLeast(least) => self.ratio.median >= least,
            Bound::None => true,
        }
    }
}

type Part = fn(&Summary) -> f64;

/// The module alone, by the wall clock.
pub const MODULE: Part = |summary| summary.module.median;
/// The whole call of libpam, by the wall clock.
pub const WHOLE: Part = |summary| summary.whole.median;
/// The module alone, of its thread.
pub const CPU: Part = |summary| summary.cpu.median;

/// One subject's part divided by another's, in a scene of each pass.
pub fn ratio(passes: &[Pass], scene: &str, part: Part, over: &str, under: &str) -> Ratio {
    let each = passes.iter().map(|pass| {
        let scene = &pass.scenes[scene];
        part(&scene[over]) / part(&scene[under])
    });
    Ratio::of(each.collect())
}

/// The promises about what was measured, in the order of the document.
pub fn all(passes: &[Pass]) -> Vec<Promise> {
    use Bound::{AtLeast, AtMost};
    use name::*;
    let [.., (thousand, ..), _] = MANY;
    let [.., both] = CIRCUMSTANCES;
    [
        ("module, template ÷ its floor", MAIN, MODULE, TEMPLATE, FLOOR_TEMPLATE, AtMost(1.25)),
        ("module, prefix ÷ its floor", MAIN, MODULE, PREFIX, FLOOR_PREFIX, AtMost(1.25)),
        ("module, template ÷ minimal safe floor", MAIN, MODULE, TEMPLATE, MINIMAL, Bound::None),
        ("module, prefix ÷ minimal safe floor", MAIN, MODULE, PREFIX, MINIMAL, Bound::None),
        ("module, `noinit`: pam_namespace ÷ ours", MAIN, MODULE, THEIRS, PREFIX, AtLeast(3.0)),
        (
            "module, stock script: pam_namespace ÷ ours",
            MAIN,
            MODULE,
            THEIRS_SCRIPT,
            PREFIX_SCRIPT,
            AtLeast(18.0),
        ),
        ("whole call, `noinit`: pam_namespace ÷ ours", MAIN, WHOLE, THEIRS, PREFIX, AtLeast(2.4)),
        (
            "whole call, stock script: pam_namespace ÷ ours",
            MAIN,
            WHOLE,
            THEIRS_SCRIPT,
            PREFIX_SCRIPT,
            AtLeast(13.0),
        ),
        ("`pam_start`: ours ÷ a C module's", LOADING, WHOLE, START, START_NOTHING, AtMost(1.25)),
        ("`pam_start`: pam_namespace ÷ ours", LOADING, WHOLE, START_THEIRS, START, Bound::None),
        (
            "module, 1,000 mounts: pam_namespace ÷ ours",
            thousand,
            MODULE,
            THEIRS,
            PREFIX,
            AtLeast(2.2),
        ),
        (
            "module, `root,adm` and 5,000 users: pam_namespace ÷ ours",
            both,
            MODULE,
            THEIRS,
            PREFIX,
            AtLeast(3.0),
        ),
    ]
    .into_iter()
    .filter(|(_, scene, ..)| passes.iter().all(|pass| pass.scenes.contains_key(*scene)))
    .map(|(what, scene, part, over, under, bound)| Promise {
        what,
        ratio: ratio(passes, scene, part, over, under),
        bound,
    })
    .collect()
}
