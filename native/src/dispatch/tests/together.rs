//! Runs that a worker is sent together, and what is left of the others where it is lost.

use super::{crashes, run, spec};
use crate::{context, raw, worker};
use eagain_sim::run::{INTERRUPTED, RunReport};
use eagain_sim::runner::Execute;
use std::sync::atomic::Ordering::Relaxed;

fn as_harness(f: fn()) {
    context::current().expect("a program").as_harness(f);
}

/// No handler sees it.
pub fn killed() {
    as_harness(|| {
        let this = i64::from(std::process::id());
        // SAFETY: it ends this process.
        unsafe { raw::system_call(libc::SYS_kill, [this, libc::SIGKILL.into(), 0, 0, 0, 0]) };
    });
}

/// The worker's own crash, and not the program's.
pub fn harness_crashes() {
    as_harness(crashes::segv);
}

fn announce(worker: &mut dyn Execute, all: &[&str]) {
    all.iter().for_each(|what| worker.announce(&spec(what)));
}

/// The process that ran it.
fn process(report: &RunReport) -> String {
    let line = report.output.lines().find_map(|line| line.split_once("worker "));
    line.expect("it says so").1.to_owned()
}

#[test]
fn whoever_ends_the_worker_fails_and_the_others_run() {
    for (what, site) in [("killed", "SIGKILL"), ("harness-crashes", "SIGSEGV"), ("segv", "SIGSEGV, ./src")] {
        let all = ["nothing", "panic", "nothing", what, "nothing", "panic"];
        let mut worker = worker::make();
        announce(&mut *worker, &all);
        let reports = all.map(|what| worker.run(&spec(what)));
        for (number, report) in reports.iter().enumerate().filter(|(number, _)| *number != 3) {
            assert_eq!(report.hash, run(all[number]).hash, "{number}");
        }
        let site_of = |report: &RunReport| report.failure.as_ref().map(|failure| failure.site.clone());
        assert!(
            site_of(&reports[3]).is_some_and(|found| found.starts_with(site)),
            "{:?}",
            reports[3].failure
        );
        let processes = [0, 1, 2, 4, 5].map(|number| process(&reports[number]));
        assert!(processes[0] == processes[2] && processes[3] == processes[4], "{what}: {processes:?}");
        assert_ne!(processes[2], processes[3], "{what}");
    }
}

#[test]
fn what_was_announced_and_not_asked_for_is_left_out() {
    let mut worker = worker::make();
    announce(&mut *worker, &["panic", "nothing", "segv", "says", "killed"]);
    for what in ["nothing", "says", "panic"] {
        assert_eq!(worker.run(&spec(what)).hash, run(what).hash, "{what}");
    }
}

/// Its parent has the reports of all that came before it, although the worker is not through with what it was sent.
#[test]
fn a_run_that_takes_long_can_be_stopped_alone() {
    let mut worker = worker::make();
    let stop = worker.stop();
    announce(&mut *worker, &["nothing", "spin", "nothing"]);
    stop.store(true, Relaxed);
    assert_eq!(worker.run(&spec("nothing")).failure, None);
    let failure = worker.run(&spec("spin")).failure.expect("it was stopped");
    assert!(failure.oracle == INTERRUPTED, "{failure:?}");
    stop.store(false, Relaxed);
    assert_eq!(worker.run(&spec("nothing")).failure, None);
}
