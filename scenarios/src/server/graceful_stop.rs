//! SIGTERM under load: what was received is answered, and the server ends in time.

use crate::client::Behaviour::UntilStopped;
use crate::script::{Script, Setup, all};

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_both(
    "graceful-stop",
    "SIGTERM under load: what was received is answered, and the server ends in time",
    Setup {
        clients: &[all(UntilStopped)],
        is_stopped: true,
        // The server gives its clients five seconds to take their replies; a byte at a time, each of them late, is slower.
        host: |sim, _| sim.knobs().tight_buffer_min = 16,
        ..Setup::USUAL
    },
);
