//! More clients at once than the backlog holds; all of them are served.

use crate::client::Behaviour::Timed;
use crate::script::{Clients, Script, Setup, times};
use std::time::Duration;

super::scenario!();

/// A caller that is not answered asks again after so long (`tcp(7)`).
const SYN_RETRY: Duration = Duration::from_secs(1);

/// What happens.
pub const SCRIPT: Script = Script {
    tokio: Some(Setup {
        // What turmoil's backlog holds, which is fixed.
        clients: &[Clients { most: 40, ..CLIENTS }],
        ..Setup::USUAL
    }),
    ..Script::on_kernel(
        "connect-storm",
        "more clients at once than the backlog holds; all of them are served",
        Setup {
            host: |sim, _| sim.knobs().somaxconn = sim.choose("backlog", 1, 4) as usize,
            clients: &[CLIENTS],
            ..Setup::USUAL
        },
    )
};

const CLIENTS: Clients = times(
    5,
    Timed {
        connections: 1,
        rounds: 2,
        longer_than: SYN_RETRY,
        mark: "a client asked for a connection again",
    },
);
