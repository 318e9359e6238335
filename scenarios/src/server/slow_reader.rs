//! One client takes large replies in sips; the others do not notice, and memory stays bounded.

use crate::client::Behaviour::{SlowReader, Steady};
use crate::script::{Script, Setup, one, others};

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_both(
    "slow-reader",
    "one client takes large replies in sips; the others do not notice, and memory stays bounded",
    Setup {
        config: |config| config.limits.output_bytes_high = 16 << 10,
        clients: &[one(SlowReader { length: (1, 20_000), times: 4 }), others(Steady { rounds: 10 })],
        ..Setup::USUAL
    },
);
