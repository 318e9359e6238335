//! A silent client is disconnected after the timeout and not before; one that sends requests stays.

use crate::client::Behaviour::{Idler, Talker};
use crate::script::{Clients, Faults, SHORT_STREAMS, Script, Setup, one, others};
use std::time::Duration;

super::scenario!();

/// How long the server waits for a silent client.
pub(super) const IDLE: Duration = Duration::from_secs(30);
/// The same on tokio, where it may be real time.
const IDLE_ON_TOKIO: Duration = Duration::from_secs(5);

/// What happens.
pub const SCRIPT: Script = Script {
    tokio: Some(Setup {
        // Nothing that takes time, because time is measured.
        faults: Faults::Only(SHORT_STREAMS),
        config: |config| config.limits.idle_timeout_ns = IDLE_ON_TOKIO.as_nanos() as u64,
        clients: &[
            one(Idler { at_least: IDLE_ON_TOKIO }),
            others(Talker { rounds: 4, silence_max: IDLE_ON_TOKIO.checked_div(3).expect("3 is not 0") }),
        ],
        ..Setup::USUAL
    }),
    ..Script::on_kernel(
        "idle-timeout",
        "a silent client is disconnected after the timeout and not before; one that sends requests stays",
        Setup { clients: &[one(Idler { at_least: IDLE }), TALKERS], ..SETUP },
    )
};

/// The server, without the client that is silent.
pub(super) const SETUP: Setup =
    Setup { config: |config| config.limits.idle_timeout_ns = IDLE.as_nanos() as u64, ..Setup::USUAL };

/// Clients that are never silent for too long.
pub(super) const TALKERS: Clients =
    others(Talker { rounds: 8, silence_max: IDLE.checked_div(3).expect("3 is not 0") });
