//! Threads are std's, with the kernel's number as their identity; a table keeps those that can still be joined.
//! Waiting is the futex call itself.

use super::sys::time::to_timespec;
use super::{Linux, sys};
use crate::{ClockId, Errno, FutexTimeout, Result, ThreadBody, ThreadId, Threads};
use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Mutex, MutexGuard, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// The threads that were neither joined nor detached. A number is in use as long as its thread runs, and a thread
/// that ended unjoined leaves its entry to the next one of that number, which detaches it.
static JOINABLE: Mutex<Option<HashMap<ThreadId, JoinHandle<()>>>> = Mutex::new(None);

fn joinable() -> MutexGuard<'static, Option<HashMap<ThreadId, JoinHandle<()>>>> {
    JOINABLE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn take(thread: ThreadId) -> Result<JoinHandle<()>> {
    joinable().as_mut().and_then(|threads| threads.remove(&thread)).ok_or(Errno::ESRCH)
}

impl Threads for Linux {
    fn spawn(&self, name: &str, body: ThreadBody) -> Result<ThreadId> {
        let (sender, receiver) = mpsc::sync_channel(1);
        // Held until the entry is there: a thread may end, and its number go to the next one, at any time.
        let mut table = joinable();
        // A NUL in the name would make std panic.
        let name = name.replace('\0', "");
        let handle = std::thread::Builder::new()
            .name(name)
            .spawn(move || {
                // The parent waits for this, so it cannot fail.
                let _ = sender.send(ThreadId(sys::thread::gettid()));
                body();
            })
            .map_err(|e| Errno(e.raw_os_error().unwrap_or(Errno::EAGAIN.0)))?;
        let thread = receiver.recv().map_err(|_| Errno::EAGAIN)?;
        table.get_or_insert_default().insert(thread, handle);
        Ok(thread)
    }

    fn join(&self, thread: ThreadId) -> Result<()> {
        // pthread_join(3): joining oneself would wait for ever.
        if thread == self.gettid() {
            return Err(Errno::EDEADLK);
        }
        // A panic of the thread was printed when it happened; whoever wants its value sees that there is none.
        let _ = take(thread)?.join();
        Ok(())
    }

    fn detach(&self, thread: ThreadId) -> Result<()> {
        take(thread).map(drop)
    }

    fn gettid(&self) -> ThreadId {
        ThreadId(sys::thread::gettid())
    }

    fn sched_yield(&self) {
        sys::thread::sched_yield();
    }

    fn futex_wait(&self, word: &AtomicU32, expected: u32, timeout: FutexTimeout) -> Result<()> {
        // futex(2): FUTEX_WAIT takes a time from now, FUTEX_WAIT_BITSET a moment.
        let (op, time) = match timeout {
            FutexTimeout::Never => (libc::FUTEX_WAIT, None),
            FutexTimeout::Relative(after) => (libc::FUTEX_WAIT, Some(after)),
            FutexTimeout::Absolute(clock, moment) => {
                let flag = if clock == ClockId::Realtime { libc::FUTEX_CLOCK_REALTIME } else { 0 };
                (libc::FUTEX_WAIT_BITSET | flag, Some(Duration::from_nanos(moment.0)))
            }
        };
        let op = op | libc::FUTEX_PRIVATE_FLAG;
        sys::thread::futex_wait(word, op, expected, time.map(to_timespec), u32::MAX).map(drop)
    }

    fn futex_wake(&self, word: &AtomicU32, count: u32) -> Result<u32> {
        // The kernel counts in a signed int.
        let woken = sys::thread::futex_wake(word, count.min(i32::MAX as u32))?;
        Ok(woken as u32)
    }

    fn futex_cmp_requeue(
        &self,
        word: &AtomicU32,
        expected: u32,
        wake: u32,
        requeue: u32,
        target: &AtomicU32,
    ) -> Result<u32> {
        let most = i32::MAX as u32;
        let moved =
            sys::thread::futex_cmp_requeue(word, expected, wake.min(most), requeue.min(most), target)?;
        Ok(moved as u32)
    }

    #[inline(always)]
    fn interleave(&self, _site: &'static str) {}
}
