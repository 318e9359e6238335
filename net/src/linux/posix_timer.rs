//! Timers that send signals.

use super::{Linux, sys};
use crate::{ClockId, PosixTimers, Result, TimerEvent, TimerId, TimerSpec};

impl PosixTimers for Linux {
    fn timer_create(&self, clock: ClockId, event: TimerEvent) -> Result<TimerId> {
        sys::posix_timer::timer_create(clock.number(), event)
    }

    fn timer_settime(&self, timer: TimerId, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
        sys::posix_timer::timer_settime(timer, spec, absolute)
    }

    fn timer_gettime(&self, timer: TimerId) -> Result<TimerSpec> {
        sys::posix_timer::timer_gettime(timer)
    }

    fn timer_getoverrun(&self, timer: TimerId) -> Result<i32> {
        sys::posix_timer::timer_getoverrun(timer)
    }

    fn timer_delete(&self, timer: TimerId) -> Result<()> {
        sys::posix_timer::timer_delete(timer)
    }

    fn setitimer(&self, spec: TimerSpec) -> Result<TimerSpec> {
        sys::posix_timer::setitimer(spec)
    }

    fn getitimer(&self) -> Result<TimerSpec> {
        sys::posix_timer::getitimer()
    }
}
