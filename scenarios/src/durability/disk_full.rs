//! The disk is full for a while, and the power fails.

use super::run::{FULL_DISK, run};
use super::server::{FULL, SHIPPED, UNKNOWN, expect};
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;

super::scenario!("durability-disk-full", "the disk is full for a while, and the power fails");

fn body(sim: &mut Sim) {
    expect(sim, &[FULL, UNKNOWN]);
    run(sim, Log, FULL_DISK, SHIPPED);
}
