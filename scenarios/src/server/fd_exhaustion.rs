//! More clients than descriptors; one that waits is accepted when another leaves, and the loop does not spin.

use crate::client::Behaviour::Timed;
use crate::script::{Faults, Script, Setup, times};
use eagain_sim::fault::Family;
use std::time::Duration;

super::scenario!();

/// What each loop of the server needs for itself: listener, poller, and what wakes it.
const OWN_DESCRIPTORS: usize = 3;

/// What happens. There are no descriptors on tokio.
pub const SCRIPT: Script = Script::on_kernel(
    "fd-exhaustion",
    "more clients than descriptors; one that waits is accepted when another leaves, and the loop does not spin",
    Setup {
        faults: Faults::UsualAnd(&[Family::FdLimit]),
        host: |sim, server| {
            let room = sim.choose("room", 0, 3) as usize;
            let own = OWN_DESCRIPTORS * sim.number("loops") as usize;
            sim.fd_limit(server, own + 4 - room);
        },
        clients: &[times(
            3,
            Timed {
                connections: 2,
                rounds: 4,
                longer_than: Duration::from_millis(100),
                mark: "a client waited for a descriptor",
            },
        )],
        ..Setup::USUAL
    },
);
