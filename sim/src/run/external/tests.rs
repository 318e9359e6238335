//! A run of another world is a run like any other: it replays, shrinks and compares.

use super::*;
use crate::Sim;
use crate::run::{RunSpec, Scenario, Settings};
use crate::runner::Execute;
use crate::shrink::{Limits, shrink_run};
use crate::stack::Engine;

/// Twenty calls by two streams; the third short write by "b" of less than 512 bytes is what breaks it.
fn body(sim: &mut Sim) {
    sim.faults(&[Family::StreamShortWrite, Family::StreamNotReady]);
    let world = sim.external();
    world.set_clock(Box::new(|| Some(Duration::from_millis(3))));
    let mut streams = [Stream::default(), Stream::default()];
    let mut short = 0;
    for turn in 0..40 {
        let name = ["a", "b"][turn % 2];
        let actor = world.actor(name);
        let most = world.choose_fault(Family::StreamShortWrite, &mut streams[turn % 2], || name.to_owned());
        let bytes = [b'x'; 16];
        if (1..512).contains(&most) {
            let cause = world.fault(Family::StreamShortWrite, actor, [most, 0, 0, 0]);
            world.call(
                actor,
                Kind::PollWrite,
                [16, 0, 0, 0],
                most.min(16) as i64,
                &bytes[..most.min(16) as usize],
                Some(cause),
            );
            short += usize::from(name == "b");
        } else {
            world.call(actor, Kind::PollWrite, [16, 0, 0, 0], 16, &bytes, None);
        }
        world.mark(actor, name);
        world.always("few-short-writes", short < 3, || format!("{short} short writes"));
    }
    world.sometimes("ends", true);
}

const SCENARIO: Scenario = Scenario { name: "external", about: "", knobs: &[], seeds: 1, body };

fn spec(seed: u64, record: Record) -> RunSpec {
    RunSpec { record, ..RunSpec::seeded(SCENARIO, Settings::new(), seed) }
}

#[test]
fn an_external_run_replays_and_shrinks_to_the_choices_that_matter() {
    let mut engine = Engine::new();
    let failing = (0..200).find(|&seed| engine.run(&spec(seed, Record::Hash)).failure.is_some()).unwrap();
    let first = engine.run(&spec(failing, Record::Hash));
    let again = engine.run(&spec(failing, Record::Trace));
    assert_eq!((first.hash, first.calls, first.failure), (again.hash, again.calls, again.failure.clone()));
    let failure = again.failure.unwrap();
    assert_eq!((failure.oracle.code(), &*failure.site), ("always", "few-short-writes"));
    assert!(again.trace.unwrap().events.iter().any(|event| event.cause != 0));

    let shrunk = shrink_run(&mut engine, &spec(failing, Record::Hash), Limits::default()).unwrap();
    assert!(shrunk.outcome.reproduced);
    let keys: Vec<String> = shrunk
        .outcome
        .choices
        .iter()
        .map(|(key, value)| format!("{} {}={value}", key.domain, key.object))
        .collect();
    assert_eq!(keys, vec!["stream.short-write b=1"; 3]);
}

#[test]
fn a_panic_that_a_runtime_swallows_is_a_failure() {
    let scenario = Scenario {
        body: |sim| {
            let _world = sim.external();
            let _ = std::panic::catch_unwind(|| panic!("in a task"));
        },
        ..SCENARIO
    };
    let report = Engine::new().run(&RunSpec { scenario, ..spec(1, Record::Hash) });
    let failure = report.failure.unwrap();
    assert_eq!(failure.oracle, "O16");
    assert!(failure.site.contains("run/external/tests.rs:"));
    assert!(failure.message.starts_with("in a task"));
}
