//! The power fails at any call, and the disk keeps what was synced and some of the rest.

use super::run::{POWER, run};
use super::server::{SHIPPED, TORN, expect};
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;

super::scenario!(
    "durability-power",
    "the power fails at any call, and the disk keeps what was synced and some of the rest"
);

fn body(sim: &mut Sim) {
    expect(sim, &[TORN]);
    run(sim, Log, POWER, SHIPPED);
}
