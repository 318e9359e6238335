//! The hosts of some clients disappear, in the middle of whatever they did, without FIN or RST: the others are served, and
//! the server does not keep what nobody will ever ask for again.

use crate::client::Behaviour::{Pipeliner, SlowReader, Steady, SteadyThenSilent};
use crate::script::{Faults, Script, Setup, one, others};
use eagain_sim::fault::Family;
use std::time::Duration;

super::scenario!();

/// How long the server waits for a silent client.
const IDLE: Duration = Duration::from_secs(30);

/// What happens.
pub const SCRIPT: Script = Script::on_kernel(
    "silent-peers",
    "client hosts disappear without FIN or RST; the others are served, and the dead connections are closed",
    Setup {
        faults: Faults::UsualAnd(&[Family::HostGone]),
        config: |config| config.limits.idle_timeout_ns = IDLE.as_nanos() as u64,
        clients: &[
            one(Pipeliner { bursts: 20, depth: 6 }).may_disappear(),
            one(SlowReader { length: (2_000, 2_000), times: 4 }).may_disappear(),
            // It may disappear while nobody waits for anything.
            one(SteadyThenSilent { rounds: 50, silence: Duration::from_secs(15) }).may_disappear(),
            others(Steady { rounds: 15 }),
        ],
        // By then every timeout of the server has passed, also those for who does not take replies.
        observed_for: Duration::from_secs(100),
        ..Setup::USUAL
    },
);
