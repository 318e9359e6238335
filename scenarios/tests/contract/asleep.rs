//! Rows with two threads: one waits inside a call, and the other has to know that it does. Nothing here waits by the
//! clock on Linux: a thread that sleeps says so in `/proc`.

use eagain_net::{Errno, Instant, Kernel, Linux, SigAction, Signal, ThreadId, Threads};
use eagain_sim::SimKernel;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

/// A kernel whose threads can be watched falling asleep.
pub(crate) trait Sleepers: Kernel {
    /// Returns once the thread waits inside a call, or has ended.
    fn await_sleep(&self, thread: ThreadId);
}

impl Sleepers for Linux {
    fn await_sleep(&self, thread: ThreadId) {
        let path = format!("/proc/self/task/{}/stat", thread.0);
        let runs = || {
            let Ok(stat) = std::fs::read_to_string(&path) else { return false };
            stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('S'))
        };
        while runs() {
            std::thread::yield_now();
        }
    }
}

impl Sleepers for SimKernel {
    fn await_sleep(&self, _: ThreadId) {
        use eagain_net::Clock;
        self.nanosleep(Duration::from_millis(1)).unwrap();
    }
}

/// A thread that makes one call, and its result as a number: negated errno where it failed.
pub(crate) struct Caller {
    pub(crate) thread: ThreadId,
    began: Instant,
    about: Arc<AtomicBool>,
    result: Arc<AtomicI32>,
}

const NOT_YET: i32 = i32::MAX;

impl Caller {
    /// Starts a thread that makes `call`; returns when it waits inside it.
    pub(crate) fn start<K: Sleepers>(
        k: K,
        call: impl FnOnce(K) -> eagain_net::Result<usize> + Send + 'static,
    ) -> Caller {
        let (about, result) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicI32::new(NOT_YET)));
        let (inside, outcome) = (about.clone(), result.clone());
        let body = move || {
            inside.store(true, SeqCst);
            outcome.store(call(k).map_or_else(|errno| -errno.0, |n| n as i32), SeqCst);
        };
        let began = eagain_net::now(k);
        let thread = k.spawn("caller", Box::new(body)).unwrap();
        let caller = Caller { thread, began, about, result };
        caller.await_sleep(k);
        caller
    }

    pub(crate) fn await_sleep<K: Sleepers>(&self, k: K) {
        while !self.about.load(SeqCst) {
            k.sched_yield();
        }
        if !self.is_over() {
            k.await_sleep(self.thread);
        }
    }

    /// Whether the call has returned.
    pub(crate) fn is_over(&self) -> bool {
        self.result.load(SeqCst) != NOT_YET
    }

    /// How many of these are over, once all the others sleep.
    pub(crate) fn count_over<K: Sleepers>(k: K, callers: &[Caller]) -> usize {
        callers.iter().for_each(|caller| caller.await_sleep(k));
        callers.iter().filter(|caller| caller.is_over()).count()
    }

    /// Waits for its end, which is that of this timeout and no earlier; what the call returned.
    pub(crate) fn end_by_timeout<K: Sleepers>(self, k: K, timeout: Duration) -> Result<usize, Errno> {
        let began = self.began;
        let result = self.end(k);
        let took = eagain_net::now(k) - began;
        assert!(took >= timeout, "woken after {took:?}");
        result
    }

    /// Waits for its end; what the call returned.
    pub(crate) fn end<K: Sleepers>(self, k: K) -> Result<usize, Errno> {
        k.join(self.thread).unwrap();
        match self.result.load(SeqCst) {
            n if n < 0 => Err(Errno(-n)),
            n => Ok(n as usize),
        }
    }
}

/// A handler that counts, so that one can wait until it has run.
pub(crate) struct Handler(Arc<AtomicU32>);

impl Handler {
    /// Handles `signal`, with `SA_RESTART` or without.
    pub(crate) fn new<K: Sleepers>(k: K, signal: Signal, restart: bool) -> Handler {
        let count = Arc::new(AtomicU32::new(0));
        let inside = count.clone();
        let counts = SigAction::handler(restart, move |_| {
            inside.fetch_add(1, SeqCst);
        });
        k.sigaction(signal, counts).unwrap();
        Handler(count)
    }

    /// How often it has run.
    pub(crate) fn count(&self) -> u32 {
        self.0.load(SeqCst)
    }

    /// Sends the signal to a thread, and waits until its handler has run.
    pub(crate) fn raise<K: Sleepers>(&self, k: K, thread: ThreadId, signal: Signal) {
        let before = self.count();
        k.tgkill(thread, signal).unwrap();
        while self.count() == before {
            k.nanosleep(Duration::from_micros(20)).unwrap();
        }
    }
}

#[test]
fn nobody_waits_for_a_thread_that_has_ended() {
    let ended = crate::on_linux(|k| {
        let thread = k.spawn("ends", Box::new(|| {})).unwrap();
        k.join(thread).unwrap();
        k.await_sleep(thread);
    });
    assert_eq!(ended, Ok(()));
}
