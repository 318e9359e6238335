//! One client takes large replies in sips; the others do not notice, and memory stays bounded.

use crate::actor::{must, slow_reader, steady};
use crate::world::World;
use eagain_sim::Sim;
use eagain_sim::choose;

super::story!(
    "slow-reader",
    "one client takes large replies in sips; the others do not notice, and memory stays bounded"
);

fn body(sim: &mut Sim) {
    let Some(mut world) = World::new(sim, |config| config.limits.output_bytes_high = 16 << 10) else {
        return;
    };
    world.client(sim, |k, stage, number| {
        let length = choose("length", 1, 20_000) as usize;
        must(number, slow_reader(k, stage, number, length, 4));
    });
    for _ in 1..sim.number("clients") {
        world.client(sim, |k, stage, number| must(number, steady(k, stage, number, 0, 10)));
    }
    world.play(sim);
}
