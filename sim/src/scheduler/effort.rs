//! What a thread has achieved, and in how many calls: what the oracles O3 and O6 check. The names of calls say nothing
//! about that: a read that gives 0 again and again, a timer that is armed for now or an eventfd that a thread writes for itself
//! achieve nothing.

use super::Scheduler;
use crate::NONE;
use crate::run::Run;

/// Waiting for less than this, in nanoseconds, is polling (O3).
const SLEEP_NS: u64 = 10_000;
/// Whoever waits for at least this by a deadline of its own, in nanoseconds, does so on purpose (O6); for less, it asks again.
const PAUSE_NS: u64 = 100_000_000;
/// Fewer calls than one in so many that achieve something are none.
const CALLS_EACH: u64 = 1_000;
/// Faults that keep a thread off the processor for this, in nanoseconds, hold up its call.
const HELD_UP_NS: u64 = 10_000;

/// What a thread has done so far.
#[derive(Default)]
pub(crate) struct Effort {
    /// Calls since they were last checked.
    calls: u32,
    /// How often bytes were moved, a connection was accepted, a thread was joined, a time was slept, a timer was due.
    achieved: u64,
    /// How often it woke a thread of its process, or was woken by one.
    handed_over: u64,
    /// Calls that faults have held up.
    held_up: u64,
    /// When it last achieved something.
    last: u64,
    /// `achieved + handed_over` and `held_up` when it was last checked.
    at_check: (u64, u64),
}

/// Whether so many calls achieved next to nothing. Where most of them were held up the thread is late with everything that it
/// has to do, and no time is left to sleep: that is no busy loop.
pub(crate) fn is_for_nothing(calls: u64, achieved: u64, held_up: u64) -> bool {
    achieved.saturating_mul(CALLS_EACH) < calls && held_up <= calls / 2
}

impl Effort {
    /// It makes a call more; how many since they were last checked.
    #[inline(always)]
    pub fn count_call(&mut self) -> u32 {
        self.calls += 1;
        self.calls
    }

    /// Calls since they were last checked.
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// It begins to be unwound, and its calls are counted from then on.
    pub fn forget_calls(&mut self) {
        self.calls = 0;
    }

    /// How often it has achieved something in all, but for what it handed over within its process.
    pub fn achieved(&self) -> u64 {
        self.achieved
    }

    /// How many of its calls faults have held up.
    pub fn held_up(&self) -> u64 {
        self.held_up
    }

    /// When it last achieved something.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// How many calls since the last judgement achieved something.
    pub fn achieved_lately(&self) -> u64 {
        self.achieved + self.handed_over - self.at_check.0
    }

    /// Whether the calls since the last judgement were for nothing.
    pub fn is_for_nothing(&self) -> bool {
        is_for_nothing(u64::from(self.calls), self.achieved_lately(), self.held_up - self.at_check.1)
    }

    /// Faults keep it off the processor for `ns` nanoseconds, before a call.
    #[inline]
    pub fn off_cpu(&mut self, ns: u64) {
        self.held_up += u64::from(ns >= HELD_UP_NS);
    }

    /// The calls so far are checked.
    pub fn checked(&mut self) {
        self.calls = 0;
        self.at_check = (self.achieved + self.handed_over, self.held_up);
    }

    /// Waited for `ns` nanoseconds until now, as it wanted.
    pub fn slept(&mut self, now: u64, ns: u64) {
        self.achieved += u64::from(ns >= SLEEP_NS);
        if is_pause(ns) {
            self.last = now;
        }
    }

    /// Waited until now for what would have ended by itself, long after.
    pub fn paused(&mut self, now: u64) {
        self.last = now;
    }
}

/// Whether a wait for so many nanoseconds is meant as one.
pub(crate) fn is_pause(ns: u64) -> bool {
    ns >= PAUSE_NS
}

impl Scheduler {
    /// The running thread has achieved something.
    #[inline(always)]
    pub fn progress(&mut self, run: &Run) {
        if self.current != NONE {
            self.achieved_by(run, self.current);
        }
    }

    /// `thread` has achieved something.
    #[inline(always)]
    pub fn achieved_by(&mut self, run: &Run, thread: u32) {
        let effort = &mut self.threads[thread as usize].effort;
        effort.achieved += 1;
        effort.last = run.now();
    }

    /// The running thread has given `other` something, or was given it; [`NONE`]: to one that is not known yet. Within a
    /// process that is handed over; what a thread sends to itself is nothing.
    pub fn exchanged(&mut self, run: &Run, other: u32) {
        match self.threads.get(other as usize) {
            _ if self.current == NONE || other == self.current => {}
            Some(t) if t.process() != self.running().process() => self.progress(run),
            _ => self.handed_over(),
        }
    }

    /// The running thread has woken another of its process, or was woken by one.
    #[inline]
    pub fn handed_over(&mut self) {
        self.threads[self.current as usize].effort.handed_over += 1;
    }
}
