//! What a call holds while it waits: its open files, so that they outlive their numbers (`fget`, `fput`), and the number
//! that `accept4` will return. It lets go of them when it returns, and before a handler runs.

use super::World;
use crate::syscall::descriptor;
use eagain_net::Fd;

impl World {
    /// The running thread's call holds the open file of `fd`, if that has one: [`super::HELD_FD`] from now on.
    pub fn hold(&mut self, fd: Fd) {
        if let Ok(file) = self.file(fd) {
            self.hold_file(file);
        }
    }

    /// The running thread's call holds an open file.
    pub fn hold_file(&mut self, file: u32) {
        self.files.hold(file);
        self.scheduler.running_mut().holds.push(file);
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

    /// The call of `thread` is over, or begins anew.
    pub fn let_go(&mut self, thread: u32) {
        let t = &mut self.scheduler[thread];
        let process = t.process;
        if let Some(fd) = t.reserved.take() {
            self.processes[process].fds.unreserve(fd);
        }
        while let Some(file) = self.scheduler[thread].holds.pop() {
            descriptor::release_file(self, file);
        }
    }
}
