//! `epoll(7)`, level-triggered, edge-triggered and one-shot. The kernel keeps the table, so that there is none here,
//! and no lock.

use super::table::RESERVED;
use super::{Event, Interest, Outcome, Poller, Waker};
use crate::{Epoll, EpollEvent, Errno, Events, Fd, Readiness, Result, Threads};
use std::time::Duration;

/// When epoll reports a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum EpollMode {
    /// As long as it is ready.
    Level,
    /// When something arrives, or space appears (`EPOLLET`).
    Edge,
    /// Once, until armed again (`EPOLLONESHOT`).
    Oneshot,
}

/// Readiness by `epoll(7)`.
pub struct EpollPoller<K: Readiness + Threads> {
    epoll: Epoll<K>,
    mode: EpollMode,
    waker: Waker<K>,
    /// Room for one wait. Taken, never waited for: a second thread that waits makes its own.
    room: std::sync::Mutex<Vec<EpollEvent>>,
}

/// At most as many events a turn; what remains is reported in the next.
const TURN: usize = 1024;

impl<K: Readiness + Threads> EpollPoller<K> {
    /// With nothing registered.
    pub fn new(kernel: K, mode: EpollMode) -> Result<EpollPoller<K>> {
        let epoll = Epoll::new(kernel)?;
        let waker = Waker::eventfd(kernel)?;
        if let Some(waker_fd) = waker.fd() {
            // Edge-triggered whatever the mode: each wake-up is reported once, and the counter is never read.
            epoll.add(waker_fd, Events::IN | Events::ET, RESERVED)?;
        }
        Ok(EpollPoller { epoll, mode, waker, room: std::sync::Mutex::new(Vec::new()) })
    }

    fn mask(&self, interest: Interest) -> Events {
        let mask = interest.mask();
        match self.mode {
            // A mask of nothing still reports HUP and ERR (epoll_ctl(2)): once is enough for who has paused.
            _ if interest.is_none() => mask | Events::ONESHOT,
            EpollMode::Level => mask,
            EpollMode::Edge => interest.mask_of_changes() | Events::ET,
            EpollMode::Oneshot => mask | Events::ONESHOT,
        }
    }
}

impl<K: Readiness + Threads> Poller<K> for EpollPoller<K> {
    fn register(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        if token == RESERVED {
            return Err(Errno::EINVAL);
        }
        self.epoll.add(fd, self.mask(interest), token)
    }

    fn modify(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        if token == RESERVED {
            return Err(Errno::EINVAL);
        }
        self.epoll.modify(fd, self.mask(interest), token)
    }

    fn rearm(&self, fd: Fd, token: u64, interest: Interest, outcome: Outcome) -> Result<()> {
        match (self.mode, outcome) {
            // It has reported HUP or ERR, which is always asked for, and would report it again to whoever arms it.
            _ if interest.is_none() => Ok(()),
            (EpollMode::Level, _) | (EpollMode::Edge, Outcome::Drained | Outcome::Nothing) => Ok(()),
            // MOD looks at the state afresh, and reports it if it is ready.
            (EpollMode::Edge, Outcome::More) | (EpollMode::Oneshot, _) => self.modify(fd, token, interest),
        }
    }

    fn pause(&self, fd: Fd, token: u64) -> Result<()> {
        match self.mode {
            EpollMode::Oneshot => Ok(()),
            EpollMode::Level | EpollMode::Edge => self.modify(fd, token, Interest::NONE),
        }
    }

    fn deregister(&self, fd: Fd) -> Result<()> {
        self.epoll.delete(fd)
    }

    fn forget(&self, _fd: Fd) {}

    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()> {
        events.clear();
        let (mut kept, mut own) = (self.room.try_lock().ok(), Vec::new());
        let room = kept.as_deref_mut().unwrap_or(&mut own);
        room.resize(TURN, EpollEvent::default());
        let count = match self.epoll.wait(room, timeout) {
            Ok(count) => count,
            Err(Errno::EINTR) => return Ok(()),
            Err(e) => return Err(e),
        };
        for event in room.iter().take(count) {
            if event.data == RESERVED {
                self.waker.seen(false);
            } else if self.mode == EpollMode::Edge {
                events.push(Event::of_change(event.data, event.events));
            } else {
                events.push(Event::from_mask(event.data, event.events));
            }
        }
        Ok(())
    }

    fn waker(&self) -> Waker<K> {
        self.waker.clone()
    }
}
