//! Clients slam the door in the middle of a request, and the network resets connections; the others go on.

use crate::actor::{End, must, resetter, steady};
use crate::world::World;
use eagain_net::Errno;
use eagain_sim::Sim;
use eagain_sim::fault::Family;
use eagain_sim::{USUAL_FAULTS, sometimes};

super::story!(
    "reset-in-mid-request",
    "clients slam the door in the middle of a request, and the network resets connections; the others go on"
);

fn body(sim: &mut Sim) {
    sim.faults(&[USUAL_FAULTS, &[Family::Reset]].concat());
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    world.client(sim, |k, stage, number| resetter(k, stage, number, 5));
    for _ in 1..sim.number("clients") {
        world.client(sim, |k, stage, number| {
            // A connection that the network resets is made anew; nothing else may end one.
            for connection in 0..10 {
                match steady(k, stage, number, connection, 10) {
                    Err(End::Broken(Errno::ECONNRESET | Errno::EPIPE)) => {
                        sometimes("a connection was reset", true);
                    }
                    done => return must(number, done),
                }
            }
        });
    }
    world.play(sim);
}
