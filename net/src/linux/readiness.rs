//! select, poll, epoll and eventfd.

use super::sys::time::to_timespec;
use super::{Linux, sys};
use crate::{EpollEvent, EpollOp, Events, Fd, FdSet, PollFd, Readiness, Result, SigSet, SocketFlags};
use std::time::Duration;

/// As many entries of a poll are translated on the stack; more go to the heap.
const ON_STACK: usize = 256;

impl Readiness for Linux {
    fn epoll_create(&self) -> Result<Fd> {
        sys::readiness::epoll_create()
    }

    fn epoll_ctl(&self, epoll: Fd, op: EpollOp, fd: Fd, events: Events, data: u64) -> Result<()> {
        sys::readiness::epoll_ctl(epoll, op as i32, fd, events, data)
    }

    fn epoll_wait(
        &self,
        epoll: Fd,
        events: &mut [EpollEvent],
        timeout: Option<Duration>,
        mask: Option<SigSet>,
    ) -> Result<usize> {
        sys::readiness::epoll_wait(epoll, events, timeout.map(to_timespec), mask)
    }

    fn poll(&self, fds: &mut [PollFd], timeout: Option<Duration>, mask: Option<SigSet>) -> Result<usize> {
        let empty = libc::pollfd { fd: -1, events: 0, revents: 0 };
        let (mut few, mut many);
        let raw: &mut [libc::pollfd] = if fds.len() <= ON_STACK {
            few = [empty; ON_STACK];
            &mut few[..fds.len()]
        } else {
            many = vec![empty; fds.len()];
            &mut many
        };
        for (raw, asked) in raw.iter_mut().zip(fds.iter()) {
            // poll(2) knows 16 bits; those above are epoll's alone.
            *raw = libc::pollfd { fd: asked.fd.0, events: asked.events.0 as i16, revents: 0 };
        }
        let count = sys::readiness::ppoll(raw, timeout.map(to_timespec), mask)?;
        for (asked, raw) in fds.iter_mut().zip(raw.iter()) {
            asked.revents = Events(u32::from(raw.revents as u16));
        }
        Ok(count)
    }

    fn select(
        &self,
        nfds: i32,
        read: Option<&mut FdSet>,
        write: Option<&mut FdSet>,
        except: Option<&mut FdSet>,
        timeout: Option<Duration>,
        mask: Option<SigSet>,
    ) -> Result<usize> {
        sys::readiness::pselect(nfds, read, write, except, timeout.map(to_timespec), mask)
    }

    fn eventfd(&self, initial: u32, flags: SocketFlags) -> Result<Fd> {
        sys::readiness::eventfd(initial, flags.0)
    }
}
