//! Kills, power failures, partitions, slow and full disks at once.

use super::run::run;
use crate::durability::server::SHIPPED;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

crate::durability::scenario!(
    "cluster-everything",
    "kills, power failures, partitions, slow and full disks at once"
);

fn body(sim: &mut Sim) {
    run(sim, EVERYTHING, SHIPPED, |_, _| {});
}

const EVERYTHING: &[Family] = &[
    Family::ProcessKill,
    Family::HostPower,
    Family::DiskTorn,
    Family::Partition,
    Family::DiskSlow,
    Family::DiskSpace,
];
