//! Medians and what lies around them.

use serde::Serialize;

use crate::subject::Sample;

/// One subject in one scene of one pass; times in nanoseconds.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
pub struct Summary {
    /// How often it was done.
    pub samples: usize,
    /// The module alone, by the wall clock.
    pub module: Times,
    /// The module alone, of its thread.
    pub cpu: Times,
    /// The whole call of libpam, by the wall clock.
    pub whole: Times,
    /// Page faults in the module: the median.
    pub faults: f64,
}

/// What lies below half, and below nearly all, of the samples.
#[derive(Clone, Copy, Debug, Serialize, serde::Deserialize)]
pub struct Times {
    pub median: f64,
    pub p99: f64,
}

impl Summary {
    pub fn of(samples: &[Sample]) -> Self {
        let times = |part: fn(&Sample) -> u64| {
            let sorted = sorted(samples.iter().map(|sample| part(sample) as f64).collect());
            Times { median: quantile(&sorted, 0.5), p99: quantile(&sorted, 0.99) }
        };
        Self {
            samples: samples.len(),
            module: times(|sample| sample.module.wall),
            cpu: times(|sample| sample.module.cpu),
            whole: times(|sample| sample.whole.wall),
            faults: times(|sample| sample.module.faults).median,
        }
    }
}

/// A ratio of medians, once from each pass: the middle one, the least and the most.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ratio {
    pub median: f64,
    pub least: f64,
    pub most: f64,
}

impl Ratio {
    /// Of the ratios of the passes.
    pub fn of(passes: Vec<f64>) -> Self {
        let sorted = sorted(passes);
        Self {
            median: quantile(&sorted, 0.5),
            least: quantile(&sorted, 0.0),
            most: quantile(&sorted, 1.0),
        }
    }
}

pub fn median(values: Vec<f64>) -> f64 {
    quantile(&sorted(values), 0.5)
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The nearest of the sorted values.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * share).round() as usize]
}
