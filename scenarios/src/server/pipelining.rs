//! Many requests in one write; replies in their order, however small the buffers.

use crate::client::Behaviour::Pipeliner;
use crate::script::{Script, Setup, all};

super::scenario!();

/// What happens.
pub const SCRIPT: Script = Script::on_both(
    "pipelining",
    "many requests in one write; replies in their order, however small the buffers",
    Setup {
        config: |config| config.limits.output_bytes_high = 2048,
        clients: &[all(Pipeliner { bursts: 3, depth: 40 })],
        ..Setup::USUAL
    },
);
