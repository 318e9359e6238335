//! The two kernels: a body that is generic over them runs on Linux under a lock, and as the only process of a simulated
//! world in which everything arrives within the call that causes it.

use eagain_net::Linux;
use eagain_sim::choice::Base;
use eagain_sim::fault::Family;
use eagain_sim::run::{Record, RunReport, RunSpec, Scenario};
use eagain_sim::trace::Kind;
use eagain_sim::{Engine, KernelKnobs, Sim, SimKernel, USUAL_FAULTS, run_body};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Descriptor numbers and signal dispositions belong to the process: one body at a time.
static LINUX: Mutex<()> = Mutex::new(());

/// Runs `body` on the real kernel, in a thread of its own, whose signal mask nobody else sees.
pub fn on_linux(body: impl FnOnce(Linux) + Send) -> Result<(), String> {
    let _alone = LINUX.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let outcome = std::thread::scope(|scope| scope.spawn(|| body(Linux)).join());
    outcome.map_err(|panic| match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (_, Some(text)) => (*text).to_owned(),
        _ => "a panic without a text".to_owned(),
    })
}

const WORLD: Scenario = Scenario {
    name: "conform",
    about: "one process on a synchronous loopback",
    knobs: &[],
    seeds: 1,
    body: |_| {},
};

/// Runs `body` as the only process of a world without faults, where everything arrives within the call that causes it.
pub fn in_simulation(engine: &mut Engine, body: impl FnOnce(SimKernel) + Send + 'static) -> RunReport {
    recorded(Record::Hash, engine, body, None)
}

/// As [`in_simulation`]; on the same host `beside` runs as a process for as long as the world.
pub fn in_simulation_beside(
    engine: &mut Engine,
    body: impl FnOnce(SimKernel) + Send + 'static,
    beside: impl FnOnce(SimKernel) + Send + 'static,
) -> RunReport {
    recorded(Record::Hash, engine, body, Some(Box::new(beside)))
}

/// As [`in_simulation`]; which calls it made, by their rows in the simulator's table.
pub fn calls_of(engine: &mut Engine, body: impl FnOnce(SimKernel) + Send + 'static) -> BTreeSet<Kind> {
    let log = recorded(Record::Trace, engine, body, None).trace;
    let events = log.into_iter().flat_map(|log| log.events);
    events.map(|event| event.kind).filter(|kind| kind.is_call()).collect()
}

fn recorded(
    record: Record,
    engine: &mut Engine,
    body: impl FnOnce(SimKernel) + Send + 'static,
    mut beside: Option<Box<dyn FnOnce(SimKernel) + Send>>,
) -> RunReport {
    let spec = RunSpec { record, ..RunSpec::new(WORLD, Default::default(), Base::Zero) };
    let mut body = Some(body);
    run_body(&spec, engine, &mut |sim: &mut Sim| {
        // A program may well be made of calls that achieve nothing.
        *sim.knobs() = KernelKnobs { spin_limit: u32::MAX, ..KernelKnobs::synchronous() };
        sim.faults(&[]);
        let host = sim.host("host");
        if let Some(body) = body.take() {
            sim.client(host, "program", body);
        }
        if let Some(beside) = beside.take() {
            sim.server(host, "beside", beside);
        }
    })
}

/// Runs `body` in a world with every fault that a stream can have, drawn from `seed`: delays, splits, stalls, small
/// buffers, slow lines, and threads off the CPU. Once it is quiet nothing is held up any more.
pub fn in_adversity(
    engine: &mut Engine,
    seed: u64,
    body: impl FnOnce(SimKernel) + Send + 'static,
) -> RunReport {
    with_faults(engine, seed, USUAL_FAULTS, body)
}

/// The same with these families only.
pub fn with_faults(
    engine: &mut Engine,
    seed: u64,
    families: &[Family],
    body: impl FnOnce(SimKernel) + Send + 'static,
) -> RunReport {
    let spec = RunSpec::seeded(WORLD, Default::default(), seed);
    let mut body = Some(body);
    run_body(&spec, engine, &mut |sim: &mut Sim| {
        sim.faults(families);
        let host = sim.host("host");
        if let Some(body) = body.take() {
            sim.client(host, "program", body);
        }
    })
}

/// As [`in_simulation`], for a test: what broke, as a text.
pub fn on_simulation(body: impl FnOnce(SimKernel) + Send + 'static) -> Result<(), String> {
    let report = in_simulation(&mut Engine::new(), body);
    match report.failure {
        None => Ok(()),
        Some(failure) => Err(format!("{} {}: {}", failure.oracle, failure.site, failure.message)),
    }
}
