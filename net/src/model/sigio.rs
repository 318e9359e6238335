//! The signal-driven model: a descriptor with `O_ASYNC` sends its owner a real-time signal when something happens, and
//! the loop waits for signals. What makes it hard, and how it is met here:
//!
//! - Signals queue up, and outlive the descriptor that they name: whatever they say is checked by one `poll(2)` of those
//!   named in a turn, so that a number that has meanwhile become another file is asked for what it is now.
//! - The queue is finite (`RLIMIT_SIGPENDING`); what does not fit becomes one plain SIGIO without a name. Then
//!   everything is looked at.
//! - They report changes, not states: enabling `O_ASYNC` with data already there sends nothing. So whatever is new, has
//!   changed or may have more to do is on a list that the next wait looks at first.
//! - Only sockets (and terminals, pipes) send them; an eventfd, timerfd or signalfd does not.

use super::table::Table;
use super::{Event, Interest, Outcome, Poller, Waker};
use crate::sync::{Mutex, MutexGuard};
use crate::{
    Errno, Fd, MaskHow, Owner, PollFd, Readiness, Result, SigSet, Signal, Signals, StatusFlags, ThreadId,
    Threads,
};
use std::time::Duration;

/// The signals that a poller uses. They are blocked in its thread, and stay so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SigioSignals {
    /// Names a descriptor; a real-time signal. Default: SIGRTMIN+6.
    pub ready: Signal,
    /// Ends a wait from elsewhere. Default: SIGURG, which does nothing to a thread that has not blocked it.
    pub wake: Signal,
}

impl Default for SigioSignals {
    fn default() -> SigioSignals {
        SigioSignals { ready: Signal(Signal::SIGRTMIN.0 + 6), wake: Signal::SIGURG }
    }
}

/// Readiness by signals, for the thread that made it. Each loop's signals go to its own thread, so that several loops
/// may use the same numbers.
pub struct SigioPoller<K: Readiness + Signals + Threads> {
    kernel: K,
    signals: SigioSignals,
    waker: Waker<K>,
    state: Mutex<K, State>,
}

/// What is kept of a descriptor.
#[derive(Clone, Copy, Debug)]
struct Own {
    /// Whether its signals were turned on.
    armed: bool,
    /// Whether it is on the list.
    listed: bool,
}

struct State {
    table: Table<Own>,
    /// What the next wait looks at, signal or not. May name descriptors that are gone, and one twice.
    list: Vec<Fd>,
    /// Room for one poll.
    asked: Vec<PollFd>,
    /// Whether a wait has begun with an older state of the list.
    waiting: bool,
}

impl State {
    /// Puts it on the list, once.
    fn list(&mut self, fd: Fd) {
        if let Some(entry) = self.table.get_mut(fd).filter(|entry| !entry.own.listed) {
            entry.own.listed = true;
            self.list.push(fd);
        }
    }

    fn list_all(&mut self) {
        let all: Vec<Fd> = self.table.iter().map(|(fd, _)| fd).collect();
        all.into_iter().for_each(|fd| self.list(fd));
    }
}

/// At most as many signals a turn; those that remain are queued.
const TURN: usize = 1024;

impl<K: Readiness + Signals + Threads> SigioPoller<K> {
    /// With nothing registered, and the default signals.
    pub fn new(kernel: K) -> Result<SigioPoller<K>> {
        Self::with_signals(kernel, SigioSignals::default())
    }

    /// With these signals. Blocks them, and SIGIO, in the calling thread, which is the one to wait.
    pub fn with_signals(kernel: K, signals: SigioSignals) -> Result<SigioPoller<K>> {
        kernel.sigprocmask(MaskHow::Block, Self::set_of(signals))?;
        let send = |kernel: K, thread: ThreadId, signal| kernel.tgkill(thread, signal);
        let waker = Waker::signal(kernel, kernel.gettid(), signals.wake, send);
        let state = State { table: Table::new(), list: Vec::new(), asked: Vec::new(), waiting: false };
        Ok(SigioPoller { kernel, signals, waker, state: Mutex::new(kernel, state) })
    }

    fn set_of(signals: SigioSignals) -> SigSet {
        SigSet::of(&[signals.ready, signals.wake, Signal::SIGIO])
    }

    /// Turns the signals of `fd` on. Must be done by the thread that waits: they go to it.
    fn arm(&self, fd: Fd) -> Result<()> {
        self.kernel.fcntl_setown(fd, Owner::ThisThread)?;
        self.kernel.fcntl_setsig(fd, Some(self.signals.ready))?;
        let flags = self.kernel.fcntl_getfl(fd)?;
        self.kernel.fcntl_setfl(fd, flags | StatusFlags::ASYNC)
    }

    fn changed(&self, state: &mut State, fd: Fd) -> Result<()> {
        state.list(fd);
        if state.waiting { self.waker.wake() } else { Ok(()) }
    }

    /// Looks at all that is on the list, and empties it. Whoever is not ready will send a signal when that changes.
    fn look<'a>(
        &'a self,
        mut state: MutexGuard<'a, K, State>,
        events: &mut Vec<Event>,
    ) -> Result<MutexGuard<'a, K, State>> {
        let list = std::mem::take(&mut state.list);
        let mut asked = std::mem::take(&mut state.asked);
        asked.clear();
        for &fd in &list {
            // A number that was taken out and put in again is on the list twice, and one that is asked for twice may be
            // one too many: poll(2) takes no more than RLIMIT_NOFILE.
            let Some(entry) = state.table.get_mut(fd).filter(|entry| entry.own.listed) else { continue };
            entry.own.listed = false;
            // Before poll: what happens from here on is reported by one or the other.
            if !entry.own.armed {
                match self.arm(fd) {
                    Ok(()) => entry.own.armed = true,
                    Err(_) => {
                        let token = entry.token;
                        events.push(Event {
                            token,
                            readable: true,
                            writable: true,
                            closed: true,
                            until_eagain: true,
                        });
                        continue;
                    }
                }
            }
            if !entry.interest.is_none() {
                asked.push(PollFd::new(fd, entry.interest.mask_of_changes()));
            }
        }
        drop(state);
        let polled = match asked.is_empty() {
            true => Ok(0),
            false => self.kernel.poll(&mut asked, Some(Duration::ZERO), None),
        };
        let mut state = self.state.lock();
        match polled {
            Ok(_) => {
                for asked in asked.iter().filter(|asked| !asked.revents.is_empty()) {
                    if let Some(entry) = state.table.get(asked.fd).filter(|entry| !entry.interest.is_none()) {
                        events.push(Event::of_change(entry.token, asked.revents));
                    }
                }
            }
            // Nothing was learnt: look again the next time.
            Err(_) => asked.iter().for_each(|asked| state.list(asked.fd)),
        }
        state.asked = asked;
        if state.list.is_empty() {
            state.list = list;
            state.list.clear();
        }
        match polled {
            Ok(_) | Err(Errno::EINTR) => Ok(state),
            Err(e) => Err(e),
        }
    }
}

impl<K: Readiness + Signals + Threads> Poller<K> for SigioPoller<K> {
    fn register(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        let mut state = self.state.lock();
        state.table.insert(fd, token, interest, Own { armed: false, listed: false })?;
        self.changed(&mut state, fd)
    }

    fn modify(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        let mut state = self.state.lock();
        state.table.set(fd, token, interest)?;
        self.changed(&mut state, fd)
    }

    fn rearm(&self, fd: Fd, _token: u64, _interest: Interest, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Nothing | Outcome::Drained => Ok(()),
            Outcome::More => self.changed(&mut self.state.lock(), fd),
        }
    }

    fn pause(&self, fd: Fd, token: u64) -> Result<()> {
        self.state.lock().table.set(fd, token, Interest::NONE).map(drop)
    }

    fn deregister(&self, fd: Fd) -> Result<()> {
        let entry = self.state.lock().table.remove(fd).ok_or(Errno::ENOENT)?;
        if entry.own.armed {
            let flags = self.kernel.fcntl_getfl(fd)?;
            self.kernel.fcntl_setfl(fd, flags.without(StatusFlags::ASYNC))?;
        }
        Ok(())
    }

    fn forget(&self, fd: Fd) {
        self.state.lock().table.remove(fd);
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()> {
        events.clear();
        let mut state = self.state.lock();
        state.waiting = true;
        if !state.list.is_empty() {
            state = self.look(state, events)?;
        }
        // Something to do already, or something new came onto the list meanwhile: do not wait, only collect.
        let ready = !events.is_empty() || !state.list.is_empty();
        drop(state);
        let mut timeout = if ready { Some(Duration::ZERO) } else { timeout };
        let set = Self::set_of(self.signals);
        let mut named = Vec::new();
        let (mut overflow, mut failed) = (false, None);
        while named.len() < TURN {
            match self.kernel.sigtimedwait(set, timeout) {
                Ok(info) if info.signal == self.signals.ready => named.push(info.fd),
                Ok(info) if info.signal == self.signals.wake => self.waker.seen(true),
                Ok(_) => overflow = true,
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                Err(e) => {
                    failed = Some(e);
                    break;
                }
            }
            timeout = Some(Duration::ZERO);
        }
        let mut state = self.state.lock();
        state.waiting = false;
        if overflow {
            state.list_all();
        } else {
            // Those in `events` are reported already; being reported twice in a turn is only a hint too many, but costs the
            // reactor a call.
            named.into_iter().for_each(|fd| state.list(fd));
        }
        if !state.list.is_empty() && events.is_empty() {
            drop(self.look(state, events)?);
        }
        failed.map_or(Ok(()), Err)
    }

    fn waker(&self) -> Waker<K> {
        self.waker.clone()
    }
}
