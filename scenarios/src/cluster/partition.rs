//! Any two hosts cannot reach each other for a while.

use super::run::{cut, pause, run};
use super::servers::Cluster;
use crate::durability::server::{SHIPPED, Serve};
use eagain_sim::fault::Family;
use eagain_sim::{Sim, choose, control};

crate::durability::scenario!("cluster-partition", "any two hosts cannot reach each other for a while");

fn body(sim: &mut Sim) {
    partition(sim, SHIPPED);
}

/// The scenario, with these servers.
pub fn partition(sim: &mut Sim, serve: Serve) {
    run(sim, &[Family::Partition], serve, cut_pairs);
}

/// Cuts two of the hosts off from each other, in one direction or both, and heals it, some times.
fn cut_pairs(sim: &mut Sim, cluster: &Cluster) {
    let servers = cluster.all();
    let host = sim.host("nemesis");
    sim.client(host, "nemesis", move |k| {
        for _ in 0..choose("cuts", 0, 4) {
            pause(k, "before", 0, 13);
            let a = &servers[choose("one", 0, 4) as usize];
            let b = &servers[choose("other", 0, 4) as usize];
            cut(choose("how", 0, 2), a.host, b.host);
            pause(k, "long", 3, 16);
            control::heal_all();
        }
    });
}
