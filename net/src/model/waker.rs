//! Ending a wait from elsewhere. The means differ: an eventfd where descriptors are waited for, a signal where signals
//! are, a futex where the loop only sleeps between two scans.

use crate::{Errno, EventFd, Fd, FutexTimeout, Readiness, Result, Signal, ThreadId, Threads};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::time::Duration;

/// Ends the current wait of a poller, or the next one. Cheap to clone; waking is async-signal-safe.
pub struct Waker<K: Readiness + Threads> {
    shared: Arc<Shared<K>>,
}

struct Shared<K: Readiness + Threads> {
    kernel: K,
    /// Woken, and the wait has not seen it yet: waking again would change nothing.
    woken: AtomicBool,
    means: Means<K>,
}

enum Means<K: Readiness + Threads> {
    EventFd(EventFd<K>),
    /// `tgkill(2)`: behind a function, so that only the signal-driven model asks for the family of signals.
    Signal {
        thread: ThreadId,
        signal: Signal,
        send: fn(K, ThreadId, Signal) -> Result<()>,
    },
    /// 1: woken.
    Futex(AtomicU32),
}

impl<K: Readiness + Threads> Waker<K> {
    fn new(kernel: K, means: Means<K>) -> Waker<K> {
        Waker { shared: Arc::new(Shared { kernel, woken: AtomicBool::new(false), means }) }
    }

    /// For a wait on descriptors.
    pub(super) fn eventfd(kernel: K) -> Result<Waker<K>> {
        Ok(Self::new(kernel, Means::EventFd(EventFd::new(kernel, 0)?)))
    }

    /// For a wait on signals by `thread`.
    pub(super) fn signal(
        kernel: K,
        thread: ThreadId,
        signal: Signal,
        send: fn(K, ThreadId, Signal) -> Result<()>,
    ) -> Waker<K> {
        Self::new(kernel, Means::Signal { thread, signal, send })
    }

    /// For a wait on nothing but time.
    pub(super) fn futex(kernel: K) -> Waker<K> {
        Self::new(kernel, Means::Futex(AtomicU32::new(0)))
    }

    /// The descriptor to wait for, where there is one.
    pub(super) fn fd(&self) -> Option<Fd> {
        match &self.shared.means {
            Means::EventFd(eventfd) => Some(eventfd.fd()),
            _ => None,
        }
    }

    /// Ends the wait. Make what the woken thread is to see visible before this call. `ESRCH` and other errors: the loop has ended.
    pub fn wake(&self) -> Result<()> {
        let shared = &*self.shared;
        if shared.woken.swap(true, SeqCst) {
            return Ok(());
        }
        match &shared.means {
            Means::EventFd(eventfd) => match eventfd.write(1) {
                // The counter is full, hence the descriptor readable, which is all that is wanted.
                Err(Errno::EAGAIN) => Ok(()),
                other => other,
            },
            Means::Signal { thread, signal, send } => send(shared.kernel, *thread, *signal),
            Means::Futex(word) => {
                word.store(1, SeqCst);
                shared.kernel.futex_wake(word, 1).map(drop)
            }
        }
    }

    /// The wait saw the wake-up. `empty`: take what it holds, for the waits that would see it again. In this order: a wake-up
    /// between the two is not repeated, but whoever waits now looks around anyway; the other way round, one could
    /// be taken with nobody left to notify.
    pub(super) fn seen(&self, empty: bool) {
        match &self.shared.means {
            Means::EventFd(eventfd) if empty => drop(eventfd.read()),
            Means::Futex(word) => word.store(0, SeqCst),
            _ => {}
        }
        self.shared.woken.store(false, SeqCst);
    }

    /// Sleeps until woken (`true`) or for `time`, which a signal may cut short. For the futex kind alone.
    pub(super) fn sleep(&self, time: Option<Duration>) -> bool {
        let Means::Futex(word) = &self.shared.means else { return false };
        if word.load(SeqCst) == 0 {
            self.shared.kernel.interleave("waker.futex_wait");
            let _ = self.shared.kernel.futex_wait(word, 0, FutexTimeout::relative(time));
        }
        word.load(SeqCst) == 1
    }
}

impl<K: Readiness + Threads> Clone for Waker<K> {
    fn clone(&self) -> Waker<K> {
        Waker { shared: self.shared.clone() }
    }
}

impl<K: Readiness + Threads> fmt::Debug for Waker<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.shared.means {
            Means::EventFd(_) => "Waker(eventfd)",
            Means::Signal { .. } => "Waker(signal)",
            Means::Futex(_) => "Waker(futex)",
        })
    }
}
