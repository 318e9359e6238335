//! With `everysec` a crash takes the last transactions of a database, whole.

use super::prefix;
use super::run::{POWER, allow};
use super::server::SHIPPED;
use eagain_server::storage_unit::Engine::Redb;
use eagain_sim::Sim;

super::scenario!("durability-redb-everysec", "with everysec a crash takes the last transactions, whole");

fn body(sim: &mut Sim) {
    allow(sim, POWER);
    prefix::build(sim, Redb, SHIPPED);
    sim.run();
}
