//! A reply goes to whoever asked next: `super::super::system::reply_mix_up`, in the cluster on turmoil.

use crate::bugs::system::reply_mix_up::forgets_timed_out;
use crate::cluster::on_turmoil::{Run, run};
use eagain_server::cluster::link::plain;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

crate::bugs::planted!(
    "turmoil-reply-mix-up",
    "B78",
    'o',
    ["O1", "O2", "O7", "O8"],
    "a link gives the place of a request that timed out to the next"
);

pub use BUG as TURMOIL;

const FAULTS: &[Family] = &[Family::StreamStall, Family::NetHold];

fn build(sim: &mut Sim, defect: bool) {
    let new_link = if defect { forgets_timed_out } else { plain };
    run(sim, Run { clients: 2, operations: 12, faults: FAULTS, new_link, reads_at_the_end: false });
}
