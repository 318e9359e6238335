//! A server with a log is killed at any call.

use super::run::run;
use eagain_server::flaws::Flaws;
use eagain_server::storage_unit::Engine::Log;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

super::scenario!("durability-kill", "a server with a log is killed at any call");

fn body(sim: &mut Sim) {
    run(sim, Log, &[Family::ProcessKill], Flaws::default());
}
