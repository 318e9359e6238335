//! A condition variable: threads sleep until another says that something changed. What changed is the business of
//! the mutex that it is used with.

use super::{Mutex, MutexGuard};
use crate::{ClockId, Errno, FutexTimeout, Instant, Threads};
use std::fmt;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// A condition to wait for, with a [`Mutex`]. A wait may return for no reason: check the condition in a loop.
///
/// Whoever changes the condition does so under the mutex; the notification may come after it is unlocked.
pub struct Condvar<K: Threads> {
    kernel: K,
    /// Moves with each notification, so that one between unlocking and sleeping is not lost.
    sequence: AtomicU32,
    /// Threads between the decision to wait and their return; raised under the mutex. Zero: notifying is free.
    waiters: AtomicU32,
}

impl<K: Threads> Condvar<K> {
    /// One with nobody waiting.
    pub const fn new(kernel: K) -> Condvar<K> {
        Condvar { kernel, sequence: AtomicU32::new(0), waiters: AtomicU32::new(0) }
    }

    /// Unlocks, sleeps until notified, and locks again.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, K, T>) -> MutexGuard<'a, K, T> {
        self.wait_until(guard, FutexTimeout::Never).0
    }

    /// As [`Condvar::wait`], for `timeout` at most. `true`: the time is over.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, K, T>,
        timeout: Duration,
    ) -> (MutexGuard<'a, K, T>, bool) {
        self.wait_until(guard, FutexTimeout::Relative(timeout))
    }

    /// As [`Condvar::wait`], until `deadline` on the monotonic clock. `true`: it has passed.
    pub fn wait_deadline<'a, T>(
        &self,
        guard: MutexGuard<'a, K, T>,
        deadline: Instant,
    ) -> (MutexGuard<'a, K, T>, bool) {
        self.wait_until(guard, FutexTimeout::Absolute(ClockId::Monotonic, deadline))
    }

    /// Wakes one waiter, if there is one.
    pub fn notify_one(&self) {
        self.notify(1);
    }

    /// Wakes all waiters.
    pub fn notify_all(&self) {
        self.notify(u32::MAX >> 1);
    }

    fn notify(&self, count: u32) {
        self.kernel.interleave("condvar.notify");
        // A waiter raises `waiters` under the mutex, before it lets go; whoever changed the condition held that
        // mutex later, and so sees it here.
        if self.waiters.load(SeqCst) == 0 {
            return;
        }
        self.sequence.fetch_add(1, SeqCst);
        self.kernel.interleave("condvar.futex_wake");
        let _ = self.kernel.futex_wake(&self.sequence, count);
    }

    fn wait_until<'a, T>(
        &self,
        guard: MutexGuard<'a, K, T>,
        timeout: FutexTimeout,
    ) -> (MutexGuard<'a, K, T>, bool) {
        let mutex: &'a Mutex<K, T> = guard.mutex();
        self.waiters.fetch_add(1, SeqCst);
        let seen = self.sequence.load(SeqCst);
        drop(guard);
        self.kernel.interleave("condvar.futex_wait");
        let slept = self.kernel.futex_wait(&self.sequence, seen, timeout);
        self.waiters.fetch_sub(1, SeqCst);
        (mutex.lock(), slept == Err(Errno::ETIMEDOUT))
    }
}

impl<K: Threads> fmt::Debug for Condvar<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
