//! A log that says that it has synced, and has not: what was acknowledged is gone when the power fails. Repaired: fsync(2) before
//! any reply.

use crate::durability::run::{POWER, run};
use eagain_server::flaws::Flaws;
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;

super::planted!(
    "missing-fsync",
    "B68",
    'n',
    ["O8", "O9", "O2"],
    "the log says that it has synced, and has not"
);

fn build(sim: &mut Sim, defect: bool) {
    let flaws = Flaws { skips_sync: defect, ..Flaws::default() };
    run(sim, Log, POWER, flaws);
}
