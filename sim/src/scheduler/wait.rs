//! How a thread waits: until a deadline, and listed where its waker will look.

use super::{Event, Scheduler, State};
use eagain_net::Errno;
use std::collections::{BTreeMap, VecDeque};

/// A deadline that never comes. A socket call that waits has it where there was no timeout when it was made: one that is
/// set later is for later calls.
pub(crate) const FOREVER: u64 = u64::MAX;

/// What an attempt of a call comes to.
pub(crate) enum Step<T> {
    /// It is over.
    Done(Result<T, Errno>),
    /// It waits: the thread is listed, or the caller does it. It will be attempted again.
    Wait,
}

impl<T> Step<T> {
    /// What the call gives is made into something else.
    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Step<U> {
        match self {
            Step::Done(result) => Step::Done(result.map(to)),
            Step::Wait => Step::Wait,
        }
    }
}

/// Where a waiting thread is listed.
#[derive(Clone, Debug, Default)]
pub(crate) enum WaitOn {
    /// Nowhere: it waits for its deadline or a signal.
    #[default]
    Nothing,
    /// Signals that it awaits although it blocks them.
    Signals,
    /// The watchers of a file.
    File(u32),
    /// The watchers of several files.
    Files(Vec<u32>),
    /// The waiters of an epoll set.
    Epoll(u32),
    /// A futex word: process and address. The address is never shown and never iterated over.
    Futex(u32, usize),
    /// The end of an AIO operation of a process.
    Aio(u32),
    /// A thread's end.
    Join(u32),
    /// A lock of a file: the world's list says which.
    Lock,
}

/// The sleepers on each futex word, by process and address, first come first. Invariant: no queue is empty.
#[derive(Default)]
pub(crate) struct FutexQueues(BTreeMap<(u32, usize), VecDeque<u32>>);

impl FutexQueues {
    /// `thread` sleeps on `word`, after all others.
    pub fn add(&mut self, word: (u32, usize), thread: u32) {
        self.0.entry(word).or_default().push_back(thread);
    }

    /// `thread` sleeps there no more.
    pub fn remove(&mut self, word: (u32, usize), thread: u32) {
        let Some(queue) = self.0.get_mut(&word) else { return };
        queue.retain(|&sleeper| sleeper != thread);
        if queue.is_empty() {
            self.0.remove(&word);
        }
    }

    /// Who has slept on `word` for longest.
    pub fn first(&self, word: (u32, usize)) -> Option<u32> {
        self.0.get(&word).and_then(|queue| queue.front()).copied()
    }
}

impl Scheduler {
    /// The running thread waits from now on, until `deadline` at the latest. `on` says where the caller has listed it.
    #[inline(always)]
    pub fn wait(&mut self, on: WaitOn, deadline: Option<u64>) {
        let thread = self.current;
        let t = &mut self.threads[thread as usize];
        t.state = State::Waiting;
        t.wait = on;
        t.deadline = deadline.unwrap_or(FOREVER);
        t.no_restart = t.deadline != FOREVER;
        self.plan_deadline(thread);
    }

    /// The wait of `thread` is listed elsewhere from now on.
    pub fn move_wait(&mut self, thread: u32, on: WaitOn) {
        self.threads[thread as usize].wait = on;
    }

    /// The wait of `thread` is over, or is about to be: it has no deadline any more. Where it is listed still.
    #[inline(always)]
    pub fn take_wait(&mut self, thread: u32) -> WaitOn {
        let t = &mut self.threads[thread as usize];
        t.deadline = FOREVER;
        std::mem::take(&mut t.wait)
    }

    /// The running thread does not wait after all.
    pub fn keep_running(&mut self, thread: u32) {
        self.threads[thread as usize].state = State::Running;
    }

    /// The wait of `thread` ends at another time.
    pub fn move_deadline(&mut self, thread: u32, deadline: u64) {
        self.threads[thread as usize].deadline = deadline;
        self.plan_deadline(thread);
    }

    /// The entry for a deadline is due; whether the wait has ended by it. An entry may be older than the wait.
    #[inline]
    pub fn deadline_is_due(&mut self, thread: u32, now: u64) -> bool {
        let t = &mut self.threads[thread as usize];
        if t.timer_at <= now {
            t.timer_at = u64::MAX;
        }
        if t.state != State::Waiting {
            return false;
        }
        if t.deadline > now {
            self.plan_deadline(thread);
            return false;
        }
        true
    }

    /// One entry of the queue serves many waits: there is one no later than the deadline.
    #[inline(always)]
    fn plan_deadline(&mut self, thread: u32) {
        let t = &mut self.threads[thread as usize];
        if t.deadline < t.timer_at {
            t.timer_at = t.deadline;
            self.queue.plan(t.deadline, Event::Deadline(thread));
        }
    }
}
