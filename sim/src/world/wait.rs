//! How a thread waits: it is put where its waker will look, and taken out when it is woken, whatever woke it.

use super::{NONE, State, World};
use crate::scheduler::Event;
use std::collections::{BTreeMap, VecDeque};

/// Where a waiting thread is listed.
#[derive(Clone, Debug, Default)]
pub(crate) enum WaitOn {
    /// Nowhere: it waits for its deadline or a signal.
    #[default]
    Nothing,
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
}

/// The sleepers on each futex word, first come first.
#[derive(Default)]
pub(crate) struct FutexQueues(pub BTreeMap<(u32, usize), VecDeque<u32>>);

impl World {
    /// The running thread waits from now on, until `deadline` at the latest.
    #[inline]
    pub fn wait(&mut self, on: WaitOn, deadline: Option<u64>) {
        let thread = self.current;
        let t = &mut self.threads[thread as usize];
        t.state = State::Waiting;
        t.wait = on;
        t.deadline = deadline.unwrap_or(u64::MAX);
        t.no_restart = deadline.is_some();
        if t.deadline < t.timer_at {
            t.timer_at = t.deadline;
            let at = t.deadline;
            self.queue.plan(at, Event::Deadline(thread));
        }
    }

    /// Takes `thread` out of wherever it is listed.
    pub fn stop_waiting(&mut self, thread: u32) {
        let t = &mut self.threads[thread as usize];
        t.deadline = u64::MAX;
        match std::mem::take(&mut t.wait) {
            WaitOn::Nothing => {}
            WaitOn::File(file) => self.unwatch(file, thread),
            WaitOn::Files(files) => {
                for file in files {
                    self.unwatch(file, thread);
                }
            }
            WaitOn::Epoll(file) => {
                if let Some(set) = self.epoll_set(file) {
                    set.waiters.retain(|&waiter| waiter != thread);
                }
            }
            WaitOn::Futex(process, address) => {
                if let Some(queue) = self.futexes.0.get_mut(&(process, address)) {
                    queue.retain(|&sleeper| sleeper != thread);
                    if queue.is_empty() {
                        self.futexes.0.remove(&(process, address));
                    }
                }
            }
            WaitOn::Aio(process) => {
                self.processes[process as usize].aio.waiters.retain(|&waiter| waiter != thread);
            }
            WaitOn::Join(other) => self.threads[other as usize].joiner = NONE,
        }
    }

    fn unwatch(&mut self, file: u32, thread: u32) {
        if let Some(file) = self.files.get_mut(file as usize) {
            file.watchers.retain(|watcher| !watcher.is_thread(thread));
        }
    }
}
