//! With `everysec` a crash takes the end of the history, never its middle.

use super::prefix;
use super::run::{POWER, allow};
use super::server::SHIPPED;
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;

super::scenario!(
    "durability-everysec",
    "with everysec a crash takes the end of the history, never its middle"
);

fn body(sim: &mut Sim) {
    allow(sim, POWER);
    prefix::build(sim, Log, SHIPPED);
    sim.run();
}
