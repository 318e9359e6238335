//! Replies that leave before the sync that they wait for. Repaired: a reply is held until its batch is on the disk.

use crate::durability::run::{POWER, run};
use eagain_server::flaws::Flaws;
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;

super::planted!(
    "reply-before-sync",
    "B68",
    'n',
    ["O8", "O9", "O2"],
    "replies leave before the sync that they wait for"
);

fn build(sim: &mut Sim, defect: bool) {
    let flaws = Flaws { replies_before_sync: defect, ..Flaws::default() };
    run(sim, Log, POWER, flaws);
}
