//! One client reads large replies in small pieces; the others are not delayed, and memory stays bounded.

use crate::client::Behaviour::{SlowReader, Steady};
use crate::script::{Script, Setup, one, others};

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_both(
    "slow-reader",
    "one client reads large replies in small pieces; the others are not delayed, and memory stays bounded",
    Setup {
        config: |config| config.limits.output_bytes_high = 16 << 10,
        clients: &[one(SlowReader { length: (1, 20_000), times: 4 }), others(Steady { rounds: 10 })],
        ..Setup::USUAL
    },
);
