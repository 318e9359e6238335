//! Threads and futexes (kernel/futex/).

use crate::fault::Family;
use crate::run::Effect;
use crate::scheduler::Step;
use crate::scheduler::{Event, Thread, WaitOn, Wake};
use crate::trace::Kind;
use crate::world::{NONE, World};
use eagain_net::{ClockId, Errno, FutexTimeout, Result, ThreadBody, ThreadId};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// `RLIMIT_NPROC`, a process.
const THREADS_MAX: u32 = 900;

fn address(word: &AtomicU32) -> usize {
    std::ptr::from_ref(word) as usize
}

impl World {
    pub fn sys_spawn(&mut self, body: &mut Option<ThreadBody>) -> Result<ThreadId> {
        let process = self.my_process();
        if self.processes[process as usize].live_threads >= THREADS_MAX {
            return Err(Errno::EAGAIN);
        }
        let Some(body) = body.take() else { return Err(Errno::EINVAL) };
        let me = self.scheduler.current();
        self.scheduler[me].spawned += 1;
        let name = format!("{}.{}", self.scheduler[me].name, self.scheduler[me].spawned);
        let (time, mask) = (self.scheduler[me].time, self.scheduler[me].mask);
        let thread = self.add_thread(process, name, time, mask, body);
        self.progress();
        Ok(ThreadId(self.scheduler[thread].tid))
    }

    /// The thread of the running process with this number.
    pub fn thread_of(&self, id: ThreadId) -> Option<u32> {
        let process = self.my_process();
        self.scheduler.iter().position(|t| t.process == process && t.tid == id.0).map(|at| at as u32)
    }

    pub fn sys_join(&mut self, id: ThreadId) -> Step<()> {
        let me = self.scheduler.current();
        let Some(thread) = self.thread_of(id).filter(|&t| t != me) else {
            return Step::Done(Err(Errno::ESRCH));
        };
        let t = &mut self.scheduler[thread];
        if t.joined || t.joiner != NONE && t.joiner != me {
            return Step::Done(Err(Errno::ESRCH));
        }
        if t.has_ended() {
            t.joined = true;
            self.progress();
            return Step::Done(Ok(()));
        }
        t.joiner = me;
        self.wait(WaitOn::Join(thread), None);
        Step::Wait
    }

    pub fn sys_futex_wait(
        &mut self,
        word: &AtomicU32,
        expected: u32,
        timeout: FutexTimeout,
        waited: &mut bool,
        deadline: &mut Option<u64>,
    ) -> Step<()> {
        let me = self.scheduler.current();
        if *waited {
            return Step::Done(match self.scheduler[me].woken_by() {
                Wake::Deadline => Err(Errno::ETIMEDOUT),
                Wake::Ready => {
                    self.progress();
                    Ok(())
                }
                // Handlers have run and asked for a restart: the word is compared again.
                Wake::Signal => {
                    *waited = false;
                    return self.sys_futex_wait(word, expected, timeout, waited, deadline);
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
                    Some(self.deadline_after(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
                }
                FutexTimeout::Absolute(clock, at) => {
                    let host = self.my_host();
                    Some(self.hosts[host as usize].true_time(clock, at, self.run.now()))
                }
            };
        }
        if deadline.is_some_and(|at| self.run.now() >= at) {
            return Step::Done(Err(Errno::ETIMEDOUT));
        }
        let key = (self.my_process(), address(word));
        self.futexes.0.entry(key).or_default().push_back(me);
        self.scheduler[me].wall_deadline = match timeout {
            FutexTimeout::Absolute(ClockId::Realtime, at) => Some(at),
            _ => None,
        };
        self.wait(WaitOn::Futex(key.0, key.1), *deadline);
        *waited = true;
        self.may_wake_spuriously();
        Step::Wait
    }

    /// `futex(2)`: a waiter may wake without a wake.
    fn may_wake_spuriously(&mut self) {
        let me = self.scheduler.current();
        let Thread { wakeups, name, .. } = &mut self.scheduler[me];
        let after = self.run.draw(Family::Wakeup, wakeups, || name.clone());
        if after != 0 {
            self.scheduler.plan(self.run.now() + after, Event::Fault(me));
        }
    }

    /// A planned fault of a waiting thread: a signal, or a futex wake-up that nobody asked for.
    pub fn interrupt_now(&mut self, thread: u32) {
        if self.run.is_quiet() || !self.scheduler[thread].is_waiting() {
            return;
        }
        let now = self.run.now();
        if self.scheduler[thread].call == Kind::FutexWait {
            let effect = Effect { time: now, thread, args: [0; 4] };
            self.run.injected(Family::Wakeup, effect);
            self.wake(thread, Wake::Ready);
        } else {
            self.interrupt_wait(thread);
        }
    }

    pub fn sys_futex_wake(&mut self, word: &AtomicU32, count: u32) -> Result<u32> {
        let key = (self.my_process(), address(word));
        let mut woken = 0;
        while woken < count
            && let Some(&sleeper) = self.futexes.0.get(&key).and_then(|queue| queue.front())
        {
            self.wake(sleeper, Wake::Ready);
            woken += 1;
        }
        if woken > 0 {
            self.progress();
        }
        Ok(woken)
    }

    pub fn sys_futex_requeue(
        &mut self,
        word: &AtomicU32,
        expected: u32,
        wake: u32,
        requeue: u32,
        target: &AtomicU32,
    ) -> Result<u32> {
        if word.load(SeqCst) != expected {
            return Err(Errno::EAGAIN);
        }
        let mut moved = self.sys_futex_wake(word, wake)?;
        let process = self.my_process();
        let (from, to) = ((process, address(word)), (process, address(target)));
        for _ in 0..requeue {
            let Some(sleeper) = self.futexes.0.get_mut(&from).and_then(|queue| queue.pop_front()) else {
                break;
            };
            self.futexes.0.entry(to).or_default().push_back(sleeper);
            self.scheduler.move_wait(sleeper, WaitOn::Futex(to.0, to.1));
            moved += 1;
        }
        if self.futexes.0.get(&from).is_some_and(|queue| queue.is_empty()) {
            self.futexes.0.remove(&from);
        }
        Ok(moved)
    }
}
