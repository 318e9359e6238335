//! Timers that send signals.

use super::Signals;
use crate::abi::{ClockId, Result, TimerEvent, TimerId, TimerSpec};

/// `timer_create(2)`, `setitimer(2)`. A timer has one signal pending at most: how often it has expired more than that by the time
/// the signal is taken is its overrun.
pub trait PosixTimers: Signals {
    /// `timer_create(2)`, disarmed. `EAGAIN`: too many (`RLIMIT_SIGPENDING`). `EINVAL`: no such clock, signal or thread.
    fn timer_create(&self, clock: ClockId, event: TimerEvent) -> Result<TimerId>;

    /// `timer_settime(2)`: returns the old setting.
    fn timer_settime(&self, timer: TimerId, spec: TimerSpec, absolute: bool) -> Result<TimerSpec>;

    /// `timer_gettime(2)`: the time that is left, and the interval.
    fn timer_gettime(&self, timer: TimerId) -> Result<TimerSpec>;

    /// `timer_getoverrun(2)`: of the signal that was taken last.
    fn timer_getoverrun(&self, timer: TimerId) -> Result<i32>;

    /// `timer_delete(2)`.
    fn timer_delete(&self, timer: TimerId) -> Result<()>;

    /// `setitimer(2)`, `ITIMER_REAL`, in microseconds: SIGALRM for the process; returns the old setting.
    fn setitimer(&self, spec: TimerSpec) -> Result<TimerSpec>;

    /// `getitimer(2)`, `ITIMER_REAL`: the time that is left, and the interval.
    fn getitimer(&self) -> Result<TimerSpec>;
}
