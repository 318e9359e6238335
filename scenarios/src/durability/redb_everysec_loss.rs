//! With `everysec` and a database, a power failure takes what was acknowledged in the last second, and a kill nothing.

use super::loss;
use super::server::SHIPPED;
use eagain_server::storage_unit::Engine::Redb;
use eagain_sim::Sim;

super::scenario!(
    "durability-redb-everysec-loss",
    "with everysec a crash takes no more than the last second of a database"
);

fn body(sim: &mut Sim) {
    loss::run(sim, Redb, SHIPPED);
}
