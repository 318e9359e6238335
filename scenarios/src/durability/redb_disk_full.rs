//! The disk under a database is full for a while.

use super::run::{FULL_DISK, run};
use super::server::{FULL, SHIPPED, UNKNOWN, expect};
use eagain_server::storage_unit::Engine::Redb;
use eagain_sim::Sim;

super::scenario!("durability-redb-disk-full", "the disk under a database is full for a while");

fn body(sim: &mut Sim) {
    expect(sim, &[FULL, UNKNOWN]);
    run(sim, Redb, FULL_DISK, SHIPPED);
}
