//! Clients that ask, wait, and ask again.

use crate::actor::{must, steady};
use crate::world::World;
use eagain_sim::Sim;

super::story!("steady-load", "clients that ask, wait, and ask again");

fn body(sim: &mut Sim) {
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, |k, stage, number| must(number, steady(k, stage, number, 0, 20)));
    }
    world.play(sim);
}
