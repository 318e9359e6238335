//! A server with a database is killed at any call.

use super::run::run;
use super::server::SHIPPED;
use eagain_server::storage_unit::Engine::Redb;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

super::scenario!("durability-redb-kill", "a server with a database is killed at any call");

fn body(sim: &mut Sim) {
    run(sim, Redb, &[Family::ProcessKill], SHIPPED);
}
