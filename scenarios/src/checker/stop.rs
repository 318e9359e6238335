//! O14: a server that was asked to stop has stopped.

use eagain_sim::{ProcessId, Sim};

/// Checks the end of the server.
pub fn check(sim: &mut Sim, server: ProcessId) {
    match sim.exit_status(server) {
        Some(0) => {}
        Some(status) => sim.fail("O16", "stopped badly", format!("the server ended with status {status}")),
        None => sim.fail("O14", "not stopped", "the server runs on although it was asked to stop".to_owned()),
    }
}
