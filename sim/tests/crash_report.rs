//! A run that nothing in it can end says which run it was: each in a child process, since it dies of it.
#![cfg(all(feature = "cli", unix))]

use eagain_sim::run::Scenario;
use eagain_sim::{Sim, cli};
use std::hint::black_box;
use std::process::{Command, Output};

const CHILD: &str = "CRASH_REPORT_CHILD";

#[inline(never)]
fn compute_without_end() {
    let mut turns = 0_u64;
    while black_box(turns) != u64::MAX {
        turns += 2;
    }
}

fn stuck(sim: &mut Sim) {
    let host = sim.host("server");
    sim.client(host, "server", |_| compute_without_end());
}

fn aborting(sim: &mut Sim) {
    let host = sim.host("server");
    sim.client(host, "server", |_| std::process::abort());
}

struct PanicsInDrop;

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("the second");
    }
}

fn panicking_twice(sim: &mut Sim) {
    let host = sim.host("server");
    sim.client(host, "server", |_| {
        let _second = PanicsInDrop;
        panic!("the first");
    });
}

const fn scenario(name: &'static str, body: fn(&mut Sim)) -> Scenario {
    Scenario { name, about: "ends the process", knobs: &[], seeds: 1, body }
}

const SCENARIOS: &[Scenario] =
    &[scenario("stuck", stuck), scenario("aborting", aborting), scenario("panicking-twice", panicking_twice)];

/// Not a test by itself: what the children run.
#[test]
fn child() {
    if let Some(name) = std::env::var_os(CHILD).and_then(|name| name.into_string().ok()) {
        eagain_sim::runner::watchdog::start();
        let arguments = ["eagain", "run", &name, "--seed", "0x2a"].map(Into::into);
        let registry = cli::Registry {
            scenarios: SCENARIOS,
            bugs: &[],
            extras: &[],
            regressions: "no/such/folder",
            executor: eagain_sim::runner::engine::make,
        };
        cli::run(&registry, arguments, &mut cli::console::Console::standard());
    }
}

fn dies(name: &str) -> String {
    let me = std::env::current_exe().unwrap();
    let mut command = Command::new(me);
    command.args(["child", "--exact", "--nocapture"]).env(CHILD, name).env("EAGAIN_WATCHDOG", "1");
    let Output { status, stderr, .. } = command.output().unwrap();
    let said = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(4), "{said}");
    assert!(said.contains(&format!("running: cargo eagain run {name} --seed 0x2a")), "{said}");
    said
}

#[test]
fn a_thread_that_computes_without_end_says_where() {
    let said = dies("stuck");
    assert!(said.contains("a run made no simulated call for 1 s"), "{said}");
    assert!(said.contains("in simulated thread 0, server/"), "{said}");
    assert!(said.contains("compute_without_end"), "{said}");
    assert!(!said.contains("corosensei"), "{said}");
}

#[test]
fn an_abort_names_the_run() {
    assert!(dies("aborting").contains("the process aborts"));
}

#[test]
fn a_panic_while_another_unwinds_tells_both() {
    let said = dies("panicking-twice");
    assert!(said.contains("the first") && said.contains("the second"), "{said}");
}
