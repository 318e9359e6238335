//! Clients that ask without a pause; the one that asks little is served in time.

use crate::checker::fairness;
use crate::client::Behaviour::{Flooder, Steady};
use crate::script::{Faults, SHORT_STREAMS, Script, Setup, one, others};
use eagain_sim::fault::Family;
use std::time::Duration;

super::scenario!();

/// How long a reply may take: many times what a turn of every flooder takes.
const BOUND: Duration = Duration::from_secs(2);

/// What happens. Nothing that takes time goes wrong, because time is measured.
pub const SCRIPT: Script = Script {
    tokio: Some(Setup { faults: Faults::Only(SHORT_STREAMS), ..SETUP }),
    check: |sim, history| fairness::check(sim, history, 1, BOUND),
    ..Script::on_kernel(
        "flooder",
        "one client asks without a pause; the others are served in time",
        Setup { faults: Faults::Only(&[Family::OffCpu, Family::Interrupt, Family::Wakeup]), ..SETUP },
    )
};

const SETUP: Setup = Setup {
    clients: &[one(Steady { rounds: 20 }), others(Flooder { bursts: 4, depth: 200 })],
    ..Setup::USUAL
};
