//! Requests come a byte at a time.

use crate::actor::{must, one_byte_writer, steady};
use crate::world::World;
use eagain_sim::Sim;

super::story!("one-byte-writer", "requests come a byte at a time");

fn body(sim: &mut Sim) {
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    world.client(sim, |k, stage, number| must(number, one_byte_writer(k, stage, number, 6)));
    for _ in 1..sim.number("clients") {
        world.client(sim, |k, stage, number| must(number, steady(k, stage, number, 0, 10)));
    }
    world.play(sim);
}
