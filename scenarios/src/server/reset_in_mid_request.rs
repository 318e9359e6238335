//! Clients reset their connection in the middle of a request, and the network resets connections; the others go on.

use crate::client::Behaviour::{Resetter, Returning};
use crate::script::{Faults, Script, Setup, one, others};
use eagain_sim::fault::Family;

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script {
    tokio: Some(Setup { faults: Faults::UsualAnd(&[Family::StreamReset]), ..SETUP }),
    ..Script::on_kernel(
        "reset-in-mid-request",
        "clients disconnect in the middle of a request, and the network resets connections; the others go on",
        Setup { faults: Faults::UsualAnd(&[Family::Reset]), ..SETUP },
    )
};

const SETUP: Setup = Setup {
    clients: &[one(Resetter { connections: 5 }), others(Returning { connections: 10, rounds: 10 })],
    ..Setup::USUAL
};
