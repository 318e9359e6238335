//! The sweep: every (scenario, seed) pair once, on as many threads as are wanted, each with an executor of its own.
//!
//! Pairs are taken seed by seed, all scenarios of one seed before the next seed, so that a sweep that is cut short
//! has seen all of them. Which thread takes a pair is up to the machine; nothing that is reported depends on it.

use super::samples::Samples;
use super::shard::Shard;
use super::summary::{Sweep, Tally};
use super::{Execute, MakeExecutor, Worker, jobs, settings, watchdog};
use crate::Oracle;
use crate::choice::Base;
use crate::count::duration;
use crate::run::{Failure, INTERRUPTED, RunReport, RunSpec, Scenario, Settings};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How often it is looked at whether runs are to be stopped.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Why a sweep stopped that somebody ended.
pub const INTERRUPTION: &str = "interrupted";
/// Why one stopped that was given so much time: so it begins.
pub const TIME_OVER: &str = "--time ";
/// Why one stopped in which a run cannot be ended.
pub(super) const HUNG: &str = "a run that makes no call";
/// The site of a run that makes no call (O3). It cannot be run again.
pub const HANGS: &str = "no call";

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
    /// What these were over time, kept by whoever shows them.
    pub samples: Mutex<Samples>,
    /// The run that took the longest, if that is long: by the wall clock, and which.
    pub slowest: Mutex<Option<(Duration, String)>>,
    /// Set to end the sweep; runs that are under way are stopped.
    pub stop: Arc<AtomicBool>,
}

/// A run that takes so long is the reason why a sweep is slow.
const SLOW: Duration = Duration::from_secs(1);

impl Counters {
    /// A run took so long, or has taken so long and goes on.
    pub(super) fn took(&self, scenario: &str, seed: u64, time: Duration) {
        if time < SLOW {
            return;
        }
        let mut slowest = self.slowest.lock().unwrap_or_else(PoisonError::into_inner);
        if slowest.as_ref().is_none_or(|(longest, _)| time > *longest) {
            *slowest = Some((time, format!("{scenario} --seed {seed:#x}")));
        }
    }
}

impl Plan {
    /// How many runs this part has, where that is known.
    pub fn runs(&self) -> Option<u64> {
        (0..self.scenarios.len()).try_fold(0_u64, |sum, place| Some(sum.saturating_add(self.runs_of(place)?)))
    }

    /// How many of the scenario at `place`.
    pub(super) fn runs_of(&self, place: usize) -> Option<u64> {
        Some(self.seeds?.saturating_sub(self.shard.first(place)).div_ceil(self.shard.count))
    }

    /// Why it stopped when its time was over: one that is bounded by time alone is complete then.
    pub(super) fn time_over(&self) -> Option<String> {
        self.seeds.and(self.time).map(|time| format!("{TIME_OVER}{}", duration(time)))
    }

    /// Runs all of it.
    pub fn explore(&self, make: MakeExecutor, counters: &Arc<Counters>) -> Sweep {
        let started = Instant::now();
        let shared = Arc::new(Shared {
            next: AtomicU64::new(0),
            timed_out: AtomicBool::new(false),
            interrupted: AtomicBool::new(false),
            refused: self.scenarios.iter().map(|_| AtomicBool::new(false)).collect(),
            deadline: self.time.map(|time| started + time),
            threads: (0..self.jobs.max(1)).map(|_| Mutex::new(SweepThread::default())).collect(),
        });
        let (ended, ends) = mpsc::channel();
        for number in 0..shared.threads.len() {
            let (plan, shared, counters) = (self.clone(), Arc::clone(&shared), Arc::clone(counters));
            let ended = ended.clone();
            // Not scoped: a thread that computes without end is left behind.
            std::thread::spawn(move || {
                plan.work(make, &shared, &counters, number);
                let _ = ended.send(());
            });
        }
        drop(ended);
        self.wait(&shared, counters, &ends);
        let mut tally = Tally::default();
        for thread in &shared.threads {
            tally.merge(std::mem::take(&mut lock(thread).tally));
        }
        let why = if shared.threads.iter().any(|thread| lock(thread).hangs) {
            Some(HUNG.to_owned())
        } else if shared.interrupted.load(Ordering::Relaxed) {
            Some(INTERRUPTION.to_owned())
        } else if shared.timed_out.load(Ordering::Relaxed) {
            self.time_over()
        } else {
            None
        };
        self.sweep(tally, why, started)
    }

    /// What this part came to, which `why` has ended: where nothing was left to run, nothing was cut off.
    pub(super) fn sweep(&self, tally: Tally, why: Option<String>, started: Instant) -> Sweep {
        let names = self.scenarios.iter().map(|scenario| scenario.name).collect();
        let sweep = tally.sweep(names, self.settings.clone());
        let ran = sweep.sums.seeds + sweep.sums.harness_failures;
        let planned = self.runs();
        Sweep {
            planned,
            stopped: why.filter(|_| planned != Some(ran)),
            elapsed: started.elapsed().as_secs_f64(),
            ..sweep
        }
    }

    /// Until every thread has ended but those that hang. Runs under way are stopped when the time is over, or somebody says so.
    fn wait(&self, shared: &Shared, counters: &Counters, ends: &mpsc::Receiver<()>) {
        let mut running = shared.threads.len();
        while running > 0 {
            match ends.recv_timeout(LOOK_EVERY) {
                Ok(()) => running -= 1,
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            for thread in &shared.threads {
                let mut thread = lock(thread);
                if let Some((place, seed, begun)) = thread.run {
                    counters.took(self.scenarios[place].name, seed, begun.elapsed());
                }
                if thread.slot.is_some_and(jobs::hangs) && !std::mem::replace(&mut thread.hangs, true) {
                    running -= 1;
                    self.lose(&mut thread);
                    counters.done.fetch_add(1, Ordering::Relaxed);
                    counters.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            if self.is_over(shared, counters) || shared.threads.iter().any(|thread| lock(thread).hangs) {
                for thread in &shared.threads {
                    lock(thread).stop.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// The run of a thread makes no call: that is its failure.
    fn lose(&self, thread: &mut SweepThread) {
        let Some((place, seed, _)) = thread.run else { return };
        let (oracle, site) = (Oracle::NoBusyLoop, HANGS.to_owned());
        let failure =
            Failure { oracle, site, message: watchdog::message(), thread: String::new(), time: 0, event: 0 };
        let (name, configuration) = (self.scenarios[place].name, settings::text(&self.settings));
        thread.tally.add(place, name, &configuration, seed, RunReport::lost(failure));
    }

    /// Whether no run is to begin any more, and none to go on.
    fn is_over(&self, shared: &Shared, counters: &Counters) -> bool {
        if counters.stop.load(Ordering::Relaxed) {
            shared.interrupted.store(true, Ordering::Relaxed);
            return true;
        }
        let late = shared.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if late {
            shared.timed_out.store(true, Ordering::Relaxed);
        }
        late
    }

    fn work(&self, make: MakeExecutor, shared: &Shared, counters: &Counters, number: usize) {
        let mut worker = Worker::new(make);
        if let Some(slot) = worker.slot() {
            jobs::await_job(slot);
        }
        let thread = &shared.threads[number];
        (lock(thread).slot, lock(thread).stop) = (worker.slot(), worker.stop());
        let configuration = settings::text(&self.settings);
        // One spec for each scenario, since only the seed changes between its runs.
        let spec = |scenario: &Scenario| RunSpec::new(*scenario, self.settings.clone(), Base::Zero);
        let mut specs: Vec<RunSpec> = self.scenarios.iter().map(spec).collect();
        let mut ahead = VecDeque::new();
        loop {
            if ahead.is_empty() {
                ahead.extend((0..worker.ahead()).map_while(|_| self.take(shared, counters)));
                for &(place, seed) in &ahead {
                    specs[place].base = Base::Seed(seed);
                    worker.announce(&specs[place]);
                }
            }
            let Some((place, seed)) = ahead.pop_front() else { return };
            let name = self.scenarios[place].name;
            specs[place].base = Base::Seed(seed);
            let begun = Instant::now();
            lock(thread).run = Some((place, seed, begun));
            let result = worker.try_run(&specs[place]);
            let took = worker.took().unwrap_or_else(|| begun.elapsed());
            counters.took(name, seed, took);
            let mut thread = lock(thread);
            thread.tally.took(name, took);
            if thread.hangs {
                // It was given up, and came back all the same.
                return;
            }
            match result {
                Ok(RunReport { refused: Some(why), mistaken, .. }) => {
                    shared.refused[place].store(true, Ordering::Relaxed);
                    thread.tally.refuse(place, name, why, mistaken);
                }
                Ok(RunReport { failure: Some(failure), .. }) if failure.oracle == INTERRUPTED => return,
                Ok(report) => {
                    counters.done.fetch_add(1, Ordering::Relaxed);
                    counters.calls.fetch_add(report.calls, Ordering::Relaxed);
                    counters.failed.fetch_add(u64::from(report.failure.is_some()), Ordering::Relaxed);
                    thread.tally.add(place, name, &configuration, seed, report);
                }
                Err(text) => {
                    thread.tally.harness_failed(name, seed, text);
                    thread.stop = worker.stop();
                }
            }
        }
    }

    /// The next pair of this shard, the scenario's place in the plan and the seed, unless the sweep is over.
    fn take(&self, shared: &Shared, counters: &Counters) -> Option<(usize, u64)> {
        let scenarios = self.scenarios.len() as u64;
        loop {
            let number = shared.next.fetch_add(1, Ordering::Relaxed);
            let (offset, place) = (number.checked_div(scenarios)?, (number % scenarios) as usize);
            if self.seeds.is_some_and(|seeds| offset >= seeds) {
                return None;
            }
            if self.is_over(shared, counters) {
                return None;
            }
            if shared.refused.iter().all(|refused| refused.load(Ordering::Relaxed)) {
                return None;
            }
            if self.shard.owns(place, offset) && !shared.refused[place].load(Ordering::Relaxed) {
                return Some((place, self.from.wrapping_add(offset)));
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
    threads: Vec<Mutex<SweepThread>>,
}

/// One thread of a sweep, as the others see it.
#[derive(Default)]
struct SweepThread {
    /// Its place among the jobs of the process.
    slot: Option<usize>,
    /// What it runs: the scenario's place in the plan, the seed, and since when.
    run: Option<(usize, u64, Instant)>,
    /// Set, its run ends.
    stop: Arc<AtomicBool>,
    /// It was given up.
    hangs: bool,
    tally: Tally,
}

fn lock(thread: &Mutex<SweepThread>) -> MutexGuard<'_, SweepThread> {
    thread.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
