//! select, poll, epoll and eventfd, call by call.

use super::SimKernel;
use super::entry::{NOTHING, call, waiting_call_on};
use super::words::{nanoseconds, timeout_word, word};
use crate::scheduler::Step;
use crate::syscall::{descriptor, epoll, poll};
use crate::trace::Kind;
use crate::world::World;
use eagain_net::*;
use std::time::Duration;

/// What a wait has found, for the trace: descriptors and their events. Those of an epoll set are noted where they are found.
fn found(w: &mut World, all: impl Iterator<Item = (i32, u32)>) {
    for (fd, events) in all {
        descriptor::note_found(w, fd, events, 0);
    }
}

impl SimKernel {
    /// `epoll_wait(2)` of at most `max` events, which `put` is given as they are found, with their places from 0 on; where the wait is
    /// made again, from 0 on again.
    #[inline(always)]
    pub fn epoll_wait_each(
        &self,
        epoll: Fd,
        max: usize,
        timeout: Option<Duration>,
        mask: Option<SigSet>,
        mut put: impl FnMut(usize, EpollEvent),
    ) -> Result<usize> {
        let timeout = nanoseconds(timeout);
        let args = [word(epoll), max as u64, timeout_word(timeout), 0];
        let act = |w: &mut World, epoll, deadline: &mut _| {
            epoll::wait(w, epoll, max, timeout, mask, deadline, &mut put)
        };
        waiting_call_on(Kind::EpollWait, args, epoll, act, |_, _, _| None)
    }
}

impl Readiness for SimKernel {
    fn epoll_create(&self) -> Result<Fd> {
        call(Kind::EpollCreate, [0; 4], epoll::create)
    }

    fn epoll_ctl(&self, epoll: Fd, op: EpollOp, fd: Fd, events: Events, data: u64) -> Result<()> {
        let args = [word(epoll), op as u64, word(fd), u64::from(events.0)];
        call(Kind::EpollCtl, args, |w| epoll::ctl(w, epoll, op, fd, events, data))
    }

    fn epoll_wait(
        &self,
        epoll: Fd,
        events: &mut [EpollEvent],
        timeout: Option<Duration>,
        mask: Option<SigSet>,
    ) -> Result<usize> {
        self.epoll_wait_each(epoll, events.len(), timeout, mask, |at, event| events[at] = event)
    }

    fn poll(&self, fds: &mut [PollFd], timeout: Option<Duration>, mask: Option<SigSet>) -> Result<usize> {
        let timeout = nanoseconds(timeout);
        let args = [fds.len() as u64, timeout_word(timeout), 0, 0];
        let mut limit = poll::Limit::new(timeout);
        let act = |w: &mut World, _, polling: &mut _| {
            let step = poll::poll(w, fds, &mut limit, mask, polling);
            if let (true, Step::Done(Ok(_))) = (w.run.keeps_events(), &step) {
                let ready = fds.iter().filter(|entry| !entry.revents.is_empty());
                found(w, ready.map(|entry| (entry.fd.0, entry.revents.0)));
            }
            step
        };
        waiting_call_on(Kind::Poll, args, NOTHING, act, |_, _, _| None)
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
        let timeout = nanoseconds(timeout);
        let args = [nfds as u64, timeout_word(timeout), 0, 0];
        let asked = [&read, &write, &except].map(|set| set.as_deref().cloned().unwrap_or_default());
        let mut sets = [read, write, except];
        let mut limit = poll::Limit::new(timeout);
        let act = |w: &mut World, _, polling: &mut _| {
            let step = poll::select(w, nfds, &mut sets, &asked, &mut limit, mask, polling);
            if let (true, Step::Done(Ok(_))) = (w.run.keeps_events(), &step) {
                let sets = sets.iter().enumerate().filter_map(|(at, set)| Some((at, set.as_deref()?)));
                found(w, sets.flat_map(|(at, set)| set.iter().map(move |fd| (fd.0, 1 << at))));
            }
            step
        };
        waiting_call_on(Kind::Select, args, NOTHING, act, |_, _, _| None)
    }

    fn eventfd(&self, initial: u32, flags: SocketFlags) -> Result<Fd> {
        call(Kind::Eventfd, [u64::from(initial), flags.0 as u64, 0, 0], |w| epoll::eventfd(w, initial, flags))
    }
}
