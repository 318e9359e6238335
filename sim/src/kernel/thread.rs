//! Threads and futexes, call by call.

use super::SimKernel;
use super::entry::{call, waiting_call};
use super::words::nanoseconds;
use crate::stack::with;
use crate::syscall::thread;
use crate::trace::Kind;
use eagain_net::*;
use std::sync::atomic::AtomicU32;

impl Threads for SimKernel {
    fn spawn(&self, name: &str, body: ThreadBody) -> Result<ThreadId> {
        let mut body = Some(body);
        let args = [name.len() as u64, 0, 0, 0];
        call(Kind::Spawn, args, |w| thread::spawn(w, name, &mut body))
    }

    fn join(&self, thread: ThreadId) -> Result<()> {
        waiting_call(Kind::Join, [thread.0 as u64, 0, 0, 0], |w| thread::join(w, thread))
    }

    fn detach(&self, thread: ThreadId) -> Result<()> {
        with(|w| thread::detach(w, thread));
        Ok(())
    }

    fn gettid(&self) -> ThreadId {
        call(Kind::Gettid, [0; 4], |w| Ok(ThreadId(w.scheduler.running().tid()))).unwrap_or(ThreadId(0))
    }

    fn sched_yield(&self) {
        let _ = call(Kind::SchedYield, [0; 4], |_| Ok(()));
    }

    fn futex_wait(&self, word: &AtomicU32, expected: u32, timeout: FutexTimeout) -> Result<()> {
        let (mut waited, mut deadline) = (false, None);
        let until = match timeout {
            FutexTimeout::Never => u64::MAX,
            FutexTimeout::Relative(d) => nanoseconds(Some(d)).unwrap_or(0),
            FutexTimeout::Absolute(_, at) => at.0.min(u64::MAX - 1),
        };
        waiting_call(Kind::FutexWait, [0, u64::from(expected), until, 0], |w| {
            thread::futex_wait(w, word, expected, timeout, &mut waited, &mut deadline)
        })
    }

    fn futex_wake(&self, word: &AtomicU32, count: u32) -> Result<u32> {
        call(Kind::FutexWake, [0, u64::from(count), 0, 0], |w| thread::futex_wake(w, word, count))
    }

    fn futex_cmp_requeue(
        &self,
        word: &AtomicU32,
        expected: u32,
        wake: u32,
        requeue: u32,
        target: &AtomicU32,
    ) -> Result<u32> {
        let args = [0, u64::from(expected), u64::from(wake), u64::from(requeue)];
        call(Kind::FutexRequeue, args, |w| thread::futex_requeue(w, word, expected, wake, requeue, target))
    }

    fn interleave(&self, site: &'static str) {
        let mut entered = false;
        loop {
            let mut spins = false;
            let go_on = with(|w| {
                if w.scheduler.is_unwinding() {
                    return true;
                }
                let me = w.scheduler.current();
                if !entered {
                    entered = true;
                    spins = w.count_lock(me);
                    let delay = w.scheduler.off_cpu(&mut w.run, me);
                    if w.scheduler[me].signals.is_in_handler() {
                        // Queues, locks and condition variables: the interrupted code may hold them.
                        w.report_unsafe(site);
                    }
                    let t = &mut w.scheduler[me];
                    t.at_site(site);
                    t.spend(delay);
                }
                w.catch_up(me)
            });
            if spins {
                crate::stack::pause_for_ever();
            }
            if go_on {
                return;
            }
            crate::stack::suspend();
        }
    }
}
