//! The blocking model: a thread per connection, and calls that wait. It handles the requests itself, or waits for a worker
//! to do it.
//!
//! | what | how |
//! |---|---|
//! | deadlines | `SO_RCVTIMEO` and `SO_SNDTIMEO`: a call that has waited for so long gives up |
//! | lifetimes of keys | a thread, the expiry thread, that sleeps until the next one ends |
//! | `CLIENT KILL` | the expiry thread shuts the socket down, which ends its thread's call |
//! | channels, commands that wait | the thread waits for its socket and an eventfd of its own, which the expiry thread writes |
//! | SIGTERM | the handler shuts the listener down, which ends `accept`; main then ends the call of each thread by a signal |

use super::acceptor::{AcceptError, Acceptor, REST_NS};
use super::connection::CloseReason;
use super::main_loop::DRAIN_NS;
use super::order_queue::OrderQueue;
use super::peer::Peer;
use super::scratch::SCRATCH_BYTES;
use super::service::{Service, Workers};
use super::signals;
use super::units::{Now, Units};
use crate::error::TOO_MANY_CLIENTS;
use crate::limits::OutputLimit;
use crate::logic_unit::{Order, Place};
use crate::observe::Level;
use crate::storage_unit::Storage;
use eagain_net::sync::{Condvar, Mutex, Queue};
use eagain_net::{
    Errno, EventFd, Events, Fd, Kernel, PollFd, RecvFlags, ShutdownHow, TcpListener, ThreadId, thread,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// No call waits for less: the kernel's timeouts are not finer, and 0 would be for ever.
pub(super) const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// How long a thread has to see the stop before it is sent another signal, and then twice as long: the first may have come before its call.
const SIGNAL_AGAIN_NS: u64 = 1_000_000;

/// What all threads share.
struct Blocking<K: Kernel, S: Storage> {
    units: Arc<Units<K, S>>,
    /// The expiry thread's, among the loops.
    number: usize,
    /// Those who are here, by client.
    clients: Mutex<K, BTreeMap<u64, Here<K>>>,
    /// One has gone.
    left: Condvar<K>,
    /// What commands ask for, and keys: the expiry thread's.
    orders: Arc<OrderQueue<K>>,
    /// Wakes the expiry thread; closed at the end.
    waker: Arc<Queue<K, ()>>,
    listeners: Vec<Fd>,
    workers: Workers<K>,
    /// How often the limits of connections have changed.
    limits: AtomicU64,
    /// What more than a few bytes are received into; nobody has one while it waits.
    scratches: Mutex<K, Vec<Vec<u8>>>,
}

/// A thread waits with room for so many bytes: as many as small requests have.
const WAITING_BYTES: usize = 512;

/// A client that is here, as other threads know it.
struct Here<K: Kernel> {
    /// Its descriptor, which is nobody else's as long as this is here.
    fd: Fd,
    /// Wakes its thread, where that waits for more than its socket.
    waker: Option<Arc<EventFd<K>>>,
    /// Its thread, from its first step until it has seen the stop.
    unaware: Option<ThreadId>,
}

/// What wakes a thread that waits for more than its socket, as that thread knows it.
struct ThreadWaker<K: Kernel> {
    fd: Option<Arc<EventFd<K>>>,
    is_woken: bool,
    /// Sends give up earlier than a peer may stall.
    sends_briefly: bool,
}

/// Runs until a stop is asked for and everybody has got what is due.
pub(super) fn run<K: Kernel, S: Storage + 'static>(
    units: Arc<Units<K, S>>,
    acceptors: Vec<Acceptor<K>>,
    ready: impl FnOnce(),
) -> Result<(), Errno> {
    let kernel = units.kernel;
    let open = acceptors.into_iter().filter_map(|acceptor| acceptor.listener().map(|open| (acceptor, open)));
    let mut accepting: Vec<(Acceptor<K>, Arc<TcpListener<K>>)> = open.collect();
    let listeners: Vec<Fd> = accepting.iter().map(|(_, listener)| listener.fd()).collect();
    let waker = Arc::new(Queue::new(kernel, 1));
    let expiry_waker = waker.clone();
    // Full: the thread has been woken already, and has not looked yet.
    let (number, orders) = units.join_loop(true, move || _ = expiry_waker.try_push(()));
    let workers = Workers::start(&units)?;
    let blocking = Arc::new(Blocking {
        units,
        number,
        clients: Mutex::new(kernel, BTreeMap::new()),
        left: Condvar::new(kernel),
        orders,
        waker,
        listeners: listeners.clone(),
        workers,
        limits: AtomicU64::new(0),
        scratches: Mutex::new(kernel, Vec::new()),
    });
    let dispositions = signals::stop_on_signal(&blocking.units, move || shut(kernel, &listeners))?;
    let end_of_calls = signals::end_calls(kernel)?;
    let expiry = {
        let blocking = blocking.clone();
        thread::spawn(kernel, "expiry", move || blocking.expire())?
    };
    // This thread takes in those who come to the first listener.
    let mut others = Vec::new();
    for (acceptor, listener) in accepting.drain(1.min(accepting.len())..) {
        let blocking = blocking.clone();
        others.push(thread::spawn(kernel, "acceptor", move || blocking.take_in(&acceptor, listener))?);
    }
    ready();
    for (acceptor, listener) in accepting {
        blocking.take_in(&acceptor, listener);
    }
    for other in others {
        other.join().expect("an accepting thread panicked");
    }
    signals::restore(kernel, dispositions)?;
    blocking.units.config.announce_stop();
    blocking.drain();
    signals::restore(kernel, vec![end_of_calls])?;
    blocking.workers.end();
    blocking.waker.close();
    expiry.join().expect("the expiry thread panicked");
    Ok(())
}

/// Ends all waiting for connections; async-signal-safe.
fn shut<K: Kernel>(kernel: K, listeners: &[Fd]) {
    for &listener in listeners {
        let _ = kernel.shutdown(listener, ShutdownHow::Both);
    }
}

impl<K: Kernel, S: Storage + 'static> Blocking<K, S> {
    /// Takes in whoever comes, until the stop.
    fn take_in(self: &Arc<Self>, acceptor: &Acceptor<K>, listener: Arc<TcpListener<K>>) {
        let kernel = self.units.kernel;
        while !self.units.is_stopping() {
            match acceptor.accept(&listener, false) {
                Ok((stream, from)) => {
                    let now = Now::of(kernel);
                    if let Some(peer) = acceptor.admit(&self.units, stream, &from, now, true) {
                        self.start(peer);
                    }
                }
                Err(errno) if AcceptError::of(errno) == AcceptError::NoRoom => {
                    acceptor.rest(&self.units.config.log, errno);
                    // Cut short by a signal.
                    let _ = kernel.nanosleep(Duration::from_nanos(REST_NS));
                }
                // EINVAL, once the listener was shut down; else EINTR, or what befell a connection before we took it.
                Err(_) => {}
            }
        }
        drop(listener);
        acceptor.close();
    }

    /// A thread for the peer.
    fn start(self: &Arc<Self>, mut peer: Peer<K>) {
        let client = peer.client;
        self.clients.lock().insert(client, Here { fd: peer.stream.fd(), waker: None, unaware: None });
        if let Some(session) = &mut peer.session {
            session.place = Place { at_loop: self.number, token: client };
        }
        let blocking = self.clone();
        // Where there is no thread to be had, the peer has to come back.
        let slot = Arc::new(Mutex::new(self.units.kernel, Some(Box::new(peer))));
        let kept = slot.clone();
        let body = move || {
            let peer = slot.lock().take();
            drop(slot);
            if let Some(mut peer) = peer {
                blocking.serve(&mut peer);
                blocking.leave(peer);
            }
        };
        // Dropped, the handle detaches the thread.
        if thread::spawn(self.units.kernel, "connection", body).is_err() {
            self.clients.lock().remove(&client);
            let Some(mut peer) = kept.lock().take() else { return };
            let _ = peer.stream.write(TOO_MANY_CLIENTS);
            if let Some(session) = peer.session.take() {
                let end = (Level::Warning, "closed, for there is no thread for it");
                self.units.logic.lock().disconnect(session, end);
            }
        }
    }

    /// A connection's thread: reads, handles, writes, each to its end.
    fn serve(&self, peer: &mut Peer<K>) {
        let kernel = self.units.kernel;
        let clock = || Now::of(kernel);
        self.set_unaware(peer.client, Some(kernel.gettid()));
        let mut service = self.workers.service(kernel, None);
        let mut waiting = [0; WAITING_BYTES];
        let limits = &self.units.config.limits;
        let stall = Duration::from_nanos(limits.write_stall_timeout_ns);
        let _ = peer.stream.set_write_timeout((!stall.is_zero()).then(|| stall.max(TIMEOUT_MIN)));
        let mut waker = ThreadWaker { fd: None, is_woken: false, sends_briefly: false };
        self.send_briefly(peer, &mut waker, peer.connection.output_limit());
        let (mut timeout, mut limits_seen) = (None, self.limits.load(SeqCst));
        let mut logic = self.units.logic.lock();
        // They may have changed since it was taken in; what changes from now on is counted.
        peer.connection.set_limits(&logic.limits());
        let progress = logic.storage().wait();
        drop(logic);
        let mut now = clock();
        loop {
            if self.units.is_stopping() {
                if !std::mem::replace(&mut peer.flight.stops, true) {
                    self.set_unaware(peer.client, None);
                    if peer.connection.wants_last_read() {
                        // What has come while this thread did something else.
                        self.serve_what_is_there(peer, &mut service, &[], now);
                        service.wait(peer, clock);
                    }
                }
                peer.connection.drain(now.mono_ns);
            }
            while service.takes(peer) {
                service.serve(&self.units, peer, &[], now);
                service.wait(peer, clock);
                now = flush(peer, &waker, now, clock);
            }
            flush(peer, &waker, now, clock);
            if let (Some(ticket), Some(progress)) = (peer.awaiting.ticket(), &progress) {
                progress.wait(ticket);
                now = clock();
                peer.awaiting.ask(&mut peer.connection, &mut self.units.logic.lock(), now.mono_ns);
                continue;
            }
            now = clock();
            peer.connection.deadline_passed(now.mono_ns);
            peer.announce_end(now);
            if peer.connection.is_closed() {
                return;
            }
            if peer.connection.is_waiting() || peer.listens() {
                if !self.wait_for_others(peer, &mut waker, now) {
                    continue;
                }
                now = clock();
            }
            if peer.connection.wants_write() || !peer.connection.wants_read() {
                continue;
            }
            if !set_read_timeout(peer, &mut timeout, now) {
                return;
            }
            let read = peer.stream.read(&mut waiting);
            now = clock();
            let limits_now = self.limits.load(SeqCst);
            if limits_now != std::mem::replace(&mut limits_seen, limits_now) {
                peer.connection.set_limits(&self.units.logic.lock().limits());
            }
            match read {
                Ok(0) => peer.connection.end_of_input(now.mono_ns),
                Ok(n) if n < WAITING_BYTES => {
                    service.serve(&self.units, peer, &waiting[..n], now);
                    service.wait(peer, clock);
                }
                Ok(_) => {
                    self.serve_what_is_there(peer, &mut service, &waiting, now);
                    service.wait(peer, clock);
                }
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(_) => peer.connection.close(CloseReason::SocketFailed),
            }
        }
    }

    /// The client's thread, while it has yet to see a stop.
    fn set_unaware(&self, client: u64, thread: Option<ThreadId>) {
        if let Some(here) = self.clients.lock().get_mut(&client) {
            here.unaware = thread;
        }
    }

    /// Serves `first`, and what is in the socket behind it.
    fn serve_what_is_there(&self, peer: &mut Peer<K>, service: &mut Service<K>, first: &[u8], now: Now) {
        let mut scratch = self.scratches.lock().pop().unwrap_or_else(|| vec![0; SCRATCH_BYTES]);
        scratch[..first.len()].copy_from_slice(first);
        // Nothing more, an end or an error: the next read that waits says so.
        let more = peer.stream.recv(&mut scratch[first.len()..], RecvFlags::DONTWAIT).unwrap_or(0);
        service.serve(&self.units, peer, &scratch[..first.len() + more], now);
        self.scratches.lock().push(scratch);
    }

    /// Takes what there is for the peer, or waits until there is, or its socket can be read (`true`), or time is up.
    fn wait_for_others(&self, peer: &mut Peer<K>, waker: &mut ThreadWaker<K>, now: Now) -> bool {
        let kernel = self.units.kernel;
        if waker.fd.is_none()
            && let Ok(made) = EventFd::new(kernel, 0)
        {
            let made = Arc::new(made);
            if let Some(here) = self.clients.lock().get_mut(&peer.client) {
                here.waker = Some(made.clone());
            }
            (waker.fd, waker.is_woken) = (Some(made), true);
        }
        if peer.listens() {
            self.send_briefly(peer, waker, self.units.config.limits.channel_output);
        }
        // After the waker is there: whoever puts something aside from now on writes to it.
        peer.deliver(&mut self.units.logic.lock(), std::mem::take(&mut waker.is_woken), now);
        let goes_on = peer.goes_on() || peer.connection.wants_service();
        if goes_on || peer.connection.wants_write() || peer.connection.is_closed() {
            return false;
        }
        let deadline = peer.connection.deadline();
        let mut timeout = deadline.map(|at| Duration::from_nanos(at.saturating_sub(now.mono_ns)));
        if waker.fd.is_none() {
            // There is no descriptor for one: it looks by itself.
            let rest = Duration::from_nanos(REST_NS);
            timeout = Some(timeout.map_or(rest, |timeout| timeout.min(rest)));
            waker.is_woken = true;
        }
        let nobody = Fd(-1);
        let socket = if peer.connection.wants_read() { peer.stream.fd() } else { nobody };
        let its_waker = waker.fd.as_ref().map_or(nobody, |waker| waker.fd());
        let mut fds = [PollFd::new(socket, Events::IN), PollFd::new(its_waker, Events::IN)];
        // EINTR: it is looked at again.
        if kernel.poll(&mut fds, timeout, None).is_err() {
            return false;
        }
        if let (Some(fd), false) = (&waker.fd, fds[1].revents.is_empty()) {
            let _ = fd.read();
            waker.is_woken = true;
        }
        !fds[0].revents.is_empty()
    }

    /// A send that waits must not outlast the time for which much may wait for the peer.
    fn send_briefly(&self, peer: &Peer<K>, waker: &mut ThreadWaker<K>, limit: OutputLimit) {
        if waker.sends_briefly || limit.soft == usize::MAX {
            return;
        }
        let soft = Duration::from_nanos(limit.soft_ns / 8).max(TIMEOUT_MIN);
        let stall = Duration::from_nanos(self.units.config.limits.write_stall_timeout_ns);
        let brief = if stall.is_zero() { soft } else { soft.min(stall.max(TIMEOUT_MIN)) };
        waker.sends_briefly = peer.stream.set_write_timeout(Some(brief)).is_ok();
    }

    /// The connection is over: its place in the directory, then its socket.
    fn leave(&self, mut peer: Box<Peer<K>>) {
        if let Some(session) = peer.session.take() {
            self.units.logic.lock().disconnect(session, peer.connection.end());
        }
        let mut clients = self.clients.lock();
        clients.remove(&peer.client);
        // Before anybody else can have taken it for gone.
        drop(peer);
        drop(clients);
        self.left.notify_all();
    }
}

impl<K: Kernel, S: Storage> Blocking<K, S> {
    /// The thread that does by the clock, and on order, what nobody else has the time for.
    fn expire(&self) {
        while !self.waker.is_closed() {
            let now = Now::of(self.units.kernel);
            self.orders.take().into_iter().for_each(|order| self.carry_out(order));
            let rest = self.units.expire(now);
            if rest == u64::MAX {
                self.waker.pop();
            } else {
                let _ = self.waker.pop_timeout(Duration::from_nanos(rest.saturating_sub(now.mono_ns)));
            }
        }
    }

    fn carry_out(&self, order: Order) {
        match order {
            Order::Kill { client } => {
                if let Some(here) = self.clients.lock().get(&client) {
                    let _ = self.units.kernel.shutdown(here.fd, ShutdownHow::Both);
                }
            }
            Order::Look { place } => {
                let waker = self.clients.lock().get(&place.token).and_then(|here| here.waker.clone());
                if let Some(waker) = waker {
                    // Full: it is readable.
                    let _ = waker.write(1);
                }
            }
            // A connection is its thread's, which takes them over with its next request.
            Order::Limits => _ = self.limits.fetch_add(1, SeqCst),
            Order::Shutdown => {
                self.units.stop();
                shut(self.units.kernel, &self.listeners);
            }
        }
    }

    /// Ends the calls of all threads, so that each sees the stop: everybody gets the replies to what has come. Who does not take them in
    /// time is shut down.
    fn drain(&self) {
        let kernel = self.units.kernel;
        let mut until = Now::of(kernel).mono_ns + DRAIN_NS;
        let mut again = SIGNAL_AGAIN_NS;
        let mut clients = self.clients.lock();
        loop {
            let soon = Now::of(kernel).mono_ns + again;
            let mut next = until;
            for thread in clients.values().filter_map(|here| here.unaware) {
                let _ = kernel.tgkill(thread, signals::ENDS_CALLS);
                next = until.min(soon);
            }
            again *= 2;
            loop {
                if clients.is_empty() {
                    return;
                }
                let late;
                (clients, late) = self.left.wait_deadline(clients, eagain_net::Instant(next));
                if late {
                    break;
                }
            }
            if next == until {
                for here in clients.values() {
                    let _ = kernel.shutdown(here.fd, ShutdownHow::Both);
                }
                until += DRAIN_NS;
            }
        }
    }
}

/// Sends all of it, waiting. A send that gave up with nothing taken has waited for as long as a peer may stall, but where sends are
/// brief: the deadlines of the connection say what is too long there. The time behind it; `now`, where there was nothing to send.
fn flush<K: Kernel>(peer: &mut Peer<K>, waker: &ThreadWaker<K>, now: Now, clock: impl Fn() -> Now) -> Now {
    if !peer.connection.wants_write() {
        return now;
    }
    peer.flush(&clock);
    if peer.connection.wants_write() && !waker.sends_briefly {
        peer.connection.close(CloseReason::WriteStalled);
    }
    clock()
}

/// The next read gives up at the peer's deadline, or earlier. `false`: the socket is gone.
fn set_read_timeout<K: Kernel>(peer: &Peer<K>, current: &mut Option<Duration>, now: Now) -> bool {
    let wait = peer.connection.deadline().map(|at| Duration::from_nanos(at.saturating_sub(now.mono_ns)));
    let wanted = wait.map(|wait| wait.max(TIMEOUT_MIN));
    let fits = match (wanted, *current) {
        (None, None) => true,
        // Too early is only looked at again; half as long would be too often.
        (Some(wanted), Some(current)) => current <= wanted && current >= wanted / 2,
        _ => false,
    };
    if fits {
        return true;
    }
    *current = wanted;
    peer.stream.set_read_timeout(wanted).is_ok()
}
