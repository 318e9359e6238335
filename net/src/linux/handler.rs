//! When a signal handler runs. A handler is a closure, and a closure may allocate, lock or panic, which nothing may do
//! that interrupts other code (`signal-safety(7)`). So a closure never interrupts anything:
//!
//! - The thread that the signal is delivered to is inside a system call made here ([`interruptible`]): the closure runs
//!   there and then, as if the call had called it. Only libc's wrapper of the call is interrupted, which holds no lock
//!   and touches no heap.
//! - The thread is anywhere else: signal and closure go into a queue of fixed size, and a thread kept for this runs the
//!   closure at once, beside the other. `Send + Sync` allow that.
//!
//! Sent by `tgkill(2)` to oneself, unblocked by a change of the mask, or come to a thread that waits: in all of these
//! the handler has run before the call returns, as on Linux without this file, and as in the simulated kernel. What
//! differs: a signal that arrives between two calls is handled beside what its thread does next, not before it.
//!
//! Calls of the C library that take locks of its own (`aio(7)`, `pthread_join(3)`) are not interruptible in this sense:
//! they end with `EINTR` where Linux says so, and the closure runs on the other thread.

use super::sys::{self, thread};
use crate::{HandlerFn, SigInfo};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, compiler_fence};

thread_local! {
    /// Whether this thread is inside a system call that a closure may run in. It has no destructor and is initialised
    /// at compile time, so that a signal handler may use it.
    static INSIDE: AtomicBool = const { AtomicBool::new(false) };
}

/// Makes a system call that a handler may run in. `call` is the call and nothing else: whatever it does besides may be
/// interrupted by any code.
pub(super) fn interruptible<T>(call: impl FnOnce() -> T) -> T {
    INSIDE.with(|inside| {
        let before = inside.swap(true, Relaxed);
        compiler_fence(SeqCst);
        let returned = call();
        compiler_fence(SeqCst);
        inside.store(before, Relaxed);
        returned
    })
}

/// Runs the handler of a signal that was just delivered to this thread, or has it run. Async-signal-safe.
pub(super) fn deliver(handler: &'static HandlerFn, info: SigInfo) {
    INSIDE.with(|inside| {
        // Not inside while the closure runs: the next signal must not interrupt that.
        if !inside.swap(false, Relaxed) {
            return QUEUE.push((handler, info));
        }
        compiler_fence(SeqCst);
        run(handler, &info);
        compiler_fence(SeqCst);
        inside.store(true, Relaxed);
    });
}

/// A panic does not leave a handler: it aborts the process, on either thread.
extern "C" fn run(handler: &HandlerFn, info: &SigInfo) {
    handler(info);
}

/// Starts the thread that runs what came at the wrong moment, if it was not started before.
pub(super) fn start() -> crate::Result<()> {
    static STARTED: OnceLock<()> = OnceLock::new();
    if STARTED.get().is_some() {
        return Ok(());
    }
    // It inherits a full mask: no signal is ever delivered to it.
    let mask = sys::signal::sigprocmask(libc::SIG_SETMASK, crate::SigSet::FULL)?;
    let spawned = std::thread::Builder::new().name("signal-handlers".into()).spawn(|| {
        let mut next = 0;
        loop {
            let seen = QUEUE.published.load(Acquire);
            while let Some((handler, info)) = QUEUE.pop(&mut next) {
                run(handler, &info);
                QUEUE.handled.fetch_add(1, Release);
                let _ = thread::futex_wake(&QUEUE.handled, u32::MAX >> 1);
            }
            // Spurious ends and EAGAIN lead to another look.
            let op = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
            let _ = thread::futex_wait(&QUEUE.published, op, seen, None, u32::MAX);
        }
    });
    let restored = sys::signal::sigprocmask(libc::SIG_SETMASK, mask);
    spawned.map_err(|e| crate::Errno(e.raw_os_error().unwrap_or(crate::Errno::EAGAIN.0)))?;
    let _ = STARTED.set(());
    restored.map(drop)
}

/// Waits until the handlers of all signals that were delivered to this thread so far have run.
pub(super) fn await_handlers() {
    let delivered = QUEUE.published.load(Acquire);
    loop {
        let handled = QUEUE.handled.load(Acquire);
        // Both wrap around.
        if delivered.wrapping_sub(handled) as i32 <= 0 {
            return;
        }
        let op = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
        let _ = thread::futex_wait(&QUEUE.handled, op, handled, None, u32::MAX);
    }
}

type Delivered = (&'static HandlerFn, SigInfo);

/// How many signals may wait for the thread. One more is lost, like one beyond `RLIMIT_SIGPENDING`: whoever delivers it
/// cannot wait for a place, since what it interrupted may hold the lock that the closure wants.
const CAPACITY: usize = 1 << 15;

/// A bounded queue of many producers and one consumer, without locks: a handler may push. Position `p` uses slot
/// `p % CAPACITY`, for the `p / CAPACITY`-th time; that slot's `turn` is twice this number when it may be written, one
/// more when it may be read.
struct Queue {
    tail: AtomicUsize,
    /// How many were published; the futex that the consumer waits on.
    published: AtomicU32,
    /// How many of them were run.
    handled: AtomicU32,
    slots: [Slot; CAPACITY],
}

struct Slot {
    turn: AtomicUsize,
    content: UnsafeCell<MaybeUninit<Delivered>>,
}

// SAFETY: `content` is written by the one producer that took its position from `tail`, and read by the one consumer;
// `turn`, stored with Release and loaded with Acquire, keeps them apart. What is inside is Send and Sync.
unsafe impl Sync for Slot {}

static QUEUE: Queue = Queue {
    tail: AtomicUsize::new(0),
    published: AtomicU32::new(0),
    handled: AtomicU32::new(0),
    slots: [const { Slot { turn: AtomicUsize::new(0), content: UnsafeCell::new(MaybeUninit::uninit()) } };
        CAPACITY],
};

impl Queue {
    fn push(&self, delivered: Delivered) {
        let mut at = self.tail.load(Relaxed);
        loop {
            let Some(slot) = self.slots.get(at % CAPACITY) else { return };
            let (turn, free) = (slot.turn.load(Acquire), at / CAPACITY * 2);
            if turn < free {
                return; // Full.
            }
            if turn == free {
                match self.tail.compare_exchange_weak(at, at + 1, AcqRel, Relaxed) {
                    Ok(_) => {
                        // SAFETY: the position is this call's alone, and the consumer is done with the slot.
                        unsafe { (*slot.content.get()).write(delivered) };
                        slot.turn.store(free + 1, Release);
                        break;
                    }
                    Err(now) => at = now,
                }
            } else {
                // Somebody else has taken this position.
                at = self.tail.load(Relaxed);
            }
        }
        self.published.fetch_add(1, Release);
        let _ = thread::futex_wake(&self.published, 1);
    }

    /// The one at `next`, which then is the following position. Called by the one consumer.
    fn pop(&self, next: &mut usize) -> Option<Delivered> {
        let slot = self.slots.get(*next % CAPACITY)?;
        let turn = *next / CAPACITY * 2 + 1;
        if slot.turn.load(Acquire) != turn {
            return None;
        }
        // SAFETY: it was written, and is not written again before the turn is stored below.
        let delivered = unsafe { (*slot.content.get()).assume_init_read() };
        slot.turn.store(turn + 1, Release);
        *next += 1;
        Some(delivered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{SigCode, Signal};
    use std::sync::Arc;

    #[test]
    fn who_awaits_handlers_finds_what_a_slow_one_has_done() {
        start().unwrap();
        static DONE: AtomicUsize = AtomicUsize::new(0);
        let slow: HandlerFn = Arc::new(|_| {
            (0..1_000).for_each(|_| std::thread::yield_now());
            DONE.fetch_add(1, SeqCst);
        });
        let slow: &'static HandlerFn = Box::leak(Box::new(slow));
        let info = SigInfo::plain(Signal::SIGUSR1, SigCode::Kernel);
        for sent in 1..=3 {
            // As if it came between two calls: this thread is in none.
            deliver(slow, info);
            await_handlers();
            assert_eq!(DONE.load(SeqCst), sent);
        }
    }
}
