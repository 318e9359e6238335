//! O3 and O6: a loop that gets nothing on is found, with calls and without, and nobody who works is blamed.

mod common;

use eagain_net::sync::Mutex;
use eagain_net::{Clock, Descriptors, Errno, Fd};
use eagain_sim::choice::Base;
use eagain_sim::run::RunReport;
use eagain_sim::{Sim, SimKernel};
use std::sync::Arc;

fn run(body: fn(&mut Sim)) -> RunReport {
    common::run(body, Base::Seed(1))
}

fn alone(sim: &mut Sim, name: &str, body: impl FnOnce(SimKernel) + Send + 'static) {
    let host = sim.host("host");
    sim.client(host, name, body);
}

/// Oracle, site and the first line of what broke.
fn broke(report: &RunReport) -> (&str, &str, &str) {
    let failure = report.failure.as_ref().expect("it never ends");
    (failure.oracle.code(), &failure.site, failure.message.lines().next().unwrap_or_default())
}

#[test]
fn calls_that_get_nothing_on_are_a_spin() {
    let report = run(|sim| alone(sim, "asker", |k| while k.read(Fd(7), &mut [0]) == Err(Errno::EBADF) {}));
    assert_eq!(broke(&report), ("O3", "spin", "asker/0 made 10000 consecutive calls without progress"));
}

#[test]
fn locks_taken_for_ever_without_a_call_are_a_spin() {
    let report = run(|sim| {
        alone(sim, "looker", |k| {
            let done = Mutex::new(k, false);
            while !*done.lock() {}
        });
    });
    let message = "looker/0 took and gave locks 1000000 times in a row without a call";
    assert_eq!(broke(&report), ("O3", "spin without calls", message));
}

#[test]
fn locks_taken_often_between_calls_are_work() {
    let report = run(|sim| {
        alone(sim, "worker", |k| {
            let count = Arc::new(Mutex::new(k, 0));
            for _ in 0..300 {
                for _ in 0..10_000 {
                    *count.lock() += 1;
                }
                k.clock_gettime(eagain_net::ClockId::Monotonic);
            }
        });
    });
    assert_eq!(report.failure, None);
}
