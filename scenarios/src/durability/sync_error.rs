//! A sync fails once, and the power fails.

use super::run::{FAILING_SYNC, run};
use super::server::{SHIPPED, SYNC_FAILED, UNKNOWN, expect};
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;

super::scenario!("durability-sync-error", "a sync fails once, and the power fails");

fn body(sim: &mut Sim) {
    expect(sim, &[SYNC_FAILED, UNKNOWN]);
    run(sim, Log, FAILING_SYNC, SHIPPED);
}
