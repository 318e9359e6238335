//! Clients end their writing side behind the last request, and get every reply.

use crate::actor::{half_closer, must};
use crate::world::World;
use eagain_sim::Sim;

super::story!("half-closer", "clients end their writing side behind the last request, and get every reply");

fn body(sim: &mut Sim) {
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    for _ in 0..sim.number("clients") {
        world.client(sim, |k, stage, number| {
            for connection in 0..3 {
                must(number, half_closer(k, stage, number, connection, 10));
            }
        });
    }
    world.play(sim);
}
