//! Directions of connections lose all that they carry for a while, acknowledgements too: everybody is answered in the end.

use crate::client::Behaviour::{Pipeliner, Steady};
use crate::script::{Faults, Script, Setup, one, others};
use eagain_sim::fault::Family;

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_kernel(
    "black-holes",
    "connections lose everything one way for a while; everybody is answered in the end",
    Setup {
        faults: Faults::UsualAnd(&[Family::BlackHole]),
        // Who is behind a black hole takes nothing for longer than the server's usual timeout: until faults stop, after a minute, and then until
        // what was lost is sent again, after twice as long at most.
        config: |config| config.limits.write_stall_timeout_ns = 300_000_000_000,
        clients: &[one(Pipeliner { bursts: 4, depth: 6 }), others(Steady { rounds: 15 })],
        ..Setup::USUAL
    },
);
