//! Whose turn it is, and what is to come: the threads with their own times, and the queue of planned events. Time: each
//! thread has its own, which its calls advance; the lowest (time, thread) runs, and before it acts everything that is
//! planned earlier has happened. So threads are truly parallel in virtual time, and no choice ever refers to the set of
//! threads that could run. What an event does when its time has come is up to the modules above.
//!
//! ```text
//!   event_queue   what is planned, by (time, order)
//!   thread        a thread: its time, its state, and why it waits no more
//!   wait          how a thread waits: its deadline, and where its waker finds it
//!   priority      what its calls take longer
//!   effort        what it has achieved, and in how many calls
//! ```

mod effort;
mod event_queue;
mod priority;
mod thread;
mod wait;

pub(crate) use effort::{Effort, is_for_nothing, is_pause};
pub(crate) use event_queue::Event;
use event_queue::EventQueue;
use priority::Priority;
use thread::State;
pub(crate) use thread::{Thread, Wake};
pub(crate) use wait::{FOREVER, FutexQueues, Step, WaitOn};

use crate::NONE;
use std::ops::{Index, IndexMut};

/// The threads of a world and its event queue.
#[derive(Default)]
pub(crate) struct Scheduler {
    queue: EventQueue,
    threads: Vec<Thread>,
    /// The running thread, or [`NONE`].
    current: u32,
    /// A thread is being unwound: calls have no effect and do not wait.
    unwinding: bool,
    /// Threads whose process was killed while they were not running; unwound by the run loop.
    condemned: Vec<u32>,
}

impl Index<u32> for Scheduler {
    type Output = Thread;

    #[inline]
    fn index(&self, thread: u32) -> &Thread {
        &self.threads[thread as usize]
    }
}

impl IndexMut<u32> for Scheduler {
    #[inline]
    fn index_mut(&mut self, thread: u32) -> &mut Thread {
        &mut self.threads[thread as usize]
    }
}

impl Scheduler {
    /// Empty, with the capacity of one that is over.
    pub fn recycled(mut old: Scheduler) -> Scheduler {
        old.queue.clear();
        old.threads.clear();
        old.condemned.clear();
        Scheduler { current: NONE, unwinding: false, ..old }
    }

    /// A new thread, ready at its time. Its index.
    #[inline]
    pub fn add(&mut self, thread: Thread) -> u32 {
        let index = self.threads.len() as u32;
        self.queue.plan_thread(thread.time, index);
        self.threads.push(thread);
        index
    }

    pub fn len(&self) -> usize {
        self.threads.len()
    }

    #[inline]
    pub fn get(&self, thread: u32) -> Option<&Thread> {
        self.threads.get(thread as usize)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Thread> {
        self.threads.iter()
    }

    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Thread> {
        self.threads.iter_mut()
    }

    /// The running thread, or [`NONE`].
    #[inline]
    pub fn current(&self) -> u32 {
        self.current
    }

    /// The running thread. There must be one.
    #[inline]
    pub fn running(&self) -> &Thread {
        &self.threads[self.current as usize]
    }

    #[inline]
    pub fn running_mut(&mut self) -> &mut Thread {
        &mut self.threads[self.current as usize]
    }

    /// What happens next counts as done by `thread`: an operation that runs on its behalf. Who counted before.
    pub fn act_as(&mut self, thread: u32) -> u32 {
        std::mem::replace(&mut self.current, thread)
    }

    /// Plans an event.
    #[inline]
    pub fn plan(&mut self, time: u64, event: Event) {
        self.queue.plan(time, event);
    }

    /// The next event, taken out, with its time.
    #[inline]
    pub fn next(&mut self) -> Option<(u64, Event)> {
        self.queue.pop()
    }

    /// The time of the last event that is planned.
    pub fn last_planned(&self) -> Option<u64> {
        self.queue.last()
    }

    /// What comes before `thread` at `time`, if anything does.
    #[inline]
    pub fn before(&self, time: u64, thread: u32) -> Option<Event> {
        self.queue.before(time, thread)
    }

    /// It is the turn of `thread`, if it is ready; whether it is.
    #[inline]
    pub fn start(&mut self, thread: u32) -> bool {
        let t = &mut self.threads[thread as usize];
        let ready = t.state == State::Ready;
        if ready {
            t.state = State::Running;
            self.current = thread;
        }
        ready
    }

    /// The running thread has left its stack.
    #[inline]
    pub fn stop(&mut self) {
        self.current = NONE;
    }

    /// Another comes before the running `thread`: it is ready again, at its time.
    pub fn yield_turn(&mut self, thread: u32) {
        let t = &mut self.threads[thread as usize];
        t.state = State::Ready;
        self.queue.plan_thread(t.time, thread);
    }

    // The end of threads.

    /// The process of `thread` is over: its stack is unwound by the run loop.
    pub fn condemn(&mut self, thread: u32) {
        self.threads[thread as usize].wake = Wake::Ready;
        self.condemned.push(thread);
    }

    #[inline]
    pub fn has_condemned(&self) -> bool {
        !self.condemned.is_empty()
    }

    pub fn take_condemned(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.condemned)
    }

    /// Whether a thread is being unwound: calls have no effect and do not wait.
    #[inline]
    pub fn is_unwinding(&self) -> bool {
        self.unwinding
    }

    /// What runs from now on is drops, of `thread` or of nobody.
    pub fn begin_unwinding(&mut self, thread: u32) {
        self.unwinding = true;
        self.current = thread;
        if let Some(t) = self.threads.get_mut(thread as usize) {
            t.effort.forget_calls();
        }
    }

    pub fn end_unwinding(&mut self) {
        self.unwinding = false;
        self.current = NONE;
    }
}
