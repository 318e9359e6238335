//! Directions of connections lose all that they carry for a while, acknowledgements too: everybody is answered in the end.

use crate::actor::{must, pipeliner, steady};
use crate::world::World;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, USUAL_FAULTS};

super::story!(
    "black-holes",
    "connections lose everything one way for a while; everybody is answered in the end"
);

fn body(sim: &mut Sim) {
    sim.faults(&[USUAL_FAULTS, &[Family::BlackHole]].concat());
    // Who is behind a black hole takes nothing for longer than the server usually bears it.
    let Some(mut world) = World::new(sim, |config| config.limits.write_stall_timeout_ns = 0) else { return };
    world.client(sim, |k, stage, number| must(number, pipeliner(k, stage, number, 4, 6)));
    for _ in 1..sim.number("clients") {
        world.client(sim, |k, stage, number| must(number, steady(k, stage, number, 0, 15)));
    }
    world.play(sim);
}
