//! What a sweep adds up to. All of it is sums, so that it is the same however the runs were spread over threads and
//! machines: the same [`Sums`] count the runs of a thread, of a sweep, of a shard and of all shards.

use crate::count::count;
use crate::run::{Empty, Failure, RunReport, Settings};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How many failures of one kind are kept: those with the lowest seeds, whichever thread met them first. All count.
pub const FAILURES_KEPT: usize = 1000;

/// A literal name, or one that was read from a file.
pub type Name = Cow<'static, str>;

/// How a fault family did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "cli", derive(serde::Serialize, serde::Deserialize))]
pub struct Fired {
    /// Runs in which it was on.
    pub enabled: u64,
    /// How often it changed something.
    pub fired: u64,
}

/// Sums over runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "cli", derive(serde::Serialize, serde::Deserialize))]
pub struct Sums {
    /// Runs in all.
    pub seeds: u64,
    /// Runs that failed.
    pub failures: u64,
    /// Runs in which the harness itself failed.
    pub harness_failures: u64,
    /// System calls made.
    pub calls: u64,
    /// Simulated nanoseconds; in JSON, seconds.
    #[cfg_attr(feature = "cli", serde(rename = "simulated_s", with = "super::json::seconds"))]
    pub simulated: u128,
    /// The wrapping sum, over all runs, of a hash of scenario, settings, seed and trace hash.
    #[cfg_attr(feature = "cli", serde(with = "super::json::hash"))]
    pub hash: u64,
    /// By fault family.
    pub faults: BTreeMap<Name, Fired>,
    /// By scenario: runs that tested nothing.
    #[cfg_attr(feature = "cli", serde(default, skip_serializing_if = "BTreeMap::is_empty"))]
    pub empty: BTreeMap<Name, u64>,
    /// By scenario and name of a `sometimes`: in how many runs it was reached.
    pub sometimes: BTreeMap<Name, BTreeMap<Name, u64>>,
    /// By file and line: the `sometimes!` that no run passed and that are no scenario's own.
    #[cfg_attr(feature = "cli", serde(default, skip_serializing_if = "BTreeMap::is_empty"))]
    pub unpassed: BTreeMap<String, BTreeSet<Name>>,
}

impl Sums {
    /// Counts a run.
    fn add(&mut self, scenario: &'static str, configuration: &str, seed: u64, report: &RunReport) {
        self.seeds += 1;
        self.failures += u64::from(report.failure.is_some());
        self.calls += report.calls;
        self.simulated += u128::from(report.simulated);
        self.hash = self.hash.wrapping_add(hash_of_run(scenario, configuration, seed, report.hash));
        for (&family, &fired) in &report.faults {
            let sum = self.faults.entry(Cow::Borrowed(family)).or_default();
            sum.enabled += 1;
            sum.fired += fired;
        }
        if report.empty.is_some() && report.failure.is_none() {
            *self.empty.entry(Cow::Borrowed(scenario)).or_default() += 1;
        }
        if report.sometimes.is_empty() {
            return;
        }
        let names = self.sometimes.entry(Cow::Borrowed(scenario)).or_default();
        for (&name, &reached) in &report.sometimes {
            *names.entry(Cow::Borrowed(name)).or_default() += u64::from(reached);
        }
    }

    /// Adds other runs.
    pub fn merge(&mut self, other: &Sums) {
        self.seeds += other.seeds;
        self.failures += other.failures;
        self.harness_failures += other.harness_failures;
        self.calls += other.calls;
        self.simulated += other.simulated;
        self.hash = self.hash.wrapping_add(other.hash);
        for (family, fired) in &other.faults {
            let sum = self.faults.entry(family.clone()).or_default();
            sum.enabled += fired.enabled;
            sum.fired += fired.fired;
        }
        for (scenario, runs) in &other.empty {
            *self.empty.entry(scenario.clone()).or_default() += runs;
        }
        for (scenario, names) in &other.sometimes {
            let sums = self.sometimes.entry(scenario.clone()).or_default();
            for (name, reached) in names {
                *sums.entry(name.clone()).or_default() += reached;
            }
        }
        for (place, names) in &other.unpassed {
            self.unpassed.entry(place.clone()).or_default().extend(names.iter().cloned());
        }
    }

    /// Families that were on and never changed anything: their green says nothing.
    pub fn vacuous(&self) -> Vec<&str> {
        self.faults.iter().filter(|(_, sum)| sum.fired == 0).map(|(family, _)| &**family).collect()
    }

    /// What was not tested, a line each: what `--strict` makes failures.
    pub fn warnings(&self) -> Vec<String> {
        let never = |family: &str| format!("the fault family `{family}` was enabled and never fired");
        let vacuous = self.vacuous().into_iter().map(never);
        let nothing = |(scenario, runs): (&Name, &u64)| {
            format!("{} of `{scenario}` tested nothing", count(*runs, "run"))
        };
        vacuous.chain(self.empty.iter().map(nothing)).chain(self.unreached()).collect()
    }

    /// What no run reached, a line each: the `sometimes`, and the `eventually` that no run passed.
    pub fn unreached(&self) -> Vec<String> {
        let of_scenarios = self.sometimes.iter().flat_map(|(scenario, names)| {
            let unreached = names.iter().filter(|(_, reached)| **reached == 0);
            unreached.map(move |(name, _)| format!("`{scenario}` never reached `{name}`"))
        });
        let of_places = self.unpassed.iter().flat_map(|(place, names)| {
            names.iter().map(move |name| format!("no scenario reached `{name}` ({place})"))
        });
        of_scenarios.chain(of_places).collect()
    }
}

/// The number that a run adds to the hash of its sweep.
fn hash_of_run(scenario: &str, configuration: &str, seed: u64, hash: u64) -> u64 {
    let mut trace = crate::trace::TraceHash::default();
    trace.bytes(scenario.as_bytes());
    trace.bytes(configuration.as_bytes());
    trace.words(seed, hash);
    trace.value()
}

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

/// Runs of a scenario that broke the same oracle at the same site, in whichever thread: one line of a summary, not one failure
/// (that is [`Failure::fingerprint`]).
#[derive(Clone, Debug)]
pub struct FailureKind {
    /// The scenario.
    pub scenario: &'static str,
    /// How many runs.
    pub count: u64,
    /// The runs with the lowest seeds, by seed; at least one, [`FAILURES_KEPT`] at most.
    pub kept: BTreeMap<u64, Failed>,
    /// The run that failed in the fewest calls: the one to explain.
    pub shortest: Failed,
}

impl FailureKind {
    fn one(scenario: &'static str, failed: Failed) -> FailureKind {
        FailureKind { scenario, count: 1, shortest: failed.clone(), kept: [(failed.seed, failed)].into() }
    }

    fn merge(&mut self, other: FailureKind) {
        self.count += other.count;
        if (other.shortest.calls, other.shortest.seed) < (self.shortest.calls, self.shortest.seed) {
            self.shortest = other.shortest;
        }
        self.kept.extend(other.kept);
        while self.kept.len() > FAILURES_KEPT {
            self.kept.pop_last();
        }
    }

    /// The lowest seed.
    pub fn first_seed(&self) -> u64 {
        self.kept.keys().next().copied().unwrap_or(self.shortest.seed)
    }
}

/// What one thread of a sweep counts, and what all of them do.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    sums: Sums,
    /// By the scenario's place in the plan, oracle and site.
    kinds: BTreeMap<(usize, &'static str, String), FailureKind>,
    /// By the scenario's place in the plan: why it does not run with these settings.
    refused: BTreeMap<usize, (&'static str, String)>,
    broken: Vec<Broken>,
    mistakes: BTreeMap<usize, (&'static str, String)>,
    /// Why runs of a scenario tested nothing.
    empty: BTreeMap<&'static str, Empty>,
    /// How long the runs of a scenario took, by the clock.
    times: BTreeMap<&'static str, Duration>,
    /// By scenario: its runs, and how many of them have not read a setting that was given.
    runs: BTreeMap<&'static str, u64>,
    unread: BTreeMap<(&'static str, String), u64>,
}

impl Tally {
    /// A run of the scenario took so long.
    pub fn took(&mut self, scenario: &'static str, time: Duration) {
        *self.times.entry(scenario).or_default() += time;
    }

    /// Counts a run of the scenario at `place` in the plan.
    pub fn add(
        &mut self,
        place: usize,
        scenario: &'static str,
        configuration: &str,
        seed: u64,
        report: RunReport,
    ) {
        self.sums.add(scenario, configuration, seed, &report);
        if let Some(why) = report.empty {
            self.empty.insert(scenario, why);
        }
        *self.runs.entry(scenario).or_default() += 1;
        for name in &report.unread {
            *self.unread.entry((scenario, name.clone())).or_default() += 1;
        }
        if let Some(failure) = report.failure {
            let key = (place, failure.oracle.code(), failure.site.clone());
            let failed = Failed { seed, hash: report.hash, calls: report.calls, failure };
            self.add_kind(key, FailureKind::one(scenario, failed));
        }
    }

    /// Counts a run of which the failure is reported elsewhere.
    pub fn count(&mut self, scenario: &'static str, configuration: &str, number: u64, report: &RunReport) {
        self.sums.add(scenario, configuration, number, report);
    }

    fn add_kind(&mut self, key: (usize, &'static str, String), kind: FailureKind) {
        match self.kinds.get_mut(&key) {
            Some(same) => same.merge(kind),
            None => {
                self.kinds.insert(key, kind);
            }
        }
    }

    /// The scenario at `place` does not run with these settings, or is `mistaken`. Several threads may meet it.
    pub fn refuse(&mut self, place: usize, scenario: &'static str, why: String, mistaken: bool) {
        let list = if mistaken { &mut self.mistakes } else { &mut self.refused };
        list.insert(place, (scenario, why));
    }

    /// The harness itself failed.
    pub fn harness_failed(&mut self, scenario: &'static str, seed: u64, text: String) {
        self.sums.harness_failures += 1;
        self.broken.push(Broken { scenario, seed, text });
    }

    /// Adds what another thread counted.
    pub fn merge(&mut self, other: Tally) {
        self.sums.merge(&other.sums);
        for (key, kind) in other.kinds {
            self.add_kind(key, kind);
        }
        self.refused.extend(other.refused);
        self.mistakes.extend(other.mistakes);
        self.empty.extend(other.empty);
        self.broken.extend(other.broken);
        for (scenario, time) in other.times {
            self.took(scenario, time);
        }
        for (scenario, runs) in other.runs {
            *self.runs.entry(scenario).or_default() += runs;
        }
        for (setting, runs) in other.unread {
            *self.unread.entry(setting).or_default() += runs;
        }
    }

    /// The sweep over `scenarios`, for the caller to complete.
    pub fn sweep(self, scenarios: Vec<&'static str>, settings: Settings) -> Sweep {
        let mut kinds: Vec<_> = self.kinds.into_iter().collect();
        kinds.sort_by_key(|((place, ..), kind)| (*place, kind.first_seed()));
        let mut broken = self.broken;
        broken.sort_by(|a, b| (a.scenario, a.seed).cmp(&(b.scenario, b.seed)));
        let in_no_run = |((scenario, _), unread): &(&(&'static str, String), &u64)| {
            self.runs.get(scenario).is_some_and(|runs| runs == *unread)
        };
        let unread = self.unread.iter().filter(in_no_run);
        let unread = unread.map(|((scenario, name), _)| unread_line(scenario, name)).collect();
        Sweep {
            scenarios,
            settings,
            unread,
            sums: self.sums,
            kinds: kinds.into_iter().map(|(_, kind)| kind).collect(),
            refused: self.refused.into_values().collect(),
            mistakes: self.mistakes.into_values().collect(),
            empty: self.empty,
            skipped: Vec::new(),
            broken,
            planned: None,
            stopped: None,
            elapsed: 0.0,
            times: self.times,
        }
    }
}

/// What is said of a setting that a scenario has not read: with another value it would be the same run.
pub fn unread_line(scenario: &str, setting: &str) -> String {
    format!("`{scenario}` never read the setting `{setting}`: it has no effect")
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
    /// The scenarios, in the order in which they were given.
    pub scenarios: Vec<&'static str>,
    /// What every run was set to.
    pub settings: Settings,
    /// Settings that no run of a scenario has read, a line each.
    pub unread: Vec<String>,
    /// What the runs add up to.
    pub sums: Sums,
    /// What failed: by scenario as given, then by first seed.
    pub kinds: Vec<FailureKind>,
    /// Scenarios that do not run with these settings, each with the reason.
    pub refused: Vec<(&'static str, String)>,
    /// Scenarios that are wrong, each with what is.
    pub mistakes: Vec<(&'static str, String)>,
    /// Scenarios of which runs tested nothing, each with the reason; how many is in the sums.
    pub empty: BTreeMap<&'static str, Empty>,
    /// What was left out before, and why.
    pub skipped: Vec<(String, String)>,
    /// Failures of the harness.
    pub broken: Vec<Broken>,
    /// How many runs were asked for, where that is known.
    pub planned: Option<u64>,
    /// Why not all of them ran: `--time 3s`, `interrupted`.
    pub stopped: Option<String>,
    /// Real seconds.
    pub elapsed: f64,
    /// Real time of all runs of a scenario, those of every thread added.
    pub times: BTreeMap<&'static str, Duration>,
}

impl Sweep {
    /// The kept failures in a stable order: by scenario as given, then by seed.
    pub fn failed(&self) -> Vec<(&'static str, &Failed)> {
        let place = |name: &str| self.scenarios.iter().position(|other| *other == name);
        let kept = |kind: &FailureKind| (kind.scenario, place(kind.scenario));
        let mut all: Vec<_> = self
            .kinds
            .iter()
            .flat_map(|kind| kind.kept.values().map(move |failed| (kept(kind), failed)))
            .collect();
        all.sort_by_key(|((_, place), failed)| (*place, failed.seed));
        all.into_iter().map(|((name, _), failed)| (name, failed)).collect()
    }
}
