//! The disks of the storage servers are full for a while.

use super::run::run;
use eagain_server::flaws::Flaws;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

crate::durability::scenario!("cluster-disk-full", "the disks of the storage servers are full for a while");

fn body(sim: &mut Sim) {
    run(sim, &[Family::DiskSpace], Flaws::default(), |_, _| {});
}
