//! A log that goes on behind a torn batch, where the next recovery finds nothing. Repaired: the torn batch is cut off first.

use crate::durability::run::{POWER, run};
use eagain_server::flaws::Flaws;
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;

super::planted!(
    "append-behind-torn",
    "B70",
    'n',
    ["O8", "O9", "O2"],
    "new batches go behind a torn one, where nobody finds them"
);

fn build(sim: &mut Sim, defect: bool) {
    let flaws = Flaws { keeps_torn: defect, ..Flaws::default() };
    run(sim, Log, POWER, flaws);
}
