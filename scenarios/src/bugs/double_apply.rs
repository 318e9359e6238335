//! A link between servers that sends again what may have been executed. Repaired: whether it was is unknown, and the client
//! gets an error.

use crate::cluster::restart_storm::storm;
use crate::cluster::run::run;
use eagain_server::flaws::Flaws;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

super::planted!(
    "double-apply",
    "B77",
    'o',
    ["O1", "O2", "O7", "O8"],
    "a link sends again what may have been executed"
);

fn build(sim: &mut Sim, defect: bool) {
    let flaws = Flaws { sends_again: defect, ..Flaws::default() };
    run(sim, &[Family::ProcessKill], flaws, storm);
}
