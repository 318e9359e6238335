//! More clients at once than the backlog holds; everybody gets in.

use crate::actor::{must, steady};
use crate::world::World;
use eagain_net::now;
use eagain_sim::{Sim, sometimes};
use std::time::Duration;

super::story!("connect-storm", "more clients at once than the backlog holds; everybody gets in");

/// A caller that is not answered asks again after so long (`tcp(7)`).
const SYN_RETRY: Duration = Duration::from_secs(1);

fn body(sim: &mut Sim) {
    sim.knobs().somaxconn = sim.choose("backlog", 1, 4) as usize;
    let Some(mut world) = World::new(sim, |_| {}) else { return };
    for _ in 0..sim.number("clients") * 5 {
        world.client(sim, |k, stage, number| {
            let came = now(k);
            must(number, steady(k, stage, number, 0, 2));
            sometimes("a client asked for a connection again", now(k) - came > SYN_RETRY);
        });
    }
    world.play(sim);
}
