//! The reactor, step by step as the seed tells it, over any model that tells of readiness:
//!
//! 1. the main thread registers the socket's read-ready event;
//! 2. it waits;
//! 3. when there is something to read it puts the event into the request queue;
//! 4. a worker that sleeps on the queue wakes, reads, handles the requests, and registers the write-ready event (or
//!    writes at once, and registers only what is left: `--write-when-ready no`, the default);
//! 5. the main thread waits for the socket to be writable;
//! 6. when it is, the main thread puts that event into the queue;
//! 7. a worker wakes and writes the result.
//!
//! Without workers the main thread takes the workers' part itself. Three kinds of events come through the one loop: I/O
//! by the poller, signals by its waker, timers by the time until which it waits.

use super::acceptor::{Accepted, Acceptor};
use super::peer::Ready;
use super::signals;
use super::units::{Now, Units};
use crate::logic_unit::Order;
use crate::storage_unit::Storage;
use eagain_net::model::{AnyPoller, Event, Interest, Outcome, Poller};
use eagain_net::sync::Queue;
use eagain_net::{Errno, Kernel, thread};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

/// The listener's token.
const LISTENER: u64 = 1 << 62;
/// Events that wait for a worker.
const REQUEST_QUEUE_CAPACITY: usize = 1024;
/// Bytes read at once.
const SCRATCH_BYTES: usize = 64 * 1024;
/// A stop waits for the peers to take their replies, so long at most.
const DRAIN_NS: u64 = 5_000_000_000;
/// A peer that a worker holds is looked at again after so long.
const BUSY_NS: u64 = 10_000_000;
/// Keys that expire in one turn of the loop.
const EXPIRE_PER_TURN_MAX: usize = 256;

/// What the main thread puts into the request queue.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// A peer's socket is ready.
    Peer(u64, Ready),
    /// Somebody wants to connect.
    Accept,
}

/// What main thread and workers share.
struct Reactor<K: Kernel, S: Storage> {
    units: Arc<Units<K, S>>,
    poller: AnyPoller<K>,
    acceptor: Acceptor<K>,
    queue: Queue<K, Task>,
    has_workers: bool,
}

/// Runs until a stop is asked for and everybody has got what is due.
pub fn run<K: Kernel, S: Storage + 'static>(
    units: Arc<Units<K, S>>,
    poller: AnyPoller<K>,
    acceptor: Acceptor<K>,
) -> Result<(), Errno> {
    let kernel = units.kernel;
    let workers = units.config.workers;
    poller.register(acceptor.listener.fd(), LISTENER, Interest::READABLE)?;
    let waker = poller.waker();
    // It fails only where the loop is gone.
    signals::stop_on_signal(&units, move || _ = waker.wake())?;
    let waker = poller.waker();
    units.listen_to_storage(move || _ = waker.wake());
    let queue = Queue::new(kernel, REQUEST_QUEUE_CAPACITY);
    let reactor = Arc::new(Reactor { units, poller, acceptor, queue, has_workers: workers > 0 });
    let threads: Vec<_> = (0..workers)
        .map(|number| {
            let reactor = reactor.clone();
            thread::spawn(kernel, &format!("worker-{number}"), move || reactor.work())
        })
        .collect::<Result<_, _>>()?;
    let result = reactor.watch();
    reactor.queue.close();
    for worker in threads {
        worker.join();
    }
    result
}

impl<K: Kernel, S: Storage + 'static> Reactor<K, S> {
    /// The main thread: waits, and passes on.
    fn watch(&self) -> Result<(), Errno> {
        let mut events = Vec::new();
        let mut scratch = vec![0; if self.has_workers { 0 } else { SCRATCH_BYTES }];
        let mut listener = Listener::Open;
        let mut drain_until = u64::MAX;
        let mut now = Now::of(self.units.kernel);
        loop {
            let next = self.next_look(now, listener).min(drain_until);
            self.units.next_look_ns.store(next, SeqCst);
            let timeout = (next != u64::MAX).then(|| Duration::from_nanos(next.saturating_sub(now.mono_ns)));
            self.poller.wait(&mut events, timeout)?;
            self.units.next_look_ns.store(0, SeqCst);
            now = Now::of(self.units.kernel);
            for event in &events {
                self.dispatch(*event, &mut scratch, &mut listener, now);
            }
            for token in self.units.take_held() {
                self.handle(token, Ready { readable: false, writable: true }, &mut scratch, now);
            }
            self.deadlines(now);
            self.expire(now);
            self.carry_out(now);
            if let Listener::Resting(until) = listener
                && until <= now.mono_ns
                && !self.units.is_stopping()
            {
                listener = Listener::Open;
                self.poller.modify(self.acceptor.listener.fd(), LISTENER, Interest::READABLE)?;
            }
            if self.units.is_stopping() {
                if listener != Listener::Closed {
                    listener = Listener::Closed;
                    drain_until = now.mono_ns + DRAIN_NS;
                    let _ = self.poller.deregister(self.acceptor.listener.fd());
                }
                if self.drain(now, drain_until) {
                    return Ok(());
                }
            }
        }
    }

    /// Steps 3 and 6: the event goes into the request queue; without workers it is handled here.
    fn dispatch(&self, event: Event, scratch: &mut [u8], listener: &mut Listener, now: Now) {
        let ready = Ready { readable: event.readable, writable: event.writable };
        if event.token == LISTENER {
            if *listener != Listener::Open {
                return;
            }
            if self.has_workers && self.poller.pause(self.acceptor.listener.fd(), LISTENER).is_ok() {
                // Until a worker has accepted; should it have to rest, the clock brings the listener back.
                let _ = self.queue.push(Task::Accept);
            } else if let Some(until) = self.accept(now) {
                *listener = Listener::Resting(until);
            }
        } else if self.has_workers {
            let Some(peer) = self.units.peers.get(event.token) else { return };
            // A peer that a worker holds has asked for nothing; this is a last report of its end.
            let Some(peer) = peer.try_lock() else { return };
            if self.poller.pause(peer.stream.fd(), event.token).is_ok() {
                drop(peer);
                let _ = self.queue.push(Task::Peer(event.token, ready));
            }
        } else {
            self.handle(event.token, ready, scratch, now);
        }
    }

    /// Steps 4 and 7: a worker.
    fn work(&self) {
        let mut scratch = vec![0; SCRATCH_BYTES];
        while let Some(task) = self.queue.pop() {
            let now = Now::of(self.units.kernel);
            match task {
                Task::Peer(token, ready) => self.handle(token, ready, &mut scratch, now),
                Task::Accept => {
                    if let Some(until) = self.accept(now) {
                        self.units.deadlines.lock().add(until, LISTENER);
                        self.wake_main();
                    }
                }
            }
        }
    }

    /// Takes in whoever waits. `Some`: not before this time.
    fn accept(&self, now: Now) -> Option<u64> {
        let begin = |token, stream: &eagain_net::TcpStream<K>| {
            self.poller.register(stream.fd(), token, Interest::READABLE)
        };
        let fd = self.acceptor.listener.fd();
        let outcome = match self.acceptor.turn(&self.units, now, begin) {
            Accepted::RestUntil(until) => {
                let _ = self.poller.pause(fd, LISTENER);
                return Some(until);
            }
            Accepted::All => Outcome::Drained,
            Accepted::More => Outcome::More,
        };
        if self.has_workers {
            let _ = self.poller.modify(fd, LISTENER, Interest::READABLE);
        } else {
            let _ = self.poller.rearm(fd, LISTENER, Interest::READABLE, outcome);
        }
        None
    }

    /// A turn of one peer, and what is wanted of its socket afterwards.
    fn handle(&self, token: u64, ready: Ready, scratch: &mut [u8], now: Now) {
        let Some(shared) = self.units.peers.get(token) else { return };
        let mut peer = shared.lock();
        if peer.token != token || peer.session.is_none() {
            return;
        }
        let outcome = peer.turn(&self.units, scratch, ready, now);
        self.units.watch_held(&mut peer, now);
        let fd = peer.stream.fd();
        if peer.connection.is_closed() {
            self.poller.forget(fd);
            self.units.release(&mut peer);
            return;
        }
        if self.units.watch_deadline(&mut peer) && self.has_workers {
            self.wake_main();
        }
        let wanted = peer.wanted();
        let set = if wanted != peer.interest || self.has_workers {
            peer.interest = wanted;
            self.poller.modify(fd, token, wanted)
        } else {
            self.poller.rearm(fd, token, wanted, outcome)
        };
        if set.is_err() {
            self.poller.forget(fd);
            self.units.release(&mut peer);
        } else if self.has_workers && self.units.has_orders.load(SeqCst) {
            self.wake_main();
        }
    }

    /// When the main thread has something to do by the clock.
    fn next_look(&self, now: Now, listener: Listener) -> u64 {
        let mut next = self.units.deadlines.lock().next().unwrap_or(u64::MAX);
        if let Listener::Resting(until) = listener {
            next = next.min(until);
        }
        if let Some(expiry_ms) = self.units.logic.lock().next_expiry_ms() {
            let wait_ms = expiry_ms.saturating_sub(now.wall.unix_ms()).max(1);
            next = next.min(now.mono_ns.saturating_add(wait_ms.saturating_mul(1_000_000)));
        }
        next
    }

    /// Timers of peers, and of a listener that rested.
    fn deadlines(&self, now: Now) {
        while let Some(token) = { self.units.deadlines.lock().pop_due(now.mono_ns) } {
            if token == LISTENER {
                let _ = self.poller.modify(self.acceptor.listener.fd(), LISTENER, Interest::READABLE);
                continue;
            }
            let Some(shared) = self.units.peers.get(token) else { continue };
            let Some(mut peer) = shared.try_lock() else {
                self.units.deadlines.lock().add(now.mono_ns + BUSY_NS, token);
                continue;
            };
            peer.timer_ns = u64::MAX;
            if peer.connection.deadline_passed(now.mono_ns) {
                self.poller.forget(peer.stream.fd());
                self.units.release(&mut peer);
            } else {
                self.units.watch_deadline(&mut peer);
            }
        }
    }

    fn expire(&self, now: Now) {
        let mut logic = self.units.logic.lock();
        if logic.next_expiry_ms().is_some_and(|at| at <= now.wall.unix_ms()) {
            logic.expire_due(now.wall, EXPIRE_PER_TURN_MAX);
            logic.commit();
        }
    }

    /// What commands asked of the loop.
    fn carry_out(&self, now: Now) {
        for order in self.units.take_orders() {
            match order {
                Order::Shutdown => self.units.stop(),
                Order::Kill { client } => {
                    let Some(token) = self.units.peers.token_of(client) else { continue };
                    let Some(shared) = self.units.peers.get(token) else { continue };
                    let Some(mut peer) = shared.try_lock() else {
                        // Asked again once its worker is done.
                        self.units.order(vec![Order::Kill { client }]);
                        self.units.deadlines.lock().add(now.mono_ns + BUSY_NS, token);
                        continue;
                    };
                    peer.connection.close(super::CloseReason::Killed);
                    self.poller.forget(peer.stream.fd());
                    self.units.release(&mut peer);
                }
            }
        }
    }

    /// A stop: everybody gets the replies to what was received, then its end. `true`: nobody is left.
    fn drain(&self, now: Now, until: u64) -> bool {
        for token in self.units.peers.tokens() {
            let Some(shared) = self.units.peers.get(token) else { continue };
            let Some(mut peer) = shared.try_lock() else { continue };
            if now.mono_ns >= until {
                peer.connection.close(super::CloseReason::ServerStopping);
            } else {
                peer.connection.drain(now.mono_ns);
                peer.flush(now);
                peer.announce_end(now);
            }
            let fd = peer.stream.fd();
            if peer.connection.is_closed() {
                self.poller.forget(fd);
                self.units.release(&mut peer);
                continue;
            }
            self.units.watch_deadline(&mut peer);
            let wanted = peer.wanted();
            if wanted != peer.interest {
                peer.interest = wanted;
                let _ = self.poller.modify(fd, token, wanted);
            }
        }
        self.units.peers.len() == 0
    }

    fn wake_main(&self) {
        // It fails only where the loop is gone.
        let _ = self.poller.waker().wake();
    }
}

/// Whether the listener is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listener {
    Open,
    /// No descriptor was free; until this time.
    Resting(u64),
    Closed,
}
