//! What a scenario passes by a literal name is known before it is passed.
#![cfg(feature = "native")]

use eagain::World;
use eagain::sim::run::RunSpec;
use eagain::sim::{Engine, run_spec};

#[eagain::scenario]
fn passes_some(world: &mut World) {
    let sim = world.sim();
    let host = sim.host("host");
    sim.client(host, "client", |_| {
        eagain::sometimes("passed", true);
        eagain::eventually("healed", true);
        if eagain::choose("any", 0, 0) == 1 {
            eagain::sometimes("a \"branch\"", true);
            eagain::eventually("never asked", true);
        }
    });
}

#[test]
fn what_no_run_passes_is_named() {
    let spec = RunSpec::seeded(passes_some::SCENARIO, Default::default(), 1);
    let report = run_spec(&spec, &mut Engine::new());
    assert_eq!(report.failure, None);
    let reached: Vec<(&str, bool)> = report.sometimes.into_iter().collect();
    let all = [("a \"branch\"", false), ("healed", true), ("never asked", false), ("passed", true)];
    assert_eq!(reached, all);
}
