//! One server, whatever the model: with the same workload and nothing going wrong, clients see the same history. What
//! does differ is what it costs, and that is kept as a table under `snapshots/`; `docs/MODELS.md` explains it.

use eagain_scenarios::client::Behaviour;
use eagain_scenarios::resp::Frame;
use eagain_scenarios::run::kernel::World;
use eagain_scenarios::script::KNOBS;
use eagain_sim::run::{Record, RunReport, RunSpec, Scenario, Settings};
use eagain_sim::trace::{Kind, format};
use eagain_sim::{Engine, Sim, run_spec};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Every pair that this kernel can run.
const PAIRS: &[(&str, &str)] = &[
    ("blocking", "reactor"),
    ("nonblocking", "reactor"),
    ("nonblocking", "proactor"),
    ("select", "reactor"),
    ("select", "proactor"),
    ("poll", "reactor"),
    ("poll", "proactor"),
    ("epoll", "reactor"),
    ("epoll", "proactor"),
    ("epoll-edge", "reactor"),
    ("epoll-edge", "proactor"),
    ("epoll-oneshot", "reactor"),
    ("epoll-oneshot", "proactor"),
    ("sigio", "reactor"),
    ("sigio", "proactor"),
    ("aio", "proactor"),
    ("io_uring", "proactor"),
];

/// What a client asked and was answered, in its order. `None`: the shared counter, whose value depends on who was first.
type Seen = BTreeMap<u64, Vec<(String, Option<Frame>)>>;

/// What is left of a run for the test.
#[derive(Default)]
struct Outcome {
    seen: Seen,
    /// The replies about the shared counter, in their own order.
    counted: Vec<String>,
    requests: u64,
    waits: u64,
}

thread_local! {
    /// Of the run on this OS thread; the body of a scenario is a plain function.
    static OUTCOME: RefCell<Outcome> = RefCell::default();
}

/// Nothing goes wrong, and nobody is left but the clients, so that the server's rest does not count.
fn run_without_faults(sim: &mut Sim, behaviour: Behaviour) {
    sim.faults(&[]);
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, async move |context| context.must(behaviour.run(&context).await));
    }
    sim.run();
    let mut outcome = Outcome { waits: sim.waits(world.server), ..Outcome::default() };
    for exchange in world.history.exchanges() {
        outcome.requests += 1;
        let reply = exchange.answered.map(|(_, reply)| reply);
        assert!(reply.is_some() || sim.failed(), "every request is answered");
        let shared = exchange.request.is_shared();
        if shared {
            outcome.counted.push(format!("{reply:?}"));
        }
        let what = (format!("{:?}", exchange.request), reply.filter(|_| !shared));
        outcome.seen.entry(exchange.client).or_default().push(what);
    }
    outcome.counted.sort();
    OUTCOME.set(outcome);
}

fn asks(sim: &mut Sim) {
    run_without_faults(sim, Behaviour::Steady { rounds: 100 });
}

fn bursts(sim: &mut Sim) {
    run_without_faults(sim, Behaviour::Pipeliner { bursts: 40, depth: 32 });
}

const ASKS: Scenario =
    Scenario { name: "asks", about: "one request at a time", knobs: KNOBS, seeds: 1, body: asks };
const BURSTS: Scenario =
    Scenario { name: "bursts", about: "up to 32 requests at a time", knobs: KNOBS, seeds: 1, body: bursts };

fn run(scenario: Scenario, (model, pattern): (&str, &str), workers: u64, seed: u64) -> (RunReport, Outcome) {
    let workers = workers.to_string();
    let settings = [("model", model), ("pattern", pattern), ("workers", &workers), ("clients", "4")];
    let spec = RunSpec {
        record: Record::Trace,
        ..RunSpec::seeded(
            scenario,
            Settings::from(settings.map(|(key, value)| (key.to_owned(), value.to_owned()))),
            seed,
        )
    };
    let report = run_spec(&spec, &mut Engine::new());
    assert_eq!((&report.failure, &report.refused), (&None, &None), "{model} {pattern} {workers}");
    (report, OUTCOME.take())
}

#[test]
fn clients_see_the_same_history_whatever_the_model() {
    for (scenario, seed) in [(ASKS, 1), (BURSTS, 1), (ASKS, 2), (BURSTS, 2), (BURSTS, 3)] {
        let (_, first) = run(scenario, PAIRS[0], 0, seed);
        assert!(first.requests > 100, "there is something to compare");
        for &pair in PAIRS {
            for workers in [0, 2] {
                let (_, other) = run(scenario, pair, workers, seed);
                let name = scenario.name;
                assert!(other.seen == first.seen, "{name} {seed}: {pair:?} with {workers} workers");
                assert_eq!(other.counted, first.counted, "{name} {seed}: {pair:?} with {workers} workers");
            }
        }
    }
}

/// What is no system call on Linux: shared memory of a ring, the clock of the vDSO, a mark.
fn enters_the_kernel(kind: Kind) -> bool {
    !matches!(kind, Kind::RingPush | Kind::RingReap | Kind::ClockGettime)
}

/// Calls and wake-ups of the server for a request, and bytes exchanged for a call of it, in hundredths and whole bytes.
fn costs(report: &RunReport, outcome: &Outcome) -> String {
    let log = report.trace.as_ref().expect("it was asked for");
    let (mut calls, mut bytes) = (0, 0);
    for event in log.events.iter().filter(|event| event.kind.is_call()) {
        let actor = format::actor(log, event);
        if actor.starts_with("server/") {
            calls += u64::from(enters_the_kernel(event.kind));
        } else if matches!(event.kind, Kind::Recv | Kind::Send) && event.result > 0 {
            bytes += event.result as u64;
        }
    }
    let each = |n: u64| {
        let hundredths = (n * 100 + outcome.requests / 2) / outcome.requests;
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    };
    format!("{:>9}{:>10}{:>7}", each(calls), each(outcome.waits), bytes / calls)
}

#[test]
fn what_a_request_costs_with_each_model() {
    let mut table = format!("{:<30}{:>26}{:>26}\n", "", "one at a time", "up to 32 at a time");
    let heads = format!("{:>9}{:>10}{:>7}", "calls", "wake-ups", "bytes");
    let _ = writeln!(table, "{:<14}{:<9}{:<7}{heads}{heads}", "model", "pattern", "workers");
    for &(model, pattern) in PAIRS {
        for workers in [0, 2] {
            let _ = write!(table, "{model:<14}{pattern:<9}{workers:<7}");
            for scenario in [ASKS, BURSTS] {
                let (report, outcome) = run(scenario, (model, pattern), workers, 1);
                table.push_str(&costs(&report, &outcome));
            }
            table.push('\n');
        }
    }
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("models", table));
}
