//! Clocks, sleeping, and timers that are descriptors.

use super::{Linux, sys};
use crate::{Clock, ClockId, Fd, Instant, Result, SocketFlags, TimerSpec, Timers};
use std::time::Duration;

impl Clock for Linux {
    fn clock_gettime(&self, clock: ClockId) -> Instant {
        let time = sys::time::clock_gettime(clock.number());
        // 64 bits of nanoseconds last until the year 2554; a wall clock before 1970 counts as 1970.
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        Instant(
            seconds.saturating_mul(1_000_000_000).saturating_add(u64::try_from(time.tv_nsec).unwrap_or(0)),
        )
    }

    fn nanosleep(&self, duration: Duration) -> Result<()> {
        sys::time::nanosleep(duration)
    }
}

impl Timers for Linux {
    fn timerfd_create(&self, clock: ClockId, flags: SocketFlags) -> Result<Fd> {
        sys::time::timerfd_create(clock.number(), flags.0)
    }

    fn timerfd_settime(&self, fd: Fd, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
        sys::time::timerfd_settime(fd, spec, absolute)
    }

    fn timerfd_gettime(&self, fd: Fd) -> Result<TimerSpec> {
        sys::time::timerfd_gettime(fd)
    }
}
