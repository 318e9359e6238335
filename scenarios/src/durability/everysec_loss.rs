//! With `everysec` and a log, a power failure takes what was acknowledged in the last second, and a kill nothing.

use super::loss;
use super::server::SHIPPED;
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;

super::scenario!("durability-everysec-loss", "with everysec a crash takes no more than the last second");

fn body(sim: &mut Sim) {
    loss::run(sim, Log, SHIPPED);
}
