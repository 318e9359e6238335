//! Some hosts are cut off one after another and come back in another order; a listener's queue may be short as well.

use crate::client::Behaviour::{HalfCloser, Pipeliner, Steady};
use crate::script::{Faults, Script, Setup, all, one};
use eagain_sim::fault::Family;

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_kernel(
    "swizzled-hosts",
    "hosts are cut off one after another and come back in another order; everybody is answered in the end",
    Setup {
        faults: Faults::UsualAnd(&[Family::Swizzle, Family::Backlog]),
        // Who is cut off takes nothing for longer than the server's usual timeout: until faults stop, after a minute, and then until
        // what was lost is sent again, after twice as long at most.
        config: |config| config.limits.write_stall_timeout_ns = 300_000_000_000,
        clients: &[
            one(Pipeliner { bursts: 6, depth: 4 }),
            one(HalfCloser { connections: 1, depth: 10 }),
            all(Steady { rounds: 15 }),
        ],
        ..Setup::USUAL
    },
);
