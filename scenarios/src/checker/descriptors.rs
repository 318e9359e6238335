//! O5: when everybody has gone, the server has what it had before they came.

use eagain_sim::{ProcessId, Sim};

/// Listener, poller, and what wakes it, of each loop: nothing that a client brought.
const BASELINE_MAX: usize = 4;

/// Checks the descriptors that are left of a server of so many loops and paths, each of which is locked.
pub fn check(sim: &mut Sim, server: ProcessId, loops: usize, paths: usize) {
    let open = sim.open_fds(server);
    if open > BASELINE_MAX * loops + paths {
        sim.fail("O5", "descriptors left", format!("{open} are open although every client has gone"));
    }
}
