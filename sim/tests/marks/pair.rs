//! Two scenarios in one file, each with a name of its own, and one that neither passes.

use eagain_net::*;
use eagain_sim::run::Scenario;
use eagain_sim::sometimes;
use std::time::Duration;

const fn scenario(name: &'static str, body: fn(&mut eagain_sim::Sim)) -> Scenario {
    Scenario { name, about: "", knobs: &[], seeds: 1, body }
}

pub const FIRST: Scenario = scenario("pair-first", |sim| build(sim, || sometimes!("first", true)));

pub const SECOND: Scenario = scenario("pair-second", |sim| build(sim, || sometimes!("met by both", true)));

fn build(sim: &mut eagain_sim::Sim, body: fn()) {
    sim.faults(&[]);
    let host = sim.host("host");
    sim.client(host, "client", move |k| {
        sleep(k, Duration::from_millis(1));
        crate::shared::call(k);
        body();
        if eagain_sim::choose("any", 0, 0) == 1 {
            sometimes!("neither", true);
        }
    });
}
