//! Some hosts are cut off one after another and come back in another order; a listener's queue may be short as well.

use crate::actor::{half_closer, must, pipeliner, steady};
use crate::world::World;
use eagain_sim::fault::Family;
use eagain_sim::{Sim, USUAL_FAULTS};

super::story!(
    "swizzled-hosts",
    "hosts are cut off one after another and come back in another order; everybody is answered in the end"
);

fn body(sim: &mut Sim) {
    sim.faults(&[USUAL_FAULTS, &[Family::Swizzle, Family::Backlog]].concat());
    // Who is cut off takes nothing for longer than the server usually bears it.
    let Some(mut world) = World::new(sim, |config| config.limits.write_stall_timeout_ns = 0) else { return };
    world.client(sim, |k, stage, number| must(number, pipeliner(k, stage, number, 6, 4)));
    world.client(sim, |k, stage, number| must(number, half_closer(k, stage, number, 0, 10)));
    for _ in 0..sim.number("clients") {
        world.client(sim, |k, stage, number| must(number, steady(k, stage, number, 0, 15)));
    }
    world.play(sim);
}
