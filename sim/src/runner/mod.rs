//! Running many: a sweep over seeds on all cores, what it adds up to, and the files that a CI job keeps.
//!
//! | file | does |
//! |---|---|
//! | [`settings`] | reads `--set key=value`, and says which scenarios take it |
//! | [`shard`] | which (scenario, seed) pairs are this machine's |
//! | [`explore`] | the sweep: J threads, each with an executor of its own |
//! | [`guided`] | the sweep that learns: what shows something new is changed and run again |
//! | [`summary`] | counts, vacuity, the hash that is independent of jobs and shards |
//! | [`jobs`] | what every thread runs right now, kept where a dying process finds it |
//! | `json`, `merge`, `junit` | the files of a sweep; shards joined |
//! | [`check`], [`unsettle`] | the same seeds in two processes, and in what these differ |
//! | [`invocation`] | the line that a person types to make a run again |
//! | `crash_report` | names those runs where a process dies of one |
//! | [`watchdog`] | finds a run that makes no call |
//!
//! Only these files look at the wall clock, and it never feeds a run: it ends a sweep, it does not change one.
#![allow(
    clippy::disallowed_methods,
    reason = "the runner watches the wall clock and starts OS threads; neither reaches a run"
)]

mod crash_report;
pub mod engine;
pub mod explore;
pub mod guided;
pub mod invocation;
pub mod jobs;
pub mod samples;
pub mod settings;
pub mod shard;
pub mod summary;
pub mod watchdog;

#[cfg(feature = "cli")]
pub mod check;
#[cfg(feature = "cli")]
pub mod interrupt;
#[cfg(feature = "cli")]
pub mod json;
#[cfg(feature = "cli")]
pub mod junit;
#[cfg(feature = "cli")]
pub mod merge;
#[cfg(feature = "cli")]
pub mod progress;
#[cfg(feature = "cli")]
pub mod unsettle;

#[cfg(test)]
pub(crate) mod fake;

use crate::choice::{Base, Mix};
use crate::run::{Record, RunReport, RunSpec};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

/// Runs worlds, one after another, on the thread that made it. What it keeps between two runs (stacks, buffers) must not
/// be seen by either.
pub trait Execute {
    /// One run, from beginning to end.
    fn run(&mut self, spec: &RunSpec) -> RunReport;

    /// As [`Execute::run`], with a base of these seeds, counting what the run does ([`RunReport::features`]). `None`: this
    /// executor does not.
    fn run_guided(&mut self, _spec: &RunSpec, _mix: &Mix) -> Option<RunReport> {
        None
    }

    /// How many runs are to be given to [`Execute::announce`] before it is asked for the first of them.
    fn ahead(&self) -> usize {
        1
    }

    /// `spec` is what [`Execute::run`] will be asked for, behind all that was announced before: it may begin with it at once. Who asks
    /// for another run after all gets that.
    fn announce(&mut self, _spec: &RunSpec) {}

    /// How long the last run took, where the executor knows better than who waited for the report.
    fn took(&self) -> Option<Duration> {
        None
    }

    /// A counter that moves while a run makes calls: what the watchdog looks at.
    fn heartbeat(&self) -> Arc<AtomicU64>;

    /// A flag that, set from another thread, ends the run that is under way, as a failure by
    /// [`INTERRUPTED`](crate::run::INTERRUPTED). Where it is not heeded the run goes on to its end.
    fn stop(&self) -> Arc<AtomicBool> {
        Arc::default()
    }
}

/// So many of the last events of a failing run get their places.
const PLACES: u64 = 200;

/// Runs `spec` again where it failed, to see which lines of the program made the last calls: adds them to the trace in `report`,
/// which is that of its run before.
pub fn find_places(executor: &mut dyn Execute, spec: &RunSpec, report: &mut RunReport) {
    let (Some(_), Some(log)) = (&report.failure, &mut report.trace) else { return };
    let last = log.events.last().map_or(0, |event| event.number);
    let record = Record::Places(last.saturating_sub(PLACES));
    let again = executor.run(&RunSpec { record, ..spec.clone() });
    if let (Some(found), true) = (again.trace, again.hash == report.hash) {
        log.places = found.places;
    }
}

/// Makes the executor of a thread.
pub type MakeExecutor = fn() -> Box<dyn Execute>;

/// An executor that survives what goes wrong in the harness itself: a panic that no simulated program made becomes
/// a text, and the next run gets a fresh executor.
pub struct Worker {
    make: MakeExecutor,
    executor: Box<dyn Execute>,
    job: jobs::Job,
}

impl Worker {
    /// A worker for the current thread, known to the watchdog.
    pub fn new(make: MakeExecutor) -> Worker {
        crash_report::install();
        let executor = make();
        let job = jobs::Job::register(executor.heartbeat());
        Worker { make, executor, job }
    }

    /// The place of this worker among the jobs, where it has one.
    pub(crate) fn slot(&self) -> Option<usize> {
        self.job.slot()
    }

    /// One run; `Err` is a failure of the harness.
    pub fn try_run(&mut self, spec: &RunSpec) -> Result<RunReport, String> {
        self.try_with(spec, |executor| executor.run(spec))
    }

    /// As [`Worker::try_run`], guided; `None`: the executor does not.
    pub fn try_guided(&mut self, spec: &RunSpec, mix: &Mix) -> Result<Option<RunReport>, String> {
        // Nobody makes a changed run again by its seed.
        let shown = (!mix.is_plain() || !spec.overrides.is_empty())
            .then(|| RunSpec { base: Base::Zero, ..spec.clone() });
        self.try_with(shown.as_ref().unwrap_or(spec), |executor| executor.run_guided(spec, mix))
    }

    fn try_with<R>(&mut self, spec: &RunSpec, run: impl FnOnce(&mut dyn Execute) -> R) -> Result<R, String> {
        self.job.begin(spec);
        let result = catch_unwind(AssertUnwindSafe(|| run(&mut *self.executor)));
        self.job.end();
        result.map_err(|panic| {
            // What it left half done must not be seen by the next run.
            self.executor = (self.make)();
            self.job.watch(self.executor.heartbeat());
            panic_text(&*panic)
        })
    }
}

impl Execute for Worker {
    /// As [`Worker::try_run`]; a failure of the harness goes on as the panic that it was.
    fn run(&mut self, spec: &RunSpec) -> RunReport {
        match self.try_run(spec) {
            Ok(report) => report,
            Err(text) => panic!("the harness failed: {text}"),
        }
    }

    fn ahead(&self) -> usize {
        self.executor.ahead()
    }

    fn announce(&mut self, spec: &RunSpec) {
        self.executor.announce(spec);
    }

    fn took(&self) -> Option<Duration> {
        self.executor.took()
    }

    fn heartbeat(&self) -> Arc<AtomicU64> {
        self.executor.heartbeat()
    }

    fn stop(&self) -> Arc<AtomicBool> {
        self.executor.stop()
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a panic without a text".to_owned(),
    }
}

/// Does `work` for every number below `count` on `jobs` threads, each with a worker of its own; the results come in
/// the order of the numbers, whoever made them.
pub fn on_all_cores<T: Send>(
    jobs: usize,
    make: MakeExecutor,
    count: usize,
    work: impl Fn(&mut Worker, usize) -> T + Sync,
) -> Vec<T> {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<Option<T>>> = Mutex::new((0..count).map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count.max(1)) {
            scope.spawn(|| {
                let mut worker = Worker::new(make);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        break;
                    }
                    let result = work(&mut worker, number);
                    results.lock().unwrap_or_else(|poisoned| poisoned.into_inner())[number] = Some(result);
                }
            });
        }
    });
    results.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()).into_iter().flatten().collect()
}

/// How many threads there are to run on.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
