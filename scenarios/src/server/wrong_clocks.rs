//! Clocks that run too fast or too slowly, stand half a second before they run over, or are set: timeouts are measured by the
//! monotonic clock, so that a wall clock that is set changes none.

use super::idle_timeout::{IDLE, SETUP, TALKERS};
use crate::client::Behaviour::Idler;
use crate::script::{Faults, Script, Setup, one};
use eagain_sim::fault::Family;
use std::time::Duration;

super::scenario!();

/// A client's clock and the server's may differ by a thousandth.
const AT_LEAST: Duration = Duration::from_millis(IDLE.as_millis() as u64 * 499 / 500);

/// What happens.
pub const SCRIPT: Script = Script::on_kernel(
    "wrong-clocks",
    "clocks drift, come near their overflow and are set: silent clients are still disconnected in time",
    Setup {
        faults: Faults::UsualAnd(&[Family::ClockDrift, Family::ClockStep]),
        clients: &[one(Idler { at_least: AT_LEAST }), TALKERS],
        ..SETUP
    },
);
