//! `check` names what a run depends on: a scenario for each kind of leak. The second process is this program again, so it has no
//! libtest around it.

mod common;

use eagain_net::*;
use eagain_sim::cli::{self, Registry};
use eagain_sim::run::Scenario;
use eagain_sim::{Sim, SimKernel, choose, runner::engine};
use std::cell::Cell;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Sleeps for so many microseconds: in the trace, and nothing else is.
fn sleep_us(k: SimKernel, us: u64) {
    sleep(k, Duration::from_micros(us));
}

fn client(sim: &mut Sim, leak: fn() -> u64) {
    let host = sim.host("host");
    sim.client(host, "client", move |k| sleep_us(k, leak() % 1_000_003 + choose("more", 1, 9)));
}

#[allow(clippy::disallowed_methods)] // what is found is what is forbidden
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[allow(clippy::disallowed_types)]
fn in_hash_order(k: SimKernel) {
    let set: std::collections::HashSet<u64> = (1..40).collect();
    set.iter().for_each(|&us| sleep_us(k, us));
}

/// As a server does it: what it does for one connection moves the times of what it does for the next.
#[allow(clippy::disallowed_types)]
fn by_connection_in_hash_order(k: SimKernel) {
    let connections: std::collections::HashMap<u64, u64> = (1..40).map(|fd| (fd, fd * fd)).collect();
    let mut sum = 0;
    for (fd, age) in &connections {
        sum = (sum * 31 + age) % 997;
        sleep_us(k, *fd);
        sleep_us(k, 1_000 + sum);
    }
}

#[allow(clippy::disallowed_types)]
fn entropy() -> u64 {
    use std::hash::BuildHasher;
    std::collections::hash_map::RandomState::new().hash_one(1)
}

#[allow(clippy::disallowed_methods)]
fn variable(name: &str) -> u64 {
    std::env::var(name).map_or(0, |text| text.bytes().fold(7, |sum, byte| sum * 31 % 997 + u64::from(byte)))
}

static RUNS: AtomicU64 = AtomicU64::new(0);
thread_local!(static BUILT: Cell<u64> = const { Cell::new(0) });

/// A name, what leaks, and what `check` says of it; nothing: the scenario is sound.
type Row = (&'static str, fn(&mut Sim), &'static str);

const ROWS: &[Row] = &[
    ("sound", |sim| client(sim, || 0), ""),
    ("clock-second", |sim| client(sim, seconds), "the time of day"),
    ("clock-hour", |sim| client(sim, || seconds() / 3600 % 24), "the time of day"),
    ("clock-day-of-the-week", |sim| client(sim, || seconds() / 86_400 % 7), "the time of day"),
    ("variable", |sim| client(sim, || variable("HOME")), "an environment variable"),
    ("time-zone", |sim| client(sim, || variable("TZ")), "the time zone"),
    (
        "working-directory",
        |sim| client(sim, || std::env::current_dir().unwrap().as_os_str().len() as u64),
        "the working directory",
    ),
    (
        "processors",
        |sim| client(sim, || std::thread::available_parallelism().unwrap().get() as u64),
        "the number of processors",
    ),
    ("address", |sim| client(sim, || (ROWS.as_ptr() as usize >> 12) as u64), "an address"),
    ("process-id", |sim| client(sim, || u64::from(std::process::id())), "the number of the process"),
    (
        "hash-order",
        |sim| {
            let host = sim.host("host");
            sim.client(host, "client", in_hash_order);
        },
        "the same calls in another order: a HashMap or HashSet",
    ),
    (
        "hash-order-of-connections",
        |sim| {
            let host = sim.host("host");
            sim.client(host, "client", by_connection_in_hash_order);
        },
        "most likely a HashMap or HashSet",
    ),
    ("entropy", |sim| client(sim, entropy), "most likely the machine's entropy"),
    ("static", |sim| client(sim, || RUNS.fetch_add(1, Relaxed)), "a `static`"),
    (
        "thread-local",
        |sim| {
            let (host, built) = (sim.host("host"), BUILT.replace(BUILT.get() + 1));
            sim.client(host, "client", move |k| sleep_us(k, built + 1));
        },
        "a `thread_local!`",
    ),
];

const SCENARIOS: &[Scenario] = &{
    let mut scenarios = [Scenario { name: "", about: "", knobs: &[], seeds: 4, body: |_| {} }; ROWS.len()];
    let mut at = 0;
    while at < ROWS.len() {
        (scenarios[at].name, scenarios[at].body) = (ROWS[at].0, ROWS[at].1);
        at += 1;
    }
    scenarios
};

const REGISTRY: Registry = Registry {
    scenarios: SCENARIOS,
    bugs: &[],
    extras: &[],
    regressions: "no such folder",
    executor: engine::make,
};

/// What is wrong with what `check` says of it.
fn wrong((name, _, cause): &Row) -> Option<String> {
    // One of many threads differs: a leak of the machine's number of processors is none where it has one.
    if *name == "processors" && std::thread::available_parallelism().is_ok_and(|n| n.get() == 1) {
        return None;
    }
    let (code, out, err) = common::eagain(&REGISTRY, &format!("check {name} --seeds 4 --jobs 2"));
    let found = format!("NONDETERMINISM {name} seed 0x");
    let is_right = match *cause {
        "" => code == 0 && out.contains("the same in both processes"),
        cause => {
            let place = "the first event that differs, in client/0, at clock_nanosleep";
            let last = out.lines().last().unwrap_or_default();
            code == 3 && out.starts_with(&found) && out.contains(place) && last.contains(cause)
        }
    };
    (!is_right).then(|| format!("{name}: exit {code}\n{out}{err}"))
}

fn main() -> ExitCode {
    let first = std::env::args().nth(1);
    if first.as_deref() == Some("check-child") {
        return cli::main_with(&REGISTRY);
    }
    // What nextest asks.
    if std::env::args().any(|argument| argument == "--list") {
        if !std::env::args().any(|argument| argument == "--ignored") {
            println!("leaks_are_named: test");
        }
        return ExitCode::SUCCESS;
    }
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let rows: Vec<_> = ROWS.iter().map(|row| scope.spawn(|| wrong(row))).collect();
        rows.into_iter().filter_map(|row| row.join().unwrap()).collect()
    });
    println!("{} of {} leaks are named", ROWS.len() - wrong.len(), ROWS.len());
    wrong.iter().for_each(|text| println!("\n{text}"));
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
