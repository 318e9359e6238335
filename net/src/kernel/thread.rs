//! Threads, and the one way in which they wait for each other.

use crate::abi::{FutexTimeout, Result, ThreadId};
use std::sync::atomic::AtomicU32;

/// What a thread runs.
pub type ThreadBody = Box<dyn FnOnce() + Send + 'static>;

/// `pthreads(7)` and `futex(2)`. All waiting between threads goes through the futex calls, so that a simulator
/// sees every wait.
pub trait Threads: Copy + Send + Sync + 'static {
    /// `pthread_create(3)`. The new thread inherits the signal mask. `EAGAIN`: too many threads.
    fn spawn(&self, name: &str, body: ThreadBody) -> Result<ThreadId>;

    /// `pthread_join(3)`: waits for its end, once. `ESRCH`: no such thread of this process, or joined before.
    fn join(&self, thread: ThreadId) -> Result<()>;

    /// `pthread_detach(3)`: it will not be joined; what it holds is freed at its end. `ESRCH`: as for `join`. A kernel
    /// that frees a thread at its end anyway has nothing to do here.
    fn detach(&self, thread: ThreadId) -> Result<()> {
        let _ = thread;
        Ok(())
    }

    /// `gettid(2)`.
    fn gettid(&self) -> ThreadId;

    /// `sched_yield(2)`.
    fn sched_yield(&self);

    /// `futex(2)`, `FUTEX_WAIT`: sleeps while the word is `expected`. `EAGAIN`: it is not. `ETIMEDOUT`, `EINTR`. A
    /// return without error may be spurious.
    fn futex_wait(&self, word: &AtomicU32, expected: u32, timeout: FutexTimeout) -> Result<()>;

    /// `futex(2)`, `FUTEX_WAKE`: wakes up to `count` of the sleepers, first come first; how many it woke.
    fn futex_wake(&self, word: &AtomicU32, count: u32) -> Result<u32>;

    /// `futex(2)`, `FUTEX_CMP_REQUEUE`: wakes `wake`, moves up to `requeue` others to `target`; how many in all.
    /// `EAGAIN`: the word is not `expected`.
    fn futex_cmp_requeue(
        &self,
        word: &AtomicU32,
        expected: u32,
        wake: u32,
        requeue: u32,
        target: &AtomicU32,
    ) -> Result<u32>;

    /// A place where another thread may come between. Nothing on Linux; a choice in a simulation. `site` is a literal.
    fn interleave(&self, site: &'static str);
}
