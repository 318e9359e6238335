//! Clients end their writing side behind the last request, and get every reply.

use crate::client::Behaviour::HalfCloser;
use crate::script::{Script, Setup, all};

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_both(
    "half-closer",
    "clients end their writing side behind the last request, and get every reply",
    Setup { clients: &[all(HalfCloser { connections: 3, depth: 10 })], ..Setup::USUAL },
);
