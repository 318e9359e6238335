//! `poll(2)`: a list of any length, given anew in each call.

use super::table::Table;
use super::{Event, Interest, Outcome, Poller, Waker};
use crate::sync::Mutex;
use crate::{Errno, Events, Fd, PollFd, Readiness, Result, Threads};
use std::time::Duration;

/// Readiness by `poll(2)`; level-triggered.
pub struct PollPoller<K: Readiness + Threads> {
    kernel: K,
    waker: Waker<K>,
    state: Mutex<K, State>,
}

struct State {
    /// Each entry's own: its place in `list`.
    table: Table<usize>,
    /// The waker first; then one for each entry of the table. What is paused has a negative number, `!fd`, which
    /// poll(2) skips: a mask of nothing would still report HUP and ERR, again and again.
    list: Vec<PollFd>,
    /// The list of the last wait, kept for its memory.
    spare: Vec<PollFd>,
    /// Whether a wait has begun with an older state of the list.
    waiting: bool,
}

impl State {
    fn apply(&mut self, at: usize, fd: Fd, interest: Interest) {
        if let Some(asked) = self.list.get_mut(at) {
            *asked = PollFd::new(if interest.is_none() { Fd(!fd.0) } else { fd }, interest.mask());
        }
    }

    fn remove(&mut self, fd: Fd) -> Result<()> {
        let at = self.table.remove(fd).ok_or(Errno::ENOENT)?.own;
        self.list.swap_remove(at);
        if let Some(moved) = self.list.get(at) {
            let moved = Fd(moved.fd.0.max(!moved.fd.0));
            if let Some(entry) = self.table.get_mut(moved) {
                entry.own = at;
            }
        }
        Ok(())
    }
}

impl<K: Readiness + Threads> PollPoller<K> {
    /// With nothing registered.
    pub fn new(kernel: K) -> Result<PollPoller<K>> {
        let waker = Waker::eventfd(kernel)?;
        let list = vec![PollFd::new(waker.fd().unwrap_or(Fd(-1)), Events::IN)];
        let state = State { table: Table::new(), list, spare: Vec::new(), waiting: false };
        Ok(PollPoller { kernel, waker, state: Mutex::new(kernel, state) })
    }

    fn changed(&self, waiting: bool) -> Result<()> {
        if waiting { self.waker.wake() } else { Ok(()) }
    }
}

impl<K: Readiness + Threads> Poller<K> for PollPoller<K> {
    fn register(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        let mut state = self.state.lock();
        let at = state.list.len();
        state.table.insert(fd, token, interest, at)?;
        state.list.push(PollFd::new(fd, Events::NONE));
        state.apply(at, fd, interest);
        self.changed(state.waiting)
    }

    fn modify(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        let mut state = self.state.lock();
        let at = state.table.set(fd, token, interest)?.own;
        state.apply(at, fd, interest);
        self.changed(state.waiting)
    }

    fn rearm(&self, _fd: Fd, _token: u64, _interest: Interest, _outcome: Outcome) -> Result<()> {
        Ok(())
    }

    fn pause(&self, fd: Fd, token: u64) -> Result<()> {
        let mut state = self.state.lock();
        let at = state.table.set(fd, token, Interest::NONE)?.own;
        state.apply(at, fd, Interest::NONE);
        Ok(())
    }

    fn deregister(&self, fd: Fd) -> Result<()> {
        let mut state = self.state.lock();
        state.remove(fd)?;
        self.changed(state.waiting)
    }

    fn forget(&self, fd: Fd) {
        let _ = self.deregister(fd);
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()> {
        events.clear();
        let mut state = self.state.lock();
        state.waiting = true;
        let mut asked = std::mem::take(&mut state.spare);
        asked.clear();
        asked.extend_from_slice(&state.list);
        drop(state);
        let polled = self.kernel.poll(&mut asked, timeout, None);
        let mut state = self.state.lock();
        state.waiting = false;
        match polled {
            Ok(mut count) => {
                for (at, asked) in asked.iter().enumerate() {
                    if count == 0 {
                        break;
                    }
                    if asked.revents.is_empty() {
                        continue;
                    }
                    count -= 1;
                    if at == 0 {
                        self.waker.seen(true);
                        continue;
                    }
                    // Another thread may have taken it out, or paused it, since the wait began.
                    let Some(entry) = state.table.get(asked.fd) else { continue };
                    if !entry.interest.is_none() {
                        events.push(Event::from_mask(entry.token, asked.revents));
                    }
                }
            }
            Err(Errno::EINTR) => {}
            Err(e) => {
                state.spare = asked;
                return Err(e);
            }
        }
        state.spare = asked;
        Ok(())
    }

    fn waker(&self) -> Waker<K> {
        self.waker.clone()
    }
}
