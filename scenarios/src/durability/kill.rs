//! A server with a log is killed at any call.

use super::run::run;
use super::server::SHIPPED;
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

super::scenario!("durability-kill", "a server with a log is killed at any call");

fn body(sim: &mut Sim) {
    run(sim, Log, &[Family::ProcessKill], SHIPPED);
}
