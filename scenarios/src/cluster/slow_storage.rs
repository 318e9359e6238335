//! A storage server's disk is slow, and its network.

use super::run::run;
use crate::durability::server::SHIPPED;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

crate::durability::scenario!("cluster-slow-storage", "a storage server's disk is slow, and its wire");

fn body(sim: &mut Sim) {
    run(sim, &[Family::DiskSlow], SHIPPED, |_, _| {});
}
