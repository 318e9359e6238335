//! `timerfd_create(2)`: a timer that can be waited for like a socket.

use super::fd::descriptor;
use crate::{ClockId, Instant, OwnedFd, Result, SocketFlags, TimerSpec, Timers};
use std::time::Duration;

/// A timer; readable once it has fired.
///
/// ```
/// use eagain_net::{Events, Linux, PollFd, Readiness, TimerFd};
/// use std::time::Duration;
///
/// # fn main() -> eagain_net::Result<()> {
/// let timer = TimerFd::new(Linux)?;
/// timer.set(Duration::from_millis(1))?;
/// let mut fds = [PollFd::new(timer.fd(), Events::IN)];
/// Linux.poll(&mut fds, None, None)?;
/// assert_eq!(timer.read()?, 1);
/// # Ok(())
/// # }
/// ```
pub struct TimerFd<K: Timers> {
    fd: OwnedFd<K>,
}

descriptor!(TimerFd, Timers);

impl<K: Timers> TimerFd<K> {
    /// A disarmed timer on the monotonic clock, non-blocking.
    pub fn new(kernel: K) -> Result<TimerFd<K>> {
        Self::with(kernel, ClockId::Monotonic, SocketFlags::NONBLOCK)
    }

    /// A disarmed timer on `clock` with these flags, and `TFD_CLOEXEC`.
    pub fn with(kernel: K, clock: ClockId, flags: SocketFlags) -> Result<TimerFd<K>> {
        let fd = kernel.timerfd_create(clock, flags | SocketFlags::CLOEXEC)?;
        Ok(TimerFd { fd: OwnedFd::from_raw(kernel, fd) })
    }

    /// Fires once, `after` from now; zero disarms.
    pub fn set(&self, after: Duration) -> Result<()> {
        self.set_spec(TimerSpec { value: after, interval: Duration::ZERO }, false).map(drop)
    }

    /// Fires every `interval`, first one interval from now; zero disarms.
    pub fn set_interval(&self, interval: Duration) -> Result<()> {
        self.set_spec(TimerSpec { value: interval, interval }, false).map(drop)
    }

    /// Fires once, at `deadline`; at once where that has passed.
    pub fn set_deadline(&self, deadline: Instant) -> Result<()> {
        // A zero value disarms, whatever TFD_TIMER_ABSTIME says: the first nanosecond of the clock stands for it.
        let value = Duration::from_nanos(deadline.0.max(1));
        self.set_spec(TimerSpec { value, interval: Duration::ZERO }, true).map(drop)
    }

    /// `timerfd_settime(2)`, whole; the old setting.
    pub fn set_spec(&self, spec: TimerSpec, absolute: bool) -> Result<TimerSpec> {
        self.kernel().timerfd_settime(self.fd(), spec, absolute)
    }

    /// `timerfd_gettime(2)`: what is left.
    pub fn get(&self) -> Result<TimerSpec> {
        self.kernel().timerfd_gettime(self.fd())
    }

    /// How often it fired since the last read. `EAGAIN`: not at all.
    pub fn read(&self) -> Result<u64> {
        let mut value = [0; 8];
        self.fd.read(&mut value)?;
        Ok(u64::from_ne_bytes(value))
    }
}
