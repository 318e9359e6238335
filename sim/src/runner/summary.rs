//! What a sweep adds up to. All of it is sums, so that it is the same however the runs were spread over threads and
//! machines; what is vacuous (a fault family that is on and never fires, a `sometimes` never reached) is said.

use crate::run::{Failure, RunReport, Settings};
use crate::runner::settings;
use std::collections::BTreeMap;

/// How many failures of a scenario are kept: those with the lowest seeds, whichever thread met them first. All count.
pub const FAILURES_KEPT: usize = 1000;

/// One run that failed.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Its seed.
    pub seed: u64,
    /// Its hash.
    pub hash: u64,
    /// How many calls it took to fail.
    pub calls: u64,
    /// What broke.
    pub failure: Failure,
}

/// How a fault family did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fired {
    /// Runs in which it was on.
    pub enabled: u64,
    /// How often it changed something.
    pub fired: u64,
}

/// The runs of one scenario.
#[derive(Clone, Debug, Default)]
pub struct StorySum {
    /// How many.
    pub seeds: u64,
    /// System calls made.
    pub calls: u64,
    /// Simulated nanoseconds.
    pub simulated: u128,
    /// How many failed.
    pub failures: u64,
    /// The failures with the lowest seeds, in the order of their seeds.
    pub failed: BTreeMap<u64, Failed>,
    /// By fault family.
    pub faults: BTreeMap<&'static str, Fired>,
    /// By name of a `sometimes`: in how many runs it was reached.
    pub sometimes: BTreeMap<&'static str, u64>,
    /// The part of the sweep's hash.
    pub hash: u64,
    /// Why it does not run with these settings.
    pub refused: Option<String>,
}

impl StorySum {
    /// Counts a run.
    pub fn add(&mut self, scenario: &str, configuration: &str, seed: u64, report: RunReport) {
        self.seeds += 1;
        self.calls += report.calls;
        self.simulated += u128::from(report.simulated);
        self.hash = self.hash.wrapping_add(mix(scenario, configuration, seed, report.hash));
        for (family, fired) in report.faults {
            let sum = self.faults.entry(family).or_default();
            sum.enabled += 1;
            sum.fired += fired;
        }
        for (name, reached) in report.sometimes {
            *self.sometimes.entry(name).or_default() += u64::from(reached);
        }
        if let Some(failure) = report.failure {
            self.failures += 1;
            self.keep(Failed { seed, hash: report.hash, calls: report.calls, failure });
        }
    }

    fn keep(&mut self, failed: Failed) {
        self.failed.insert(failed.seed, failed);
        if self.failed.len() > FAILURES_KEPT {
            self.failed.pop_last();
        }
    }

    /// Adds what another thread counted.
    pub fn merge(&mut self, other: StorySum) {
        self.seeds += other.seeds;
        self.calls += other.calls;
        self.simulated += other.simulated;
        self.hash = self.hash.wrapping_add(other.hash);
        self.failures += other.failures;
        for (family, fired) in other.faults {
            let sum = self.faults.entry(family).or_default();
            sum.enabled += fired.enabled;
            sum.fired += fired.fired;
        }
        for (name, reached) in other.sometimes {
            *self.sometimes.entry(name).or_default() += reached;
        }
        for failed in other.failed.into_values() {
            self.keep(failed);
        }
        // Several threads may have met the refusal; it depends on the settings alone.
        self.refused = self.refused.take().or(other.refused);
    }
}

/// The number that a run adds to the hash of its sweep.
pub fn mix(scenario: &str, configuration: &str, seed: u64, hash: u64) -> u64 {
    let mut trace = crate::trace::TraceHash::default();
    trace.bytes(scenario.as_bytes());
    trace.bytes(configuration.as_bytes());
    trace.words(seed, hash);
    trace.value()
}

/// A run in which the harness itself failed.
#[derive(Clone, Debug)]
pub struct Broken {
    /// The scenario.
    pub scenario: &'static str,
    /// The seed.
    pub seed: u64,
    /// The panic's text.
    pub text: String,
}

/// The whole sweep.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// By scenario, in the order in which they were given.
    pub stories: Vec<(&'static str, StorySum)>,
    /// What every run was set to.
    pub settings: Settings,
    /// What was left out, and why.
    pub skipped: Vec<(String, String)>,
    /// Failures of the harness.
    pub broken: Vec<Broken>,
    /// Whether everything that was asked for ran.
    pub complete: bool,
    /// Real seconds.
    pub elapsed: f64,
}

impl Sweep {
    /// A number over all scenarios.
    fn sum(&self, of: impl Fn(&StorySum) -> u64) -> u64 {
        self.stories.iter().map(|(_, story)| of(story)).sum()
    }

    /// How many runs.
    pub fn seeds(&self) -> u64 {
        self.sum(|story| story.seeds)
    }

    /// How many system calls.
    pub fn calls(&self) -> u64 {
        self.sum(|story| story.calls)
    }

    /// How many runs failed.
    pub fn failures(&self) -> u64 {
        self.sum(|story| story.failures)
    }

    /// Simulated seconds.
    pub fn simulated(&self) -> f64 {
        self.stories.iter().map(|(_, story)| story.simulated).sum::<u128>() as f64 / 1e9
    }

    /// The hash of all runs: a wrapping sum, whatever the order.
    pub fn hash(&self) -> u64 {
        self.stories.iter().fold(0, |sum, (_, story)| sum.wrapping_add(story.hash))
    }

    /// By fault family, over all scenarios.
    pub fn faults(&self) -> BTreeMap<&'static str, Fired> {
        let mut all: BTreeMap<&'static str, Fired> = BTreeMap::new();
        for (family, fired) in self.stories.iter().flat_map(|(_, story)| &story.faults) {
            let sum = all.entry(family).or_default();
            sum.enabled += fired.enabled;
            sum.fired += fired.fired;
        }
        all
    }

    /// Families that were on and never changed anything: their green says nothing.
    pub fn vacuous(&self) -> Vec<&'static str> {
        self.faults().into_iter().filter(|(_, sum)| sum.fired == 0).map(|(family, _)| family).collect()
    }

    /// The `sometimes` that no run reached, each with its scenario.
    pub fn unreached(&self) -> Vec<(&'static str, &'static str)> {
        let all = self.stories.iter().flat_map(|(scenario, story)| {
            story.sometimes.iter().filter(|(_, reached)| **reached == 0).map(|(name, _)| (*scenario, *name))
        });
        all.collect()
    }

    /// Scenarios that do not run with these settings, each with the reason.
    pub fn refused(&self) -> Vec<(&'static str, &str)> {
        self.stories.iter().filter_map(|(name, story)| Some((*name, story.refused.as_deref()?))).collect()
    }

    /// The kept failures in a stable order: by scenario as given, then by seed.
    pub fn failed(&self) -> impl Iterator<Item = (&'static str, &Failed)> {
        self.stories.iter().flat_map(|(name, story)| story.failed.values().map(|failed| (*name, failed)))
    }

    /// One failure for each fingerprint of each scenario, the one that fails in the fewest calls, with how many of the kept
    /// ones share it. In the order in which they are first met.
    pub fn distinct(&self) -> Vec<(&'static str, &Failed, usize)> {
        let mut found: Vec<(&'static str, &Failed, usize)> = Vec::new();
        for (name, failed) in self.failed() {
            let same = |(other, first, _): &&mut (&'static str, &Failed, usize)| {
                *other == name && first.failure.fingerprint() == failed.failure.fingerprint()
            };
            match found.iter_mut().find(same) {
                Some((_, first, count)) => {
                    *count += 1;
                    if failed.calls < first.calls {
                        *first = failed;
                    }
                }
                None => found.push((name, failed, 1)),
            }
        }
        found
    }

    /// The configuration in one text.
    pub fn configuration(&self) -> String {
        settings::text(&self.settings)
    }
}
