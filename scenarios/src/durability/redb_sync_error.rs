//! A sync of a database fails once, and the power fails.

use super::run::{FAILING_SYNC, run};
use super::server::{SHIPPED, UNKNOWN, expect};
use eagain_server::storage_unit::Engine::Redb;
use eagain_sim::Sim;

super::scenario!("durability-redb-sync-error", "a sync of a database fails once, and the power fails");

fn body(sim: &mut Sim) {
    expect(sim, &[UNKNOWN]);
    run(sim, Redb, FAILING_SYNC, SHIPPED);
}
