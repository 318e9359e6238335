//! A link between servers that forgets a request that timed out: the reply that comes after all goes to whoever asked next.
//! Repaired: the place of such a request stays taken until its reply has come.

use crate::cluster::run::run;
use eagain_server::flaws::Flaws;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

super::planted!(
    "reply-mix-up",
    "B78",
    'o',
    ["O1", "O2", "O7", "O8"],
    "a link gives the place of a request that timed out to the next"
);

const SLOW: &[Family] = &[Family::DiskSlow, Family::Partition];

fn build(sim: &mut Sim, defect: bool) {
    let flaws = Flaws { forgets_timed_out: defect, ..Flaws::default() };
    run(sim, SLOW, flaws, |_, _| {});
}
