//! Timers that send signals: their numbers, and what each sends to whom.

use super::{Signal, ThreadId};

/// A timer of this process (`timer_create(2)`), by the kernel's number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct TimerId(pub i32);

impl TimerId {
    /// What a signal names that no timer has sent.
    pub const NONE: TimerId = TimerId(-1);
}

/// What happens when a timer expires (`sigevent(3type)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerEvent {
    /// No `sigevent` is given: SIGALRM to the process, with the timer's number as its value.
    Default,
    /// `SIGEV_NONE`: ask `timer_gettime`.
    None,
    /// `SIGEV_SIGNAL`: this signal to the process, with this value.
    Signal(Signal, u64),
    /// `SIGEV_THREAD_ID`: the same to one thread.
    Thread(ThreadId, Signal, u64),
}
