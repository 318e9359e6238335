//! The disks of the storage servers are full for a while.

use super::run::run;
use crate::durability::server::SHIPPED;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

crate::durability::scenario!("cluster-disk-full", "the disks of the storage servers are full for a while");

fn body(sim: &mut Sim) {
    run(sim, &[Family::DiskSpace], SHIPPED, |_, _| {});
}
