//! `select(2)`: three sets of 1024 bits, given anew in each call. A descriptor from 1024 on is refused.

use super::table::Table;
use super::{Event, Interest, Outcome, Poller, Waker};
use crate::sync::Mutex;
use crate::{Errno, Fd, FdSet, Readiness, Result, Threads};
use std::time::Duration;

/// Readiness by `select(2)`; level-triggered.
pub struct SelectPoller<K: Readiness + Threads> {
    kernel: K,
    waker: Waker<K>,
    state: Mutex<K, State>,
}

struct State {
    table: Table<()>,
    /// The waker, and what is to be read.
    read: FdSet,
    /// What is to be written.
    write: FdSet,
    /// One more than the highest descriptor in the sets, or above that.
    nfds: i32,
    /// Whether a wait has begun with an older state of the sets.
    waiting: bool,
    /// Whether one was taken out since the wait began.
    stale: bool,
}

impl State {
    fn apply(&mut self, fd: Fd, interest: Interest) {
        self.read.remove(fd);
        self.write.remove(fd);
        let fits =
            (!interest.readable || self.read.insert(fd)) && (!interest.writable || self.write.insert(fd));
        debug_assert!(fits, "refused when it was registered");
        self.nfds = self.nfds.max(fd.0 + 1);
    }
}

impl<K: Readiness + Threads> SelectPoller<K> {
    /// With nothing registered. `EINVAL`: the waker's own descriptor is beyond 1023.
    pub fn new(kernel: K) -> Result<SelectPoller<K>> {
        let waker = Waker::eventfd(kernel)?;
        let mut state = State {
            table: Table::new(),
            read: FdSet::default(),
            write: FdSet::default(),
            nfds: 0,
            waiting: false,
            stale: false,
        };
        if let Some(waker_fd) = waker.fd() {
            if !state.read.insert(waker_fd) {
                return Err(Errno::EINVAL);
            }
            state.nfds = waker_fd.0 + 1;
        }
        Ok(SelectPoller { kernel, waker, state: Mutex::new(kernel, state) })
    }

    fn changed(&self, waiting: bool) -> Result<()> {
        if waiting { self.waker.wake() } else { Ok(()) }
    }
}

impl<K: Readiness + Threads> Poller<K> for SelectPoller<K> {
    fn register(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        // select(2): FD_SETSIZE is 1024.
        if fd.0 >= FdSet::SIZE {
            return Err(Errno::EINVAL);
        }
        let mut state = self.state.lock();
        state.table.insert(fd, token, interest, ())?;
        state.apply(fd, interest);
        self.changed(state.waiting)
    }

    fn modify(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        let mut state = self.state.lock();
        state.table.set(fd, token, interest)?;
        state.apply(fd, interest);
        self.changed(state.waiting)
    }

    fn rearm(&self, _fd: Fd, _token: u64, _interest: Interest, _outcome: Outcome) -> Result<()> {
        Ok(())
    }

    fn pause(&self, fd: Fd, token: u64) -> Result<()> {
        let mut state = self.state.lock();
        state.table.set(fd, token, Interest::NONE)?;
        state.apply(fd, Interest::NONE);
        Ok(())
    }

    fn deregister(&self, fd: Fd) -> Result<()> {
        let mut state = self.state.lock();
        state.table.remove(fd).ok_or(Errno::ENOENT)?;
        state.apply(fd, Interest::NONE);
        state.stale = true;
        // A wait that goes on with a closed descriptor in its sets is unspecified (select(2), NOTES).
        self.changed(state.waiting)
    }

    fn forget(&self, fd: Fd) {
        let _ = self.deregister(fd);
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()> {
        events.clear();
        let mut state = self.state.lock();
        state.waiting = true;
        let (mut read, mut write, nfds) = (state.read.clone(), state.write.clone(), state.nfds);
        state.stale = false;
        drop(state);
        let selected = self.kernel.select(nfds, Some(&mut read), Some(&mut write), None, timeout, None);
        let mut state = self.state.lock();
        state.waiting = false;
        match selected {
            Ok(_) => {}
            // What is in the sets after an error is unspecified: look at none of it.
            Err(Errno::EINTR) => return Ok(()),
            // Another thread has taken one out and closed it, after the sets were copied and before the call.
            Err(Errno::EBADF) if state.stale => return Ok(()),
            Err(e) => return Err(e),
        }
        if let Some(waker_fd) = self.waker.fd().filter(|&waker_fd| read.contains(waker_fd)) {
            read.remove(waker_fd);
            self.waker.seen(true);
        }
        for (at, (&r, &w)) in read.bits.iter().zip(&write.bits).enumerate() {
            let mut both = r | w;
            while both != 0 {
                let bit = both.trailing_zeros();
                both &= both - 1;
                let fd = Fd(at as i32 * 64 + bit as i32);
                // Another thread may have taken it out, or paused it, since the wait began.
                let Some(entry) = state.table.get(fd) else { continue };
                let readable = entry.interest.readable && r >> bit & 1 == 1;
                let writable = entry.interest.writable && w >> bit & 1 == 1;
                if readable || writable {
                    let token = entry.token;
                    events.push(Event { token, readable, writable, closed: false, until_eagain: false });
                }
            }
        }
        Ok(())
    }

    fn waker(&self) -> Waker<K> {
        self.waker.clone()
    }
}
