//! Waking threads: whatever ends a wait takes the thread out of every list that it is in.

use super::{NONE, World};
use crate::scheduler::{WaitOn, Wake};
use crate::syscall::epoll;

impl World {
    /// The running thread waits from now on, until `deadline` at the latest.
    #[inline]
    pub fn wait(&mut self, on: WaitOn, deadline: Option<u64>) {
        self.scheduler.wait(on, deadline);
    }

    /// Ends the wait of `thread`, if it waits.
    pub fn wake(&mut self, thread: u32, why: Wake) {
        if self.scheduler[thread].is_waiting() {
            self.stop_waiting(thread);
            self.scheduler.make_ready(&mut self.run, thread, why);
        }
    }

    /// An entry for the deadline of a thread is due.
    pub fn deadline(&mut self, thread: u32) {
        if self.scheduler.deadline_is_due(thread, self.run.now()) {
            self.wake(thread, Wake::Deadline);
        }
    }

    /// Takes `thread` out of wherever it is listed.
    pub fn stop_waiting(&mut self, thread: u32) {
        match self.scheduler.take_wait(thread) {
            WaitOn::Nothing => {}
            WaitOn::Signals => self.scheduler[thread].signals.set_awaited(eagain_net::SigSet::EMPTY),
            WaitOn::File(file) => self.unwatch(file, thread),
            WaitOn::Files(files) => {
                for file in files {
                    self.unwatch(file, thread);
                }
            }
            WaitOn::Epoll(file) => {
                if let Some(set) = epoll::get(self, file) {
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
                self.processes[process].aio.waiters.retain(|&waiter| waiter != thread);
            }
            WaitOn::Join(other) => self.scheduler[other].joiner = NONE,
        }
    }

    fn unwatch(&mut self, file: u32, thread: u32) {
        self.files.unwatch(file, |watcher| watcher.is_thread(thread));
    }
}
