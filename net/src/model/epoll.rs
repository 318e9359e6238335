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
    /// Of one wait. Taken, never waited for: a second thread that waits makes its own.
    room: std::sync::Mutex<Room>,
}

/// What one wait needs.
#[derive(Default)]
struct Room {
    events: Vec<EpollEvent>,
    busy: BusyPoll,
}

/// Polling before sleeping. To sleep and to be woken costs both sides several microseconds, on a virtual machine above all, so that
/// it is cheaper to ask again for as long, where something comes soon. Where it does not, asking is given up for a while, which
/// doubles each time.
#[derive(Default)]
struct BusyPoll {
    /// How often is asked before a sleep; 0: never.
    polls_max: u32,
    /// So many waits sleep at once.
    rest: u32,
    /// As many as after the last time that nothing came.
    rest_last: u32,
}

/// After nothing has come for long, so many waits sleep at once.
const REST_MAX: u32 = 1023;

impl BusyPoll {
    /// How often this wait asks.
    fn polls(&mut self) -> u32 {
        if self.rest == 0 {
            return self.polls_max;
        }
        self.rest -= 1;
        0
    }

    /// Whether something came while it was asked.
    fn ended(&mut self, came: bool) {
        self.rest = if came { 0 } else { self.rest_last };
        self.rest_last = if came { 0 } else { (2 * self.rest_last + 1).min(REST_MAX) };
    }
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
        Ok(EpollPoller { epoll, mode, waker, room: std::sync::Mutex::default() })
    }

    /// From now on a wait asks up to `polls_max` times whether there is something before it sleeps; 0, as at first: it sleeps at
    /// once. Worth it for a thread that has a processor to itself (epoll_wait(2) with a timeout of 0; about 0.3 us each).
    pub fn set_busy_polls(&mut self, polls_max: u32) {
        let room = self.room.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        room.busy = BusyPoll { polls_max, ..BusyPoll::default() };
    }

    /// epoll_wait(2), after asking without waiting where that is worth it.
    fn wait_busily(&self, room: &mut Room, timeout: Option<Duration>) -> Result<usize> {
        let polls = if timeout == Some(Duration::ZERO) { 0 } else { room.busy.polls() };
        for _ in 0..polls {
            let count = self.epoll.wait(&mut room.events, Some(Duration::ZERO))?;
            if count > 0 {
                room.busy.ended(true);
                return Ok(count);
            }
        }
        if polls > 0 {
            room.busy.ended(false);
        }
        self.epoll.wait(&mut room.events, timeout)
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
        let (mut kept, mut own) = (self.room.try_lock().ok(), Room::default());
        let room = kept.as_deref_mut().unwrap_or(&mut own);
        room.events.resize(TURN, EpollEvent::default());
        let count = match self.wait_busily(room, timeout) {
            Ok(count) => count,
            Err(Errno::EINTR) => return Ok(()),
            Err(e) => return Err(e),
        };
        for event in room.events.iter().take(count) {
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
