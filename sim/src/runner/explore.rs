//! The sweep: every (scenario, seed) pair once, on as many threads as are wanted, each with an executor of its own.
//!
//! Pairs are taken seed by seed, all scenarios of one seed before the next seed, so that a sweep that is cut short
//! has seen all of them. Which thread takes a pair is up to the machine; nothing that is reported depends on it.

use super::shard::Shard;
use super::summary::{Sweep, Tally};
use super::{MakeExecutor, Worker, settings};
use crate::choice::{Base, Overrides};
use crate::run::{Record, RunReport, RunSpec, Scenario, Settings};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What to run.
#[derive(Clone)]
pub struct Plan {
    /// The scenarios.
    pub scenarios: Vec<Scenario>,
    /// The settings of all runs.
    pub settings: Settings,
    /// The first seed.
    pub from: u64,
    /// How many seeds of each scenario; without, as many as the time allows.
    pub seeds: Option<u64>,
    /// How many threads.
    pub jobs: usize,
    /// Which part of it.
    pub shard: Shard,
    /// How long at most, by the wall clock.
    pub time: Option<Duration>,
}

/// How far a sweep is, for whoever shows it. It may be read at any time.
#[derive(Default)]
pub struct Counters {
    /// Runs done.
    pub done: AtomicU64,
    /// System calls made.
    pub calls: AtomicU64,
    /// Runs that failed.
    pub failed: AtomicU64,
    /// Set to end the sweep after the runs that are under way.
    pub stop: Arc<AtomicBool>,
}

impl Plan {
    /// How many runs this part has, where that is known.
    pub fn runs(&self) -> Option<u64> {
        let seeds = self.seeds?;
        let parts = self.shard.count;
        let of_scenario = |place: usize| {
            // Offsets o below `seeds` with (place + o) mod parts = index.
            let first = (self.shard.index + parts - place as u64 % parts) % parts;
            seeds.saturating_sub(first).div_ceil(parts)
        };
        Some((0..self.scenarios.len()).map(of_scenario).fold(0, u64::saturating_add))
    }

    /// Runs all of it.
    pub fn explore(&self, make: MakeExecutor, counters: &Counters) -> Sweep {
        let started = Instant::now();
        let shared = Shared {
            next: AtomicU64::new(0),
            timed_out: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            refused: self.scenarios.iter().map(|_| AtomicBool::new(false)).collect(),
            deadline: self.time.map(|time| started + time),
            tally: Mutex::new(Tally::default()),
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| self.work(make, &shared, counters));
            }
        });
        let tally = shared.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
        let stopped = if shared.interrupted.into_inner() {
            Some("interrupted".to_owned())
        } else {
            self.time.filter(|_| shared.timed_out.into_inner()).map(|time| format!("--time {time:?}"))
        };
        Sweep {
            planned: self.runs(),
            stopped,
            elapsed: started.elapsed().as_secs_f64(),
            ..tally
                .sweep(self.scenarios.iter().map(|scenario| scenario.name).collect(), self.settings.clone())
        }
    }

    fn work(&self, make: MakeExecutor, shared: &Shared, counters: &Counters) {
        let mut worker = Worker::new(make);
        let configuration = settings::text(&self.settings);
        let mut tally = Tally::default();
        // One spec for each scenario, since only the seed changes between its runs.
        let spec = |scenario: &Scenario| RunSpec {
            scenario: *scenario,
            settings: self.settings.clone(),
            base: Base::Zero,
            overrides: Overrides::new(),
            record: Record::Hash,
            events_max: None,
        };
        let mut specs: Vec<RunSpec> = self.scenarios.iter().map(spec).collect();
        while let Some((place, offset)) = self.take(shared, counters) {
            let seed = self.from.wrapping_add(offset);
            let name = self.scenarios[place].name;
            specs[place].base = Base::Seed(seed);
            match worker.try_run(&specs[place]) {
                Ok(RunReport { refused: Some(why), mistaken, .. }) => {
                    shared.refused[place].store(true, Ordering::Relaxed);
                    tally.refuse(place, name, why, mistaken);
                }
                Ok(report) => {
                    counters.done.fetch_add(1, Ordering::Relaxed);
                    counters.calls.fetch_add(report.calls, Ordering::Relaxed);
                    counters.failed.fetch_add(u64::from(report.failure.is_some()), Ordering::Relaxed);
                    tally.add(place, name, &configuration, seed, report);
                }
                Err(text) => tally.harness_failed(name, seed, text),
            }
        }
        shared.tally.lock().unwrap_or_else(PoisonError::into_inner).merge(tally);
    }

    /// The next pair of this shard, unless the sweep is over.
    fn take(&self, shared: &Shared, counters: &Counters) -> Option<(usize, u64)> {
        let scenarios = self.scenarios.len() as u64;
        loop {
            let number = shared.next.fetch_add(1, Ordering::Relaxed);
            let (offset, place) = (number.checked_div(scenarios)?, (number % scenarios) as usize);
            if self.seeds.is_some_and(|seeds| offset >= seeds) {
                return None;
            }
            let late = shared.deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if counters.stop.load(Ordering::Relaxed) {
                shared.interrupted.store(true, Ordering::Relaxed);
                return None;
            }
            if late {
                // A sweep that is bounded by time alone is complete when the time is over.
                shared.timed_out.store(self.seeds.is_some(), Ordering::Relaxed);
                return None;
            }
            if shared.refused.iter().all(|refused| refused.load(Ordering::Relaxed)) {
                return None;
            }
            if self.shard.owns(place, offset) && !shared.refused[place].load(Ordering::Relaxed) {
                return Some((place, offset));
            }
        }
    }
}

/// What the threads of a sweep share.
struct Shared {
    next: AtomicU64,
    /// Whether the time was over before everything that was asked for ran.
    timed_out: AtomicBool,
    interrupted: AtomicBool,
    refused: Vec<AtomicBool>,
    deadline: Option<Instant>,
    tally: Mutex<Tally>,
}

#[cfg(test)]
mod tests;
