//! The power fails under a database, also while it is repaired.

use super::run::{POWER, run};
use super::server::SHIPPED;
use eagain_server::storage_unit::Engine::Redb;
use eagain_sim::Sim;

super::scenario!("durability-redb-power", "the power fails under a database, also while it is repaired");

fn body(sim: &mut Sim) {
    run(sim, Redb, POWER, SHIPPED);
}
