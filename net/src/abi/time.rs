//! Clocks, moments and timer settings.

use super::ThreadId;
use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment of one clock, in nanoseconds: since the epoch for [`ClockId::Realtime`], since an arbitrary start
/// for [`ClockId::Monotonic`], computed in all for the others (`clock_gettime(2)`). Moments of two clocks must not be compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Instant(pub u64);

impl Instant {
    /// The time from `earlier` to here; zero where `earlier` is later.
    pub fn saturating_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    /// Saturates at the end of time.
    fn add(self, d: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.saturating_since(earlier)
    }
}

/// Which clock (`clock_gettime(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ClockId {
    /// `CLOCK_REALTIME`: the wall clock, which may step.
    Realtime,
    /// `CLOCK_MONOTONIC`: never goes back.
    Monotonic,
    /// `CLOCK_PROCESS_CPUTIME_ID`: how long the threads of this process have computed.
    ProcessCpu,
    /// `CLOCK_THREAD_CPUTIME_ID`: how long the calling thread has.
    ThreadCpu,
    /// `pthread_getcpuclockid(3)`: how long that thread of this process has.
    CpuOf(ThreadId),
}

impl ClockId {
    /// The kernel's number.
    pub const fn number(self) -> i32 {
        match self {
            ClockId::Realtime => 0,
            ClockId::Monotonic => 1,
            ClockId::ProcessCpu => 2,
            ClockId::ThreadCpu => 3,
            // CPUCLOCK_SCHED, of a thread (linux/posix-timers.h).
            ClockId::CpuOf(ThreadId(tid)) => !tid << 3 | 6,
        }
    }

    /// Whether it counts time that is computed, and not time that passes.
    pub const fn is_of_cpu(self) -> bool {
        !matches!(self, ClockId::Realtime | ClockId::Monotonic)
    }
}

/// A timer's setting (`timerfd_settime(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TimerSpec {
    /// When it fires first, from now or, with `absolute`, on its clock; zero disarms it.
    pub value: Duration,
    /// From one firing to the next; zero: fires once.
    pub interval: Duration,
}

/// How long a futex waiter waits (`futex(2)`): the clock is explicit, since the two forms of the call differ in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FutexTimeout {
    /// For ever.
    Never,
    /// For a time from now, on the monotonic clock (`FUTEX_WAIT`).
    Relative(Duration),
    /// Until a moment of the given clock (`FUTEX_WAIT_BITSET`, with `FUTEX_CLOCK_REALTIME` for the wall clock).
    Absolute(ClockId, Instant),
}
