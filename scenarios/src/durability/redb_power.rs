//! The power fails under a database, also while it is repaired.

use super::run::{POWER, run};
use eagain_server::flaws::Flaws;
use eagain_server::storage_unit::Engine::Redb;
use eagain_sim::Sim;

super::scenario!("durability-redb-power", "the power fails under a database, also while it is repaired");

fn body(sim: &mut Sim) {
    run(sim, Redb, POWER, Flaws::default());
}
