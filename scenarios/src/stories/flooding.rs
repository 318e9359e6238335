//! One client asks without a pause; the others are served in time.

use crate::actor::{flooder, must, steady};
use crate::checker::fairness;
use crate::world::World;
use eagain_sim::Sim;
use eagain_sim::fault::Family;
use std::time::Duration;

super::story!("flooder", "one client asks without a pause; the others are served in time");

/// How long a reply may take: many times what a turn of every flooder takes.
const BOUND: Duration = Duration::from_secs(2);

fn body(sim: &mut Sim) {
    sim.faults(&[Family::OffCpu, Family::Interrupt, Family::Wakeup]);
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    world.client(sim, |k, stage, number| must(number, steady(k, stage, number, 0, 20)));
    for _ in 1..sim.number("clients") {
        world.client(sim, |k, stage, number| must(number, flooder(k, stage, number, 4, 200)));
    }
    world.play(sim);
    if !sim.failed() {
        fairness::judge(sim, &world.stage.history, 1, BOUND);
    }
}
