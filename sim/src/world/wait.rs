//! Waking threads: whatever ends a wait takes the thread out of every list that it is in. And what a call holds meanwhile.

use super::{NONE, World};
use crate::scheduler::{Event, WaitOn, Wake};
use crate::syscall::{descriptor, epoll, lock};
use eagain_net::Fd;

impl World {
    /// The running thread waits from now on, until `deadline` at the latest.
    #[inline(always)]
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
    #[inline(always)]
    pub fn stop_waiting(&mut self, thread: u32) {
        match self.scheduler.take_wait(thread) {
            WaitOn::Nothing => {}
            WaitOn::File(file) => self.unwatch(file, thread),
            WaitOn::Epoll(file) => epoll::waits_no_more(self, file, thread),
            other => self.stop_waiting_on(thread, other),
        }
    }

    /// As [`World::stop_waiting`], of what fewer wait for.
    #[inline(never)]
    fn stop_waiting_on(&mut self, thread: u32, on: WaitOn) {
        match on {
            WaitOn::Nothing | WaitOn::Epoll(_) | WaitOn::File(_) => {}
            WaitOn::Signals => self.scheduler[thread].signals.set_awaited(eagain_net::SigSet::EMPTY),
            WaitOn::Files(files) => {
                for file in files {
                    self.unwatch(file, thread);
                }
            }
            WaitOn::Futex(process, address) => self.futexes.remove((process, address), thread),
            WaitOn::Aio(process) => self.processes[process].aio.wait_no_more(thread),
            WaitOn::Join(other) => self.scheduler[other].joiner = NONE,
            WaitOn::Lock => lock::waits_no_more(self, thread),
        }
    }

    fn unwatch(&mut self, file: u32, thread: u32) {
        self.files.unwatch(file, |watcher| watcher.is_thread(thread));
    }

    // What a call holds while it waits: its open files, so that they outlive their numbers (`fget`, `fput`), and the number
    // that `accept4` will return. It lets go of them when it returns, and before a handler runs.

    /// The running thread's call holds the open file of `fd`, if that has one: [`super::HELD_FD`] from now on.
    #[inline(always)]
    pub fn hold(&mut self, fd: Fd) {
        if let Ok(file) = self.file(fd) {
            self.hold_file(file);
        }
    }

    /// The running thread's call holds an open file.
    #[inline(always)]
    pub fn hold_file(&mut self, file: u32) {
        self.files.hold(file);
        self.scheduler.running_mut().holds.push(file);
    }

    /// What refers to an open file is gone: the file, with the last of it, when the running thread is back in the program
    /// ([`World::leave_call`]).
    pub fn let_go_later(&mut self, file: u32) {
        let me = self.scheduler.current();
        match self.scheduler.get(me).is_some_and(|thread| !thread.is_waiting()) {
            true => self.scheduler.running_mut().holds.push(file),
            false => descriptor::release_file(self, file),
        }
    }

    /// The lowest free descriptor is the one that the running thread's call will return. [`World::check_fd_free`] comes
    /// first.
    pub fn reserve_fd(&mut self) {
        let fd = self.me().fds.reserve();
        self.scheduler.running_mut().reserved = Some(fd);
    }

    /// The descriptor that the running thread's call has reserved, made to refer to `file`; else the lowest free one.
    pub fn install_reserved_fd(&mut self, file: u32) -> Fd {
        match self.scheduler.running_mut().reserved.take() {
            Some(fd) => {
                self.me().fds.install_reserved(fd, file);
                fd
            }
            None => self.install_fd(file),
        }
    }

    /// The call of `thread` is given up, or begins anew.
    pub fn let_go(&mut self, thread: u32) {
        self.unreserve_fd(thread);
        while let Some(file) = self.scheduler[thread].holds.pop() {
            descriptor::release_file(self, file);
        }
    }

    /// The call of `thread` is over. What nothing else refers to goes when the thread is back in the program (`fput` leaves it to
    /// `task_work_run`): whoever was woken by the same event finds it still there.
    #[inline(always)]
    pub fn leave_call(&mut self, thread: u32) {
        self.unreserve_fd(thread);
        while let Some(file) = self.scheduler[thread].holds.pop() {
            if self.files[file].is_shared() {
                descriptor::release_file(self, file);
            } else {
                let back = self.scheduler[thread].time;
                self.scheduler.plan(back, Event::Release(file));
            }
        }
    }

    #[inline(always)]
    fn unreserve_fd(&mut self, thread: u32) {
        if let Some(fd) = self.scheduler[thread].reserved.take() {
            let process = self.scheduler[thread].process;
            self.processes[process].fds.unreserve(fd);
        }
    }
}
