//! The hosts of some clients are gone, in the middle of whatever they did, without FIN or RST: the others are served, and
//! the server does not keep what nobody will ever ask for again.

use crate::actor::{must, pipeliner, slow_reader, steady};
use crate::world::World;
use eagain_net::sleep;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, USUAL_FAULTS};
use std::time::Duration;

super::story!(
    "silent-peers",
    "hosts of clients are gone without a word; the others are served, and nothing is kept for the dead"
);

/// How long the server bears silence.
const IDLE: Duration = Duration::from_secs(30);
/// By then it has lost patience with everybody, also with those who do not take their replies.
const ALL_GONE: Duration = Duration::from_secs(100);

fn body(sim: &mut Sim) {
    sim.faults(&[USUAL_FAULTS, &[Family::HostGone]].concat());
    let Some(world) = World::new(sim, |config| config.limits.idle_timeout_ns = IDLE.as_nanos() as u64) else {
        return;
    };
    let mut world = world.stay(ALL_GONE);
    // How theirs ends is nobody's business.
    world.mortal(sim, |k, stage, number| {
        let _ = pipeliner(k, stage, number, 20, 6);
    });
    world.mortal(sim, |k, stage, number| {
        let _ = slow_reader(k, stage, number, 2_000, 4);
    });
    world.mortal(sim, |k, stage, number| {
        let _ = steady(k, stage, number, 0, 50);
        // One that may be gone while nobody waits for anything.
        sleep(k, IDLE / 2);
    });
    for _ in 1..sim.number("clients") {
        world.client(sim, |k, stage, number| must(number, steady(k, stage, number, 0, 15)));
    }
    world.play(sim);
}
