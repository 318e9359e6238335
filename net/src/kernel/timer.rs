//! Timers that are descriptors.

use super::Descriptors;
use crate::abi::{ClockId, Fd, Result, SocketFlags, TimerSpec};

/// `timerfd_create(2)`.
pub trait Timers: Descriptors {
    /// `timerfd_create(2)`. Read as 8 bytes in native order: how often it fired since the last read.
    fn timerfd_create(&self, clock: ClockId, flags: SocketFlags) -> Result<Fd>;

    /// `timerfd_settime(2)`: returns the old setting. Firings not yet read are forgotten.
    fn timerfd_settime(&self, fd: Fd, spec: TimerSpec, absolute: bool) -> Result<TimerSpec>;

    /// `timerfd_gettime(2)`: the time that is left, and the interval.
    fn timerfd_gettime(&self, fd: Fd) -> Result<TimerSpec>;
}
