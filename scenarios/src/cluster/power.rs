//! The power of any host fails, and its disk keeps what was synced.

use super::run::run;
use crate::durability::server::SHIPPED;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

crate::durability::scenario!(
    "cluster-power",
    "the power of any host fails, and its disk keeps what was synced"
);

fn body(sim: &mut Sim) {
    run(sim, &[Family::HostPower, Family::DiskTorn], SHIPPED, |_, _| {});
}
