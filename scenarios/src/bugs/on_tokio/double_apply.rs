//! What may have been executed is executed again: `super::super::system::double_apply`, in the cluster on turmoil.

use crate::bugs::system::double_apply::sends_again;
use crate::cluster::on_turmoil::{Run, run};
use eagain_server::cluster::link::plain;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

crate::bugs::planted!(
    "turmoil-double-apply",
    "B77",
    'o',
    ["O1", "O2", "O7", "O8"],
    "a link sends again what may have been executed"
);

pub use BUG as TURMOIL;

const FAULTS: &[Family] = &[Family::StreamReset, Family::NetPartition, Family::NetOneWay, Family::HostCrash];

fn build(sim: &mut Sim, defect: bool) {
    let new_link = if defect { sends_again } else { plain };
    run(sim, Run { clients: 2, operations: 12, faults: FAULTS, new_link, reads_at_the_end: false });
}
