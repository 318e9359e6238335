//! Completion by POSIX AIO: each operation's end is a real-time signal that carries whose it was, and the loop waits for
//! signals. What makes it hard, and how it is met here:
//!
//! - Operations on one descriptor run one after the other, so that a send would wait behind a receive: sends go through
//!   a duplicate.
//! - There is no asynchronous accept: the listener sends a signal of its own (`O_ASYNC`), and connections are accepted
//!   until there is none left.
//! - The queue of signals is finite, and a completion that does not fit is not reported: what is in flight is asked now
//!   and then ([`SWEEP`]).
//! - The completion signal goes to the *process*: it must be blocked in all threads, hence before there is a second
//!   one, and one such loop is all that a process can have.
//! - A pending receive holds a thread of the C library: there are as many as `threads` says, and operations beyond
//!   that wait for one.

use super::completer::{Act, Refused, key, parts};
use super::{Completer, Finish, Finished, SigioSignals, Waker};
use crate::{
    Advice, Aio, AioId, AioState, Clock, ClockId, Errno, Fd, Instant, MaskHow, OwnedFd, Owner, Readiness,
    RecvFlags, Result, ShutdownHow, SigEvent, SigSet, Signal, Signals, SocketFlags, StatusFlags, ThreadId,
    Threads, UnixSockets,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// The families that this model needs.
pub trait AioKernel: Readiness + UnixSockets + Aio + Signals + Clock + Threads {}
impl<K: Readiness + UnixSockets + Aio + Signals + Clock + Threads> AioKernel for K {}

/// How long a completion whose signal was lost may go unseen.
const SWEEP: Duration = Duration::from_millis(50);

/// Carries an operation's key. SIGRTMIN+7: `SigioSignals` has the one before it, for the listeners.
const DONE: Signal = Signal(Signal::SIGRTMIN.0 + 7);

/// At most as many signals a turn; those that remain are queued.
const TURN: usize = 1024;

/// What a receive has room for, which it has all the time: as much as small requests have.
const BUFFER_BYTES: usize = 256;

/// Buffers that are kept for others when no receive has them.
const SPARE_MAX: usize = 64;

/// POSIX AIO under the contract of [`Completer`].
pub struct AioCompleter<K: AioKernel> {
    kernel: K,
    signals: SigioSignals,
    waker: Waker<K>,
    /// What is in flight, by key.
    in_flight: BTreeMap<u64, AioId>,
    /// Buffers that no receive has.
    spare: Vec<Vec<u8>>,
    /// The duplicates that sends go through.
    duplicates: BTreeMap<Fd, OwnedFd<K>>,
    /// Who accepts, by token, and whether it is a Unix socket.
    listeners: BTreeMap<u64, (Fd, bool)>,
    /// Whether connections may be waiting.
    may_accept: bool,
    swept: Instant,
}

impl<K: AioKernel> AioCompleter<K> {
    /// For the calling thread, with so many of the C library's. Blocks its signals: to be called before there are
    /// other threads.
    pub fn new(kernel: K, threads: u32) -> Result<AioCompleter<K>> {
        if kernel.aio_probe() != Advice::Available {
            return Err(Errno::ENOSYS);
        }
        let signals = SigioSignals::default();
        kernel.aio_init(threads);
        kernel.sigprocmask(MaskHow::Block, Self::set_of(signals))?;
        let send = |kernel: K, thread: ThreadId, signal| kernel.tgkill(thread, signal);
        Ok(AioCompleter {
            kernel,
            signals,
            waker: Waker::signal(kernel, kernel.gettid(), signals.wake, send),
            in_flight: BTreeMap::new(),
            spare: Vec::new(),
            duplicates: BTreeMap::new(),
            listeners: BTreeMap::new(),
            may_accept: false,
            swept: kernel.clock_gettime(ClockId::Monotonic),
        })
    }

    fn set_of(signals: SigioSignals) -> SigSet {
        SigSet::of(&[signals.ready, signals.wake, Signal::SIGIO, DONE])
    }

    /// The operation's end, if it has come. A stale signal finds nothing.
    fn finish(&mut self, key: u64, finished: &mut Vec<Finished>) {
        let Some(&id) = self.in_flight.get(&key) else { return };
        let Ok((result, buffer)) = self.kernel.aio_return(id) else { return };
        self.in_flight.remove(&key);
        let (token, act) = parts(key);
        let what =
            if act == Act::Send { Finish::Sent(result, buffer) } else { Finish::Received(result, buffer) };
        finished.push(Finished { token, what });
    }

    /// Keeps a buffer for the next receive. One without room would look like a peer's end.
    fn keep(&mut self, buffer: Vec<u8>) {
        if buffer.len() == BUFFER_BYTES && self.spare.len() < SPARE_MAX {
            self.spare.push(buffer);
        }
    }

    /// Asks each that is in flight.
    fn sweep(&mut self, finished: &mut Vec<Finished>) {
        let ended: Vec<u64> = self
            .in_flight
            .iter()
            .filter(|&(_, &id)| self.kernel.aio_error(id) != Ok(AioState::InProgress))
            .map(|(&key, _)| key)
            .collect();
        ended.into_iter().for_each(|key| self.finish(key, finished));
    }

    fn accept_all(&mut self, finished: &mut Vec<Finished>) {
        let kernel = self.kernel;
        let duplicates = &mut self.duplicates;
        self.listeners.retain(|&token, &mut (listener, is_unix)| {
            loop {
                // A connection needs two descriptors: it stays in the queue until there are two, or those who have one
                // each would wait for each other.
                let accepted = kernel.dup(listener).and_then(|room| {
                    let room = OwnedFd::from_raw(kernel, room);
                    let fd = match is_unix {
                        true => kernel.unix_accept(listener, SocketFlags::CLOEXEC)?.0,
                        false => kernel.accept4(listener, SocketFlags::CLOEXEC)?.0,
                    };
                    drop(room);
                    Ok(fd)
                });
                match accepted {
                    Ok(fd) => {
                        // Should another thread have been quicker, the first send tries again.
                        if let Ok(duplicate) = kernel.dup(fd) {
                            duplicates.insert(fd, OwnedFd::from_raw(kernel, duplicate));
                        }
                        finished.push(Finished { token, what: Finish::Accepted(Ok(fd)) });
                    }
                    Err(Errno::EAGAIN) => return true,
                    Err(Errno::EINTR | Errno::ECONNABORTED) => {}
                    Err(errno) => {
                        finished.push(Finished { token, what: Finish::Accepted(Err(errno)) });
                        return false;
                    }
                }
            }
        });
    }

    /// Whether the time has come to ask, and if not, how long it is until then.
    fn until_sweep(&mut self) -> Option<Duration> {
        let now = self.kernel.clock_gettime(ClockId::Monotonic);
        let due = self.swept + SWEEP;
        if now < due {
            return Some(due - now);
        }
        self.swept = now;
        None
    }
}

impl<K: AioKernel> Completer<K> for AioCompleter<K> {
    fn accept(&mut self, listener: Fd, token: u64) -> Result<()> {
        key(token, Act::Accept)?;
        self.kernel.fcntl_setown(listener, Owner::ThisThread)?;
        self.kernel.fcntl_setsig(listener, Some(self.signals.ready))?;
        self.kernel.fcntl_setfl(listener, StatusFlags::NONBLOCK | StatusFlags::ASYNC)?;
        let is_unix = match self.kernel.getsockname(listener) {
            Ok(_) => false,
            Err(Errno::EAFNOSUPPORT) => true,
            Err(errno) => return Err(errno),
        };
        self.listeners.insert(token, (listener, is_unix));
        // Those that came before the signals were turned on.
        self.may_accept = true;
        Ok(())
    }

    fn recv(&mut self, fd: Fd, token: u64) -> Result<()> {
        let key = key(token, Act::Recv)?;
        if self.in_flight.contains_key(&key) {
            return Err(Errno::EBUSY);
        }
        let buffer = self.spare.pop().unwrap_or_else(|| vec![0; BUFFER_BYTES]);
        match self.kernel.aio_read(fd, buffer, 0, SigEvent::Signal(DONE, key)) {
            Ok(id) => {
                self.in_flight.insert(key, id);
                Ok(())
            }
            Err((errno, buffer)) => {
                self.keep(buffer);
                Err(errno)
            }
        }
    }

    /// The thread that waits in read(2) cannot be interrupted. What is in the socket ends its wait; else the end of reading does.
    fn stop_receiving(&mut self, fd: Fd, _token: u64) -> Result<()> {
        match self.kernel.recv(fd, &mut [0], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Err(Errno::EAGAIN) => self.kernel.shutdown(fd, ShutdownHow::Read),
            _ => Ok(()),
        }
    }

    fn send(&mut self, fd: Fd, token: u64, buffer: Vec<u8>, from: usize) -> Result<(), Refused> {
        let key = match key(token, Act::Send) {
            Ok(key) if !self.in_flight.contains_key(&key) => key,
            Ok(_) => return Err((Errno::EBUSY, buffer)),
            Err(errno) => return Err((errno, buffer)),
        };
        let duplicate = match self.duplicates.get(&fd) {
            Some(duplicate) => duplicate.fd(),
            None => match self.kernel.dup(fd) {
                Ok(duplicate) => {
                    self.duplicates.entry(fd).or_insert(OwnedFd::from_raw(self.kernel, duplicate)).fd()
                }
                Err(errno) => return Err((errno, buffer)),
            },
        };
        let id = self.kernel.aio_write(duplicate, buffer, from, 0, SigEvent::Signal(DONE, key))?;
        self.in_flight.insert(key, id);
        Ok(())
    }

    fn forget(&mut self, fd: Fd) {
        self.duplicates.remove(&fd);
    }

    fn wait(&mut self, finished: &mut Vec<Finished>, timeout: Option<Duration>) -> Result<()> {
        for Finished { what, .. } in finished.drain(..) {
            if let Finish::Received(_, buffer) = what {
                self.keep(buffer);
            }
        }
        if std::mem::take(&mut self.may_accept) {
            self.accept_all(finished);
        }
        let mut timeout = if finished.is_empty() { timeout } else { Some(Duration::ZERO) };
        if !self.in_flight.is_empty() {
            match self.until_sweep() {
                Some(left) => timeout = Some(timeout.map_or(left, |most| most.min(left))),
                None => {
                    self.sweep(finished);
                    timeout = Some(Duration::ZERO);
                }
            }
        }
        let set = Self::set_of(self.signals);
        for _ in 0..TURN {
            match self.kernel.sigtimedwait(set, timeout) {
                Ok(info) if info.signal == DONE => self.finish(info.value, finished),
                Ok(info) if info.signal == self.signals.wake => self.waker.seen(true),
                // A listener's, or an overflow of theirs.
                Ok(_) => self.may_accept = true,
                Err(Errno::EAGAIN | Errno::EINTR) => break,
                Err(e) => return Err(e),
            }
            timeout = Some(Duration::ZERO);
        }
        if std::mem::take(&mut self.may_accept) {
            self.accept_all(finished);
        }
        Ok(())
    }

    fn waker(&self) -> Waker<K> {
        self.waker.clone()
    }
}
