//! How a scenario of the cluster runs: five servers, three clients, whatever else the scenario adds, and the check.

use super::servers::{Cluster, cluster};
use crate::durability::client::{CLUSTER_TIMEOUT, clients};
use crate::durability::server::{QUIET_NS, Serve};
use crate::durability::workload::check;
use eagain_net::sleep;
use eagain_sim::fault::Family;
use eagain_sim::{HostId, Sim, SimKernel, USUAL_FAULTS, choose, control};
use std::time::Duration;

/// The cluster under these families, besides the usual ones; `more` adds who is not there otherwise.
pub fn run(sim: &mut Sim, faults: &[Family], serve: Serve, more: fn(&mut Sim, &Cluster)) {
    sim.faults(&[USUAL_FAULTS, faults].concat());
    crate::with_tightest_buffers(sim);
    sim.quiet_after(QUIET_NS);
    let cluster = cluster(sim, serve);
    let history = clients(sim, cluster.address, 3, 12, CLUSTER_TIMEOUT);
    more(sim, &cluster);
    sim.run();
    check(sim, &history);
}

/// Cuts two hosts off from each other (0), the first from the second in one direction (1), or the first from all others.
pub fn cut(how: u64, one: HostId, other: HostId) {
    match how {
        0 => control::partition(one, other),
        1 => control::partition_one_way(one, other),
        _ => control::isolate(one),
    }
}

/// Sleeps for 100 µs << the choice.
pub fn pause(k: SimKernel, name: &'static str, low: u64, high: u64) {
    sleep(k, Duration::from_micros(100 << choose(name, low, high)));
}
