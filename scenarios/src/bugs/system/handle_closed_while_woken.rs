//! A handle that is closed while another thread wakes its loop (libuv 2019): the sender marks the handle as pending, then looks
//! at it again for whom to wake. The loop may be at the marks already, because of another sender; it calls the handle's callback,
//! which closes it. Repaired: a handle is freed when no sender is at it.

use eagain_net::sync::Mutex;
use eagain_net::*;
use eagain_sim::{Sim, choose, fail, sometimes};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

crate::bugs::planted!(
    "handle-closed-while-woken",
    "B65",
    'm',
    ["O7"],
    "a handle is closed between the mark of a sender and its wake-up"
);

const HANDLES: usize = 3;

/// What lets other threads wake the loop for something.
struct Handle {
    is_pending: AtomicBool,
    /// Senders that are at it.
    senders: AtomicU32,
    /// How often it was freed; memory that was freed is somebody else's.
    freed: AtomicU32,
}

struct Loop<K: Kernel> {
    kernel: K,
    wakeup: EventFd<K>,
    handles: [Handle; HANDLES],
    results: Mutex<K, [u64; HANDLES]>,
    defect: bool,
}

impl<K: Kernel> Loop<K> {
    /// Wakes the loop for a handle, from any thread.
    fn send(&self, at: usize) -> Result<()> {
        let handle = &self.handles[at];
        let freed = handle.freed.load(SeqCst);
        handle.senders.fetch_add(1, SeqCst);
        if !handle.is_pending.swap(true, SeqCst) {
            self.kernel.interleave("handle.send");
            // The handle knows its loop.
            if handle.freed.load(SeqCst) != freed {
                fail(
                    "O7",
                    "use of a freed handle",
                    format!("handle {at} was closed while a sender was at it"),
                );
            }
            self.wakeup.write(1)?;
        }
        handle.senders.fetch_sub(1, SeqCst);
        Ok(())
    }

    /// Whether this handle can be freed now; if so, it is.
    fn free(&self, at: usize) -> bool {
        let handle = &self.handles[at];
        let in_use = handle.senders.load(SeqCst) > 0;
        sometimes!("a handle was closed with a sender at it", in_use);
        if in_use && !self.defect {
            return false;
        }
        handle.freed.fetch_add(1, SeqCst);
        true
    }

    /// Computes `count` things on other threads, some at a time, each with a handle of its own.
    fn run(self: Arc<Self>, mut count: u64) -> Result<()> {
        let k = self.kernel;
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            Free,
            Open,
            Closing,
        }
        let mut states = [State::Free; HANDLES];
        while count > 0 || states != [State::Free; HANDLES] {
            for (at, state) in states.iter_mut().enumerate() {
                if *state == State::Closing && self.free(at) {
                    *state = State::Free;
                }
                if *state == State::Free && count > 0 {
                    count -= 1;
                    *state = State::Open;
                    let (of_worker, number) = (self.clone(), count);
                    thread::spawn(k, "worker", move || {
                        sleep(k, Duration::from_micros(choose("work", 1, 100)));
                        of_worker.results.lock()[at] = number;
                        of_worker.send(at)
                    })?;
                }
            }
            if states.contains(&State::Open) {
                match self.wakeup.read() {
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno),
                }
            } else {
                k.sched_yield();
            }
            for (at, state) in states.iter_mut().enumerate() {
                if *state == State::Open && self.handles[at].is_pending.swap(false, SeqCst) {
                    // The callback takes the result, and closes the handle.
                    self.results.lock()[at] = 0;
                    *state = if self.free(at) { State::Free } else { State::Closing };
                }
            }
        }
        Ok(())
    }
}

fn program<K: Kernel>(k: K, defect: bool) -> Result<()> {
    let handle = |_| Handle {
        is_pending: AtomicBool::new(false),
        senders: AtomicU32::new(0),
        freed: AtomicU32::new(0),
    };
    let the_loop = Loop {
        kernel: k,
        wakeup: EventFd::with_flags(k, 0, SocketFlags::NONE)?,
        handles: std::array::from_fn(handle),
        results: Mutex::new(k, [0; HANDLES]),
        defect,
    };
    Arc::new(the_loop).run(choose("things", 1, 12))
}

fn build(sim: &mut Sim, defect: bool) {
    let host = sim.host("server");
    sim.client(host, "server", move |k| program(k, defect).unwrap());
}
