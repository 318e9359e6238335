//! Many requests in one write; replies in their order, however small the buffers.

use crate::actor::{must, pipeliner};
use crate::world::World;
use eagain_sim::Sim;

super::story!("pipelining", "many requests in one write; replies in their order, however small the buffers");

fn body(sim: &mut Sim) {
    let Some(mut world) = World::new(sim, |config| config.limits.output_bytes_high = 2048) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, |k, stage, number| must(number, pipeliner(k, stage, number, 3, 40)));
    }
    world.play(sim);
}
