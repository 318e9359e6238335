//! Recovery that believes a batch whose checksum is wrong, and so what a power failure left of it. Repaired: it is dropped.

use crate::durability::run::torn_tail;
use eagain_server::flaws::Flaws;
use eagain_sim::Sim;

super::planted!(
    "accept-torn-tail",
    "B70",
    'n',
    ["O8", "O9", "O2"],
    "recovery believes a batch whose check is wrong"
);

fn build(sim: &mut Sim, defect: bool) {
    let flaws = Flaws { accepts_torn: defect, ..Flaws::default() };
    torn_tail(sim, flaws);
}
