//! Clients send `QUIT` and do not close their side: the server waits as long as it is set to, and no longer.

use crate::client::Behaviour::{Leaver, Steady};
use crate::script::{Script, Setup, all, others};
use std::time::Duration;

super::scenario!();

/// How long the server waits for a peer's end (`Limits::linger_timeout_ns`).
const LINGER: Duration = Duration::from_secs(2);

/// What happens. On tokio what the layer has closed takes bytes for ever.
pub const SCRIPT: Script = Script::on_kernel(
    "lingering-peers",
    "clients quit and do not close their side; the server waits as long as it is set to, and no longer",
    Setup { clients: &[all(Leaver { linger: LINGER }), others(Steady { rounds: 10 })], ..Setup::USUAL },
);
