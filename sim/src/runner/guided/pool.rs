//! The threads of a guided sweep, each with an executor of its own. They are given a round at a time, take its runs as they come,
//! and hand back what each came to; what is learned of it does not depend on who ran it.

use super::search::Trial;
use crate::choice::Overrides;
use crate::run::{Failure, INTERRUPTED, Record, RunReport, RunSpec};
use crate::runner::explore::Counters;
use crate::runner::{Execute, MakeExecutor, Worker, jobs};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How often it is looked at whether runs are to be stopped.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One run of a round.
pub(super) struct Task {
    /// The scenario's place in the plan.
    pub place: usize,
    /// How the run is made.
    pub trial: Trial,
}

/// What a run came to.
pub(super) enum Outcome {
    /// It ended. Where it failed and is no plain run: the choices that make it an ordinary one.
    Ended(Box<RunReport>, Option<Overrides>),
    /// It was stopped, or never began.
    Stopped,
    /// It makes no call, and never comes back.
    Hangs,
    /// The harness failed.
    Broken(String),
    /// The executor cannot be guided.
    Unguided,
}

struct Round {
    tasks: Vec<Task>,
    /// One for each scenario.
    specs: Arc<Vec<RunSpec>>,
    next: AtomicUsize,
}

#[derive(Default)]
struct Member {
    /// Its place among the jobs of the process.
    slot: Option<usize>,
    /// What it runs, by number in the round.
    task: Option<usize>,
    /// Set, its run ends.
    stop: Arc<AtomicBool>,
    hangs: bool,
}

/// The threads.
pub(super) struct Pool {
    members: Vec<Arc<Mutex<Member>>>,
    orders: Vec<mpsc::Sender<Arc<Round>>>,
    results: mpsc::Receiver<(usize, Outcome, Duration)>,
    specs: Arc<Vec<RunSpec>>,
    /// The sweep is to end: no run begins any more.
    over: Arc<AtomicBool>,
}

/// Why a round was cut short.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cut {
    Time,
    Interrupted,
    Hangs,
}

impl Pool {
    pub fn new(jobs: usize, make: MakeExecutor, specs: Vec<RunSpec>, counters: &Arc<Counters>) -> Pool {
        let (results_of, results) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let (mut members, mut orders) = (Vec::new(), Vec::new());
        for _ in 0..jobs.max(1) {
            let member = Arc::new(Mutex::new(Member::default()));
            let (order, taken) = mpsc::channel();
            let (its_own, over, counters) = (Arc::clone(&member), Arc::clone(&over), Arc::clone(counters));
            let results_of = results_of.clone();
            // Not scoped: a thread that computes without end is left behind.
            std::thread::spawn(move || work(make, &its_own, &taken, &results_of, &over, &counters));
            members.push(member);
            orders.push(order);
        }
        Pool { members, orders, results, specs: Arc::new(specs), over }
    }

    /// Runs all of `tasks`: what each came to and how long it took, in their order, and whether the sweep has to end.
    pub fn run(
        &self,
        tasks: Vec<Task>,
        deadline: Option<Instant>,
        counters: &Counters,
    ) -> (Vec<(Task, Outcome, Duration)>, Option<Cut>) {
        let count = tasks.len();
        let round = Arc::new(Round { tasks, specs: Arc::clone(&self.specs), next: AtomicUsize::new(0) });
        for order in &self.orders {
            // A thread that is gone takes nothing; the others do its part.
            let _ = order.send(Arc::clone(&round));
        }
        let mut outcomes: Vec<Option<(Outcome, Duration)>> = (0..count).map(|_| None).collect();
        let (mut missing, mut cut) = (count, None);
        while missing > 0 {
            match self.results.recv_timeout(LOOK_EVERY) {
                Ok((number, outcome, took)) => {
                    missing -= usize::from(outcomes[number].replace((outcome, took)).is_none());
                    continue;
                }
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {}
            }
            for member in &self.members {
                let mut member = lock(member);
                if member.slot.is_some_and(jobs::hangs) && !std::mem::replace(&mut member.hangs, true) {
                    cut = Some(Cut::Hangs);
                    if let Some(number) = member.task {
                        counters.done.fetch_add(1, Ordering::Relaxed);
                        counters.failed.fetch_add(1, Ordering::Relaxed);
                        let hangs = (Outcome::Hangs, Duration::ZERO);
                        missing -= usize::from(outcomes[number].replace(hangs).is_none());
                    }
                }
            }
            if counters.stop.load(Ordering::Relaxed) {
                cut = cut.or(Some(Cut::Interrupted));
            } else if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                cut = cut.or(Some(Cut::Time));
            }
            if cut.is_some() {
                self.over.store(true, Ordering::Relaxed);
                for member in &self.members {
                    lock(member).stop.store(true, Ordering::Relaxed);
                }
            }
        }
        // Whoever still holds the round takes nothing of it any more, but may be about to let it go.
        let tasks = match Arc::try_unwrap(round) {
            Ok(round) => round.tasks,
            Err(round) => {
                let copy = |task: &Task| Task { place: task.place, trial: task.trial.clone() };
                round.tasks.iter().map(copy).collect()
            }
        };
        let outcomes =
            outcomes.into_iter().map(|outcome| outcome.unwrap_or((Outcome::Stopped, Duration::ZERO)));
        (tasks.into_iter().zip(outcomes).map(|(task, (outcome, took))| (task, outcome, took)).collect(), cut)
    }
}

fn work(
    make: MakeExecutor,
    member: &Mutex<Member>,
    orders: &mpsc::Receiver<Arc<Round>>,
    results: &mpsc::Sender<(usize, Outcome, Duration)>,
    over: &AtomicBool,
    counters: &Counters,
) {
    let mut worker = Worker::new(make);
    if let Some(slot) = worker.slot() {
        jobs::await_job(slot);
    }
    (lock(member).slot, lock(member).stop) = (worker.slot(), worker.stop());
    while let Ok(round) = orders.recv() {
        loop {
            let number = round.next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = round.tasks.get(number) else { break };
            let begun = Instant::now();
            let outcome = if over.load(Ordering::Relaxed) {
                Outcome::Stopped
            } else {
                lock(member).task = Some(number);
                let outcome = one(&mut worker, &round.specs[task.place], &task.trial);
                if lock(member).hangs {
                    // It was given up, and came back all the same.
                    return;
                }
                lock(member).stop = worker.stop();
                outcome
            };
            if let Outcome::Ended(report, _) = &outcome {
                counters.done.fetch_add(1, Ordering::Relaxed);
                counters.calls.fetch_add(report.calls, Ordering::Relaxed);
                counters.failed.fetch_add(u64::from(report.failure.is_some()), Ordering::Relaxed);
            }
            let took = begun.elapsed();
            counters.took(round.specs[task.place].scenario.name, task.trial.recipe.number(), took);
            if results.send((number, outcome, took)).is_err() {
                return;
            }
        }
    }
}

fn one(worker: &mut Worker, like: &RunSpec, trial: &Trial) -> Outcome {
    let record = if trial.asks.is_some() { Record::Choices } else { Record::Hash };
    let report = match worker.try_guided(&trial.recipe.spec(like, record), &trial.recipe.mix) {
        Err(text) => return Outcome::Broken(text),
        Ok(None) => return Outcome::Unguided,
        Ok(Some(report)) => report,
    };
    match &report.failure {
        Some(Failure { oracle, .. }) if *oracle == INTERRUPTED => return Outcome::Stopped,
        Some(_) if !trial.recipe.is_plain() => {}
        _ => return Outcome::Ended(Box::new(report), None),
    }
    // What it has chosen makes it an ordinary run.
    match super::ordinary(worker, like, &trial.recipe) {
        Err(text) => Outcome::Broken(text),
        Ok(spec) => Outcome::Ended(Box::new(report), Some(spec.overrides)),
    }
}

fn lock(member: &Mutex<Member>) -> MutexGuard<'_, Member> {
    member.lock().unwrap_or_else(PoisonError::into_inner)
}
