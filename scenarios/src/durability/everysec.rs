//! With `everysec` a crash takes the end of the history, never its middle.

use super::prefix;
use super::run::{POWER, allow};
use eagain_server::flaws::Flaws;
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;

super::scenario!(
    "durability-everysec",
    "with everysec a crash takes the end of the history, never its middle"
);

fn body(sim: &mut Sim) {
    allow(sim, POWER);
    prefix::build(sim, Log, Flaws::default());
    sim.run();
}
