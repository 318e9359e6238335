//! Threads and futexes (kernel/futex/).

use crate::fault::Family;
use crate::run::Effect;
use crate::scheduler::Step;
use crate::scheduler::{Event, WaitOn, Wake};
use crate::trace::Kind;
use crate::world::World;
use eagain_net::{ClockId, Errno, FutexTimeout, Result, ThreadBody, ThreadId};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// `RLIMIT_NPROC`, a process.
const THREADS_MAX: u32 = 900;

fn address(word: &AtomicU32) -> usize {
    std::ptr::from_ref(word) as usize
}

pub(crate) fn spawn(w: &mut World, given: &str, body: &mut Option<ThreadBody>) -> Result<ThreadId> {
    let process = w.my_process();
    if w.processes[process].live_threads() >= THREADS_MAX {
        return Err(Errno::EAGAIN);
    }
    let Some(body) = body.take() else { return Err(Errno::EINVAL) };
    let me = w.scheduler.current();
    let t = &mut w.scheduler[me];
    let (name, time, mask) = (t.next_spawn(), t.time(), t.signals.mask());
    let thread = w.add_thread(process, name, given, time, mask, body);
    Ok(ThreadId(w.scheduler[thread].tid()))
}

/// The thread of the running process with this number.
pub(crate) fn thread_of(w: &World, id: ThreadId) -> Option<u32> {
    let process = w.my_process();
    w.scheduler.iter().position(|t| t.process() == process && t.tid() == id.0).map(|at| at as u32)
}

pub(crate) fn join(w: &mut World, id: ThreadId) -> Step<()> {
    let me = w.scheduler.current();
    let Some(thread) = thread_of(w, id).filter(|&t| t != me) else {
        return Step::Done(Err(Errno::ESRCH));
    };
    match w.scheduler[thread].join(me) {
        None => Step::Done(Err(Errno::ESRCH)),
        Some(true) => {
            w.run.joined(thread);
            w.progress();
            Step::Done(Ok(()))
        }
        Some(false) => {
            w.wait(WaitOn::Join(thread), None);
            Step::Wait
        }
    }
}

/// Nobody will join it. Not recorded: it changes nothing but whether a panic is returned to anybody.
pub(crate) fn detach(w: &mut World, id: ThreadId) {
    if w.scheduler.is_unwinding() {
        return;
    }
    if let Some(thread) = thread_of(w, id) {
        w.scheduler[thread].detach();
        w.run.nobody_joins(thread);
    }
}

pub(crate) fn futex_wait(
    w: &mut World,
    word: &AtomicU32,
    expected: u32,
    timeout: FutexTimeout,
    waited: &mut bool,
    deadline: &mut Option<u64>,
) -> Step<()> {
    let me = w.scheduler.current();
    if *waited {
        return Step::Done(match w.scheduler[me].woken_by() {
            Wake::Deadline => Err(Errno::ETIMEDOUT),
            Wake::Ready => {
                w.scheduler.handed_over();
                Ok(())
            }
            // Handlers have run and asked for a restart: the word is compared again.
            Wake::Signal => {
                *waited = false;
                return futex_wait(w, word, expected, timeout, waited, deadline);
            }
        });
    }
    if word.load(SeqCst) != expected {
        return Step::Done(Err(Errno::EAGAIN));
    }
    if deadline.is_none() {
        *deadline = match timeout {
            FutexTimeout::Never => None,
            FutexTimeout::Relative(d) => {
                Some(w.deadline_after(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
            }
            FutexTimeout::Absolute(clock, at) => {
                let host = w.my_host();
                Some(w.hosts[host].true_time(clock, at, w.run.now()))
            }
        };
    }
    if deadline.is_some_and(|at| w.run.now() >= at) {
        return Step::Done(Err(Errno::ETIMEDOUT));
    }
    let key = (w.my_process(), address(word));
    w.futexes.add(key, me);
    w.scheduler[me].set_wall_deadline(match timeout {
        FutexTimeout::Absolute(ClockId::Realtime, at) => Some(at),
        _ => None,
    });
    w.wait(WaitOn::Futex(key.0, key.1), *deadline);
    *waited = true;
    may_wake_spuriously(w);
    Step::Wait
}

/// `futex(2)`: a waiter may wake without a wake.
fn may_wake_spuriously(w: &mut World) {
    let me = w.scheduler.current();
    let (stream, name) = w.scheduler[me].stream(Family::Wakeup);
    let after = w.run.draw(Family::Wakeup, stream, || name.to_owned());
    if after != 0 {
        w.scheduler.plan(w.run.now() + after, Event::Wakeup(me));
    }
}

/// A planned fault of a waiting thread: a futex wake-up that nobody asked for.
pub(crate) fn wake_spuriously(w: &mut World, thread: u32) {
    let t = &w.scheduler[thread];
    if w.run.is_quiet() || !t.is_waiting() || t.call() != Kind::FutexWait {
        return;
    }
    let effect = Effect { time: w.run.now(), thread, args: [0; 4] };
    w.run.injected(Family::Wakeup, effect);
    w.wake(thread, Wake::Ready);
}

pub(crate) fn futex_wake(w: &mut World, word: &AtomicU32, count: u32) -> Result<u32> {
    // `futex_wake` looks whether it has woken enough after it has woken one.
    wake_some(w, word, count.max(1))
}

fn wake_some(w: &mut World, word: &AtomicU32, count: u32) -> Result<u32> {
    let key = (w.my_process(), address(word));
    let mut woken = 0;
    while woken < count
        && let Some(sleeper) = w.futexes.first(key)
    {
        w.wake(sleeper, Wake::Ready);
        woken += 1;
    }
    if woken > 0 {
        w.scheduler.handed_over();
    }
    Ok(woken)
}

pub(crate) fn futex_requeue(
    w: &mut World,
    word: &AtomicU32,
    expected: u32,
    wake: u32,
    requeue: u32,
    target: &AtomicU32,
) -> Result<u32> {
    if word.load(SeqCst) != expected {
        return Err(Errno::EAGAIN);
    }
    let mut moved = wake_some(w, word, wake)?;
    let process = w.my_process();
    let (from, to) = ((process, address(word)), (process, address(target)));
    for _ in 0..requeue {
        let Some(sleeper) = w.futexes.first(from) else { break };
        w.futexes.remove(from, sleeper);
        w.futexes.add(to, sleeper);
        w.scheduler.move_wait(sleeper, WaitOn::Futex(to.0, to.1));
        moved += 1;
    }
    Ok(moved)
}
