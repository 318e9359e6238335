//! Servers of all roles are killed again and again.

use super::run::{pause, run};
use super::servers::Cluster;
use crate::durability::server::{SHIPPED, Server, UNKNOWN, expect};
use eagain_sim::{Sim, choose, control};

crate::durability::scenario!("cluster-restart-storm", "servers of all roles are killed again and again");

fn body(sim: &mut Sim) {
    expect(sim, &[UNKNOWN]);
    run(sim, &[], SHIPPED, storm);
}

/// Kills twelve times, somebody each time.
pub fn storm(sim: &mut Sim, cluster: &Cluster) {
    let servers = cluster.all();
    let host = sim.host("nemesis");
    sim.client(host, "nemesis", move |k| {
        for _ in 0..12 {
            pause(k, "between", 3, 13);
            let server: &Server = &servers[choose("whom", 0, 4) as usize];
            control::kill(server.process);
        }
    });
}
