//! The non-blocking model: nothing reports what is ready, so that everything is tried, again and again. A turn in which
//! nothing could be done is followed by a pause, twice as long each time, or a server at rest would burn its core. So a
//! pause is about as long as nothing has moved, up to [`PAUSE_MAX`]: under load there is none, an answer to somebody who
//! was silent for a while takes up to as much longer, and at rest there are fifty scans a second.

use super::table::Table;
use super::{Event, Interest, Outcome, Poller, Waker};
use crate::sync::Mutex;
use crate::{Errno, Fd, Readiness, Result, Threads};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// The longest pause between two scans, hence the most that this model adds to the time of an answer.
const PAUSE_MAX: Duration = Duration::from_millis(20);
/// The first pause.
const PAUSE_MIN: Duration = Duration::from_micros(1);

/// Everything that is registered is worth a try, in every turn.
pub struct ScanPoller<K: Readiness + Threads> {
    waker: Waker<K>,
    /// Whether the turn that is being handled has done something.
    progress: AtomicBool,
    state: Mutex<K, State>,
}

struct State {
    table: Table<()>,
    /// Before the next scan; zero while there is something to do.
    pause: Duration,
    /// Whether the loop sleeps, or is about to.
    waiting: bool,
    /// Whether it sleeps until something is to be tried, and not just for a pause.
    at_rest: bool,
}

impl<K: Readiness + Threads> ScanPoller<K> {
    /// With nothing registered.
    pub fn new(kernel: K) -> ScanPoller<K> {
        let state = State { table: Table::new(), pause: Duration::ZERO, waiting: false, at_rest: false };
        ScanPoller {
            waker: Waker::futex(kernel),
            progress: AtomicBool::new(true),
            state: Mutex::new(kernel, state),
        }
    }

    /// Something new is to be tried: no pause before that.
    fn changed(&self, waiting: bool) {
        self.progress.store(true, SeqCst);
        if waiting {
            let _ = self.waker.wake();
        }
    }
}

impl<K: Readiness + Threads> Poller<K> for ScanPoller<K> {
    fn register(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        let mut state = self.state.lock();
        state.table.insert(fd, token, interest, ())?;
        self.changed(state.waiting);
        Ok(())
    }

    fn modify(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        let mut state = self.state.lock();
        state.table.set(fd, token, interest)?;
        self.changed(state.waiting);
        Ok(())
    }

    fn rearm(&self, _fd: Fd, _token: u64, _interest: Interest, outcome: Outcome) -> Result<()> {
        if outcome != Outcome::Nothing {
            self.progress.store(true, SeqCst);
        }
        Ok(())
    }

    fn pause(&self, fd: Fd, token: u64) -> Result<()> {
        self.state.lock().table.set(fd, token, Interest::NONE).map(drop)
    }

    fn resume(&self, fd: Fd, token: u64, interest: Interest, outcome: Outcome) -> Result<()> {
        let mut state = self.state.lock();
        state.table.set(fd, token, interest)?;
        if outcome != Outcome::Nothing {
            self.changed(state.waiting);
        } else if state.at_rest {
            self.waker.wake()?;
        }
        Ok(())
    }

    fn deregister(&self, fd: Fd) -> Result<()> {
        self.state.lock().table.remove(fd).map(drop).ok_or(Errno::ENOENT)
    }

    fn forget(&self, fd: Fd) {
        self.state.lock().table.remove(fd);
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()> {
        events.clear();
        let mut state = self.state.lock();
        let idle = !self.progress.swap(false, SeqCst);
        state.pause = if idle { (state.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX) } else { Duration::ZERO };
        loop {
            // With nothing to try there is nothing to wake up for, but what is registered, resumed or woken meanwhile.
            let at_rest = state.table.iter().all(|(_, entry)| entry.interest.is_none());
            let pause = timeout.map_or(state.pause, |most| most.min(state.pause));
            let sleep = if at_rest { timeout } else { Some(pause) };
            if sleep != Some(Duration::ZERO) {
                (state.waiting, state.at_rest) = (true, at_rest);
                drop(state);
                self.waker.sleep(sleep);
                state = self.state.lock();
                (state.waiting, state.at_rest) = (false, false);
            }
            // Woken by somebody who had nothing to do: the pause is still due.
            let tries = state.table.iter().any(|(_, entry)| !entry.interest.is_none());
            if !(at_rest && tries && idle && !self.progress.load(SeqCst)) {
                break;
            }
            self.waker.seen(true);
        }
        self.waker.seen(true);
        for (_, entry) in state.table.iter() {
            let Interest { readable, writable } = entry.interest;
            if readable || writable {
                let token = entry.token;
                events.push(Event { token, readable, writable, closed: false, until_eagain: false });
            }
        }
        Ok(())
    }

    fn waker(&self) -> Waker<K> {
        self.waker.clone()
    }
}
