//! More clients than descriptors; whoever waits is taken in when somebody leaves, and the loop does not spin.

use crate::actor::{must, steady};
use crate::world::World;
use eagain_net::now;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, USUAL_FAULTS, sometimes};
use std::time::Duration;

super::story!(
    "fd-exhaustion",
    "more clients than descriptors; whoever waits is taken in when somebody leaves, and the loop does not spin"
);

/// What each loop of the server needs for itself: listener, poller, and what wakes it.
const OWN_DESCRIPTORS: usize = 3;

fn body(sim: &mut Sim) {
    sim.faults(&[USUAL_FAULTS, &[Family::FdLimit]].concat());
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    let room = sim.choose("room", 0, 3) as usize;
    let own = OWN_DESCRIPTORS * sim.number("loops") as usize;
    sim.fd_limit(world.server, own + 4 - room);
    for _ in 0..sim.number("clients") * 3 {
        world.client(sim, |k, stage, number| {
            for connection in 0..2 {
                let came = now(k);
                must(number, steady(k, stage, number, connection, 4));
                sometimes("a client waited for a descriptor", now(k) - came > Duration::from_millis(100));
            }
        });
    }
    world.play(sim);
}
