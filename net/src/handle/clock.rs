//! The two things that most programs ask of a clock.

use crate::{Clock, ClockId, Errno, FutexTimeout, Instant};
use std::time::Duration;

/// This moment on the monotonic clock.
pub fn now<K: Clock>(kernel: K) -> Instant {
    kernel.clock_gettime(ClockId::Monotonic)
}

/// Sleeps for the whole of `duration`, going on after a signal, as std's does.
pub fn sleep<K: Clock>(kernel: K, duration: Duration) {
    let deadline = now(kernel) + duration;
    let mut rest = duration;
    while kernel.nanosleep(rest) == Err(Errno::EINTR) {
        rest = deadline - now(kernel);
        if rest.is_zero() {
            return;
        }
    }
}

impl FutexTimeout {
    /// From the usual form of a timeout, where `None` waits for ever.
    pub fn relative(timeout: Option<Duration>) -> FutexTimeout {
        timeout.map_or(FutexTimeout::Never, FutexTimeout::Relative)
    }
}
