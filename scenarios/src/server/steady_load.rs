//! Clients that ask, wait, and ask again.

use crate::client::Behaviour::Steady;
use crate::script::{Script, Setup, all};

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_both(
    "steady-load",
    "clients that ask, wait, and ask again",
    Setup { clients: &[all(Steady { rounds: 20 })], ..Setup::USUAL },
);
