//! SIGTERM under load: what was received is answered, and the server ends in time.

use crate::client::Behaviour::UntilStopped;
use crate::script::{Script, Setup, all};

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_both(
    "graceful-stop",
    "SIGTERM under load: what was received is answered, and the server ends in time",
    Setup { clients: &[all(UntilStopped)], is_stopped: true, ..Setup::USUAL },
);
