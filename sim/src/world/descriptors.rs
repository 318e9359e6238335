//! Descriptors of the running process, and what a call works on: an open file by its number, one that another thread's operation
//! holds, and what a call holds while it waits.

use super::{BORROWED_FD, HELD_FD, NONE, World};
use crate::scheduler::{Event, Step};
use crate::syscall::descriptor;
use eagain_net::{Errno, Fd};

impl World {
    /// The open file of a descriptor of the running process.
    #[inline(always)]
    pub fn file(&self, fd: Fd) -> Result<u32, Errno> {
        let t = self.scheduler.running();
        if fd == HELD_FD {
            return t.held().ok_or(Errno::EBADF);
        }
        match self.processes[t.process()].fds.get(fd) {
            Some(file) => Ok(file),
            None if fd == BORROWED_FD && self.borrowed_file != NONE => Ok(self.borrowed_file),
            None => Err(Errno::EBADF),
        }
    }

    /// Whether a descriptor is free, before one is made: `EMFILE` where the table is full, or counts as full for a while.
    pub fn check_fd_free(&mut self) -> Result<(), Errno> {
        let (process, thread) = (self.my_process(), self.scheduler.current());
        self.processes[process].check_fd_free(&mut self.run, process, thread)
    }

    /// As [`World::check_fd_free`], for a call that makes two.
    pub fn check_two_fds_free(&mut self) -> Result<(), Errno> {
        self.check_fd_free()?;
        if self.me().fds.has_two_free() { Ok(()) } else { Err(Errno::EMFILE) }
    }

    /// What another limit of descriptors of the running process comes to.
    pub fn with_files_limit<T>(&mut self, limit: usize, act: impl FnOnce(&mut World) -> T) -> T {
        let before = self.me().fds.limit();
        self.me().fds.set_limit(limit as u64);
        let result = act(self);
        self.me().fds.set_limit(before as u64);
        result
    }

    /// The lowest free descriptor, made to refer to `file`. [`World::check_fd_free`] comes first.
    pub fn install_fd(&mut self, file: u32) -> Fd {
        self.me().fds.install(file)
    }

    /// Takes a descriptor out of the table of `process`; the file that it referred to.
    pub fn remove_fd(&mut self, process: u32, fd: Fd) -> Result<u32, Errno> {
        self.processes[process].fds.remove(fd)
    }

    /// Makes a call on behalf of `thread` on an open file that it holds, as if by a descriptor, without waiting.
    pub fn by_borrowed_fd<T>(
        &mut self,
        thread: u32,
        file: u32,
        act: impl FnOnce(&mut World, Fd) -> Step<T>,
    ) -> Result<T, Errno> {
        let before = (self.scheduler.act_as(thread), std::mem::replace(&mut self.borrowed_file, file));
        let status = self.files[file].unblock();
        let step = act(self, BORROWED_FD);
        self.files[file].restore(status);
        self.scheduler.act_as(before.0);
        self.borrowed_file = before.1;
        match step {
            Step::Done(result) => result,
            Step::Wait => Err(Errno::EAGAIN),
        }
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
        self.scheduler.running_mut().hold(file);
    }

    /// What refers to an open file is gone: the file, with the last of it, when the running thread is back in the program
    /// ([`World::leave_call`]).
    pub fn let_go_later(&mut self, file: u32) {
        let me = self.scheduler.current();
        match self.scheduler.get(me).is_some_and(|thread| !thread.is_waiting()) {
            true => self.scheduler.running_mut().hold(file),
            false => descriptor::release_file(self, file),
        }
    }

    /// The lowest free descriptor is the one that the running thread's call will return. [`World::check_fd_free`] comes
    /// first.
    pub fn reserve_fd(&mut self) {
        let fd = self.me().fds.reserve();
        self.scheduler.running_mut().reserve(fd);
    }

    /// The descriptor that the running thread's call has reserved, made to refer to `file`; else the lowest free one.
    pub fn install_reserved_fd(&mut self, file: u32) -> Fd {
        match self.scheduler.running_mut().take_reserved() {
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
        while let Some(file) = self.scheduler[thread].let_go() {
            descriptor::release_file(self, file);
        }
    }

    /// The call of `thread` is over. What nothing else refers to goes when the thread is back in the program (`fput` leaves it to
    /// `task_work_run`): whoever was woken by the same event finds it still there.
    #[inline(always)]
    pub fn leave_call(&mut self, thread: u32) {
        self.unreserve_fd(thread);
        while let Some(file) = self.scheduler[thread].let_go() {
            if self.files[file].is_shared() {
                descriptor::release_file(self, file);
            } else {
                let back = self.scheduler[thread].time();
                self.scheduler.plan(back, Event::Release(file));
            }
        }
    }

    #[inline(always)]
    fn unreserve_fd(&mut self, thread: u32) {
        if let Some(fd) = self.scheduler[thread].take_reserved() {
            let process = self.scheduler[thread].process();
            self.processes[process].fds.unreserve(fd);
        }
    }
}
