//! The time, and sleeping.

use crate::abi::{ClockId, Instant, Result};
use std::time::Duration;

/// The clocks of the machine.
pub trait Clock: Copy + Send + Sync + 'static {
    /// `clock_gettime(2)`.
    fn clock_gettime(&self, clock: ClockId) -> Instant;

    /// `clock_nanosleep(2)`, relative, monotonic. `EINTR` when a handler ran; it may have slept less.
    fn nanosleep(&self, duration: Duration) -> Result<()>;
}
