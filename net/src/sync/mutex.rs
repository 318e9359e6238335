//! A mutual exclusion lock on one futex word: free, held, or held with sleepers. Waiting for a condition is
//! `condvar`'s business.

use crate::{FutexTimeout, Threads};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::{TryLockError, TryLockResult};

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep on the word: whoever unlocks has to wake one.
const CONTENDED: u32 = 2;

/// A lock around a value. A panic of a holder does not poison it: the next one finds the value as it was left.
pub struct Mutex<K: Threads, T> {
    kernel: K,
    /// One of [`FREE`], [`HELD`], [`CONTENDED`].
    state: AtomicU32,
    /// Locked only by whoever moved `state` away from [`FREE`], hence never waited for. It is here because this
    /// crate does without unsafe code outside of the Linux kernel's folder.
    value: std::sync::Mutex<T>,
}

impl<K: Threads, T> Mutex<K, T> {
    /// An open lock around `value`.
    pub const fn new(kernel: K, value: T) -> Mutex<K, T> {
        Mutex { kernel, state: AtomicU32::new(FREE), value: std::sync::Mutex::new(value) }
    }

    /// Waits until the lock is free and takes it.
    pub fn lock(&self) -> MutexGuard<'_, K, T> {
        self.kernel.interleave("mutex.lock");
        if self.state.compare_exchange(FREE, HELD, Acquire, Relaxed).is_err() {
            self.lock_contended();
        }
        self.guard()
    }

    /// Takes the lock if it is free.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, K, T>> {
        self.kernel.interleave("mutex.try_lock");
        self.state.compare_exchange(FREE, HELD, Acquire, Relaxed).ok().map(|_| self.guard())
    }

    /// The value, without locking: the borrow proves that nobody else is here.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The value, out of the lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    #[cold]
    fn lock_contended(&self) {
        // From here on the word says CONTENDED even if this thread turns out to be alone: one wake too many is
        // harmless, one too few is a sleeper for ever.
        while self.state.swap(CONTENDED, Acquire) != FREE {
            self.kernel.interleave("mutex.futex_wait");
            // EAGAIN (the word moved), EINTR and spurious returns all mean the same: look again.
            let _ = self.kernel.futex_wait(&self.state, CONTENDED, FutexTimeout::Never);
        }
    }

    fn guard(&self) -> MutexGuard<'_, K, T> {
        MutexGuard { mutex: self, value: Some(own(self.value.try_lock(), || self.value.lock())) }
    }

    fn unlock(&self) {
        if self.state.swap(FREE, Release) == CONTENDED {
            self.kernel.interleave("mutex.futex_wake");
            let _ = self.kernel.futex_wake(&self.state, 1);
        }
    }
}

/// The inner guard, poisoned or not. `otherwise` is for completeness: the futex word already excludes everybody.
fn own<'a, T>(
    tried: TryLockResult<std::sync::MutexGuard<'a, T>>,
    otherwise: impl FnOnce() -> std::sync::LockResult<std::sync::MutexGuard<'a, T>>,
) -> std::sync::MutexGuard<'a, T> {
    match tried {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
        Err(TryLockError::WouldBlock) => otherwise().unwrap_or_else(|poisoned| poisoned.into_inner()),
    }
}

impl<K: Threads, T: fmt::Debug> fmt::Debug for Mutex<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("value", &self.value).finish_non_exhaustive()
    }
}

/// The lock, held. Dropping it unlocks.
#[must_use = "dropping the guard unlocks at once"]
pub struct MutexGuard<'a, K: Threads, T> {
    mutex: &'a Mutex<K, T>,
    /// `Some` until the guard is dropped: it has to go before the futex word is set free.
    value: Option<std::sync::MutexGuard<'a, T>>,
}

impl<'a, K: Threads, T> MutexGuard<'a, K, T> {
    /// The lock that this guard holds; a condition variable takes it again through this.
    pub(super) fn mutex(&self) -> &'a Mutex<K, T> {
        self.mutex
    }
}

impl<K: Threads, T> Deref for MutexGuard<'_, K, T> {
    type Target = T;
    fn deref(&self) -> &T {
        match &self.value {
            Some(value) => value,
            None => unreachable!("a guard keeps its value until it is dropped"),
        }
    }
}

impl<K: Threads, T> DerefMut for MutexGuard<'_, K, T> {
    fn deref_mut(&mut self) -> &mut T {
        match &mut self.value {
            Some(value) => value,
            None => unreachable!("a guard keeps its value until it is dropped"),
        }
    }
}

impl<K: Threads, T> Drop for MutexGuard<'_, K, T> {
    fn drop(&mut self) {
        self.mutex.kernel.interleave("mutex.unlock");
        self.value = None;
        self.mutex.unlock();
    }
}

impl<K: Threads, T: fmt::Debug> fmt::Debug for MutexGuard<'_, K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}
