//! Requests come a byte at a time.

use crate::client::Behaviour::{OneByteWriter, Steady};
use crate::script::{Script, Setup, one, others};

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_both(
    "one-byte-writer",
    "requests come a byte at a time",
    Setup { clients: &[one(OneByteWriter { rounds: 6 }), others(Steady { rounds: 10 })], ..Setup::USUAL },
);
