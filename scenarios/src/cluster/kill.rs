//! Each role is killed at any call.

use super::run::run;
use crate::durability::server::SHIPPED;
use eagain_sim::Sim;
use eagain_sim::fault::Family;

crate::durability::scenario!("cluster-kill", "each role is killed at any call");

fn body(sim: &mut Sim) {
    run(sim, &[Family::ProcessKill], SHIPPED, |_, _| {});
}
