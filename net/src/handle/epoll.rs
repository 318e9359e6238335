//! `epoll(7)`. The masks of each I/O model are in [`model`](crate::model).

use super::fd::descriptor;
use crate::{EpollEvent, EpollOp, Events, Fd, OwnedFd, Readiness, Result, SigSet};
use std::time::Duration;

/// An epoll set.
///
/// ```
/// use eagain_net::{Epoll, EpollEvent, EventFd, Events, Linux};
///
/// # fn main() -> eagain_net::Result<()> {
/// let counter = EventFd::new(Linux, 0)?;
/// let epoll = Epoll::new(Linux)?;
/// epoll.add(counter.fd(), Events::IN, 7)?;
/// counter.write(1)?;
/// let mut events = [EpollEvent::default(); 8];
/// assert_eq!(epoll.wait(&mut events, None)?, 1);
/// assert_eq!((events[0].data, events[0].events), (7, Events::IN));
/// # Ok(())
/// # }
/// ```
pub struct Epoll<K: Readiness> {
    fd: OwnedFd<K>,
}

descriptor!(Epoll, Readiness);

impl<K: Readiness> Epoll<K> {
    /// An empty set (`epoll_create1(2)`).
    pub fn new(kernel: K) -> Result<Epoll<K>> {
        Ok(Epoll { fd: OwnedFd::from_raw(kernel, kernel.epoll_create()?) })
    }

    /// Registers `fd`; `data` comes back with its events. `EEXIST`: it is registered.
    pub fn add(&self, fd: Fd, events: Events, data: u64) -> Result<()> {
        self.kernel().epoll_ctl(self.fd(), EpollOp::Add, fd, events, data)
    }

    /// Changes what is asked of `fd`, and arms it again. `ENOENT`: it is not registered.
    pub fn modify(&self, fd: Fd, events: Events, data: u64) -> Result<()> {
        self.kernel().epoll_ctl(self.fd(), EpollOp::Mod, fd, events, data)
    }

    /// Takes `fd` out. Closing its last descriptor does the same.
    pub fn delete(&self, fd: Fd) -> Result<()> {
        self.kernel().epoll_ctl(self.fd(), EpollOp::Del, fd, Events::NONE, 0)
    }

    /// Waits, and fills `events` from the front; how many. No timeout: for ever. `EINTR`: a signal came.
    pub fn wait(&self, events: &mut [EpollEvent], timeout: Option<Duration>) -> Result<usize> {
        self.kernel().epoll_wait(self.fd(), events, timeout, None)
    }

    /// As [`Epoll::wait`], with another signal mask meanwhile (`epoll_pwait(2)`).
    pub fn wait_masked(
        &self,
        events: &mut [EpollEvent],
        timeout: Option<Duration>,
        mask: SigSet,
    ) -> Result<usize> {
        self.kernel().epoll_wait(self.fd(), events, timeout, Some(mask))
    }
}
