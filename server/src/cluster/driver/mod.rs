//! A proxy with its sockets: one thread, over any readiness model. One turn:
//!
//! 1. wait for sockets, for the clock, or for a signal;
//! 2. links: connect, read answers;
//! 3. clients: accept, read requests, hand them to the proxy, or answer them here;
//! 4. time: links that are late, silent or due;
//! 5. carry replies to their clients, and send whatever can be sent, until nothing moves any more.

mod client;
mod link;

use super::feeds::News;
use super::proxy::Proxy;
use crate::config::Config;
use crate::error::TOO_MANY_CLIENTS;
use crate::io_unit::Window;
use crate::io_unit::acceptor::{AcceptError, keep_alive};
use crate::io_unit::units::Now;
use crate::logic_unit::{LogicUnit, Order, Place};
use crate::observe::Level;
use crate::request_queue::RequestBatch;
use crate::storage_unit::Memory;
use client::{Client, Clients};
use eagain_net::model::{AnyPoller, Event, Interest, Outcome, Poller};
use eagain_net::{Errno, Kernel, SigAction, Signal, TcpListener};
use link::LinkSocket;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

const LISTENER: u64 = 1 << 62;
const LINK: u64 = 1 << 61;
/// Bytes read at once.
const SCRATCH_BYTES: usize = 64 * 1024;
/// How long the listener rests when there is no descriptor for a new connection.
const REST_NS: u64 = 100_000_000;
/// Connections accepted in one turn.
const ACCEPTS_PER_TURN_MAX: usize = 64;
/// A stop waits for replies, so long at most.
const DRAIN_NS: u64 = 5_000_000_000;

/// A server with one of the two roles that keep nothing.
pub struct Driver<K: Kernel> {
    kernel: K,
    poller: AnyPoller<K>,
    listener: TcpListener<K>,
    local: String,
    /// The listener rests until then; 0: it does not.
    rests_until: u64,
    proxy: Proxy,
    links: Vec<LinkSocket<K>>,
    clients: Clients<K>,
    /// Clients that have something to send, or room for another request.
    touched: BTreeSet<u64>,
    window: Window,
    /// Executes what is about the connection or about this server.
    logic: LogicUnit<Memory>,
    batch: RequestBatch,
    scratch: Vec<u8>,
    stop: Arc<AtomicBool>,
    drain_until: Option<u64>,
}

impl<K: Kernel> Driver<K> {
    /// A server at `listener` before the configured backends.
    pub fn new(
        kernel: K,
        config: &Config,
        seed: u64,
        proxy: Proxy,
        listener: TcpListener<K>,
        poller: AnyPoller<K>,
    ) -> Result<Driver<K>, Errno> {
        poller.register(listener.fd(), LISTENER, Interest::READABLE)?;
        let stop = Arc::new(AtomicBool::new(false));
        kernel.sigaction(Signal::SIGPIPE, SigAction::ignore())?;
        for signal in [Signal::SIGTERM, Signal::SIGINT] {
            let (stop, waker) = (stop.clone(), poller.waker());
            kernel.sigaction(
                signal,
                SigAction::handler(true, move |_| {
                    stop.store(true, SeqCst);
                    // It fails only where the loop is gone.
                    let _ = waker.wake();
                }),
            )?;
        }
        let storage = Memory::new(config.databases, seed);
        let mut logic = LogicUnit::new(config.clone(), storage, seed, Now::of(kernel).wall);
        logic.channels().note_emptied();
        Ok(Driver {
            kernel,
            local: listener.local_addr()?.to_string(),
            listener,
            poller,
            rests_until: 0,
            proxy,
            links: config.connections().into_iter().map(LinkSocket::new).collect(),
            clients: Clients::default(),
            touched: BTreeSet::new(),
            window: Window::of(config),
            logic,
            batch: RequestBatch::new(),
            scratch: vec![0; SCRATCH_BYTES],
            stop,
            drain_until: None,
        })
    }

    /// Runs until a stop is asked for and everybody has got what is due.
    pub fn run(mut self) -> Result<(), Errno> {
        let mut events = Vec::new();
        let mut now = Now::of(self.kernel);
        self.time(now);
        loop {
            let next = self.next_look();
            let timeout = (next != u64::MAX).then(|| Duration::from_nanos(next.saturating_sub(now.mono_ns)));
            self.poller.wait(&mut events, timeout)?;
            now = Now::of(self.kernel);
            for event in &events {
                self.event(*event, now);
            }
            self.time(now);
            self.settle(now);
            if self.stop.load(SeqCst) {
                if self.drain_until.is_none() {
                    self.begin_drain(now);
                    self.settle(now);
                }
                if self.drain(now) {
                    return Ok(());
                }
            }
        }
    }

    fn event(&mut self, event: Event, now: Now) {
        if event.token == LISTENER {
            self.accept(now);
        } else if event.token & LINK != 0 {
            self.link_event(event, now);
        } else {
            self.client_event(event, now);
        }
    }

    fn accept(&mut self, now: Now) {
        let mut outcome = Outcome::More;
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            match self.listener.accept_nonblocking() {
                Ok((stream, from)) => {
                    if !self.logic.admits_client(true) {
                        // As much of it as fits: a stranger is not waited for.
                        let _ = stream.write(TOO_MANY_CLIENTS);
                        continue;
                    }
                    let _ = stream.set_nodelay(true);
                    keep_alive(self.kernel, stream.fd(), self.logic.config().keepalive_s);
                    let session = self.logic.connect(&from.to_string(), &self.local, now.wall);
                    let client =
                        Client::new(stream, session, &self.logic.limits(), self.window.clone(), now.mono_ns);
                    let fd = client.stream.fd();
                    let token = self.clients.insert(client);
                    if let Some(client) = self.clients.get(token) {
                        client.session.place = Place { at_loop: 0, token };
                    }
                    if self.poller.register(fd, token, Interest::READABLE).is_err() {
                        self.release(token);
                    }
                }
                Err(Errno::EAGAIN) => {
                    outcome = Outcome::Drained;
                    break;
                }
                Err(errno) if AcceptError::of(errno) == AcceptError::NoRoom => {
                    let text = || format!("no connection can be accepted for the moment: {errno}");
                    self.logic.config().log.line(Level::Warning, text);
                    self.rests_until = now.mono_ns + REST_NS;
                    let _ = self.poller.pause(self.listener.fd(), LISTENER);
                    return;
                }
                // EINTR, and what befell the connection before we took it (accept(2)): the next one is another.
                Err(_) => {}
            }
        }
        let _ = self.poller.rearm(self.listener.fd(), LISTENER, Interest::READABLE, outcome);
    }

    /// When there is something to do by the clock.
    fn next_look(&self) -> u64 {
        let mut next = self.proxy.deadline().min(self.clients.deadline());
        if self.rests_until > 0 {
            next = next.min(self.rests_until);
        }
        next.min(self.drain_until.unwrap_or(u64::MAX))
    }

    fn time(&mut self, now: Now) {
        if self.rests_until > 0 && self.rests_until <= now.mono_ns && self.drain_until.is_none() {
            self.rests_until = 0;
            let _ = self.poller.modify(self.listener.fd(), LISTENER, Interest::READABLE);
        }
        for server in 0..self.links.len() {
            if !self.proxy.tick(server, now.mono_ns) {
                self.drop_link(server, now);
            }
            if self.proxy.wants_connect(server, now.mono_ns) {
                self.connect(server, now);
            }
        }
        for token in self.clients.late(now.mono_ns) {
            self.release(token);
        }
    }

    /// Replies and messages to their clients, bytes to the sockets, until nothing moves any more.
    fn settle(&mut self, now: Now) {
        loop {
            for due in self.proxy.take_due() {
                self.reply(due, now);
            }
            for news in self.proxy.feeds().take_news() {
                match news {
                    News::Settled(settled) => self.subscribed(&settled, now),
                    News::Message(words) => self.logic.forward(&words),
                }
            }
            for token in std::mem::take(&mut self.touched) {
                self.serve(token, now);
                self.flush(token, now);
            }
            self.carry_out(now);
            let emptied = self.logic.channels().take_emptied();
            self.proxy.feeds().forget(&emptied, self.logic.channels(), now.mono_ns);
            for server in 0..self.links.len() {
                self.flush_link(server, now);
            }
            if !self.proxy.has_due() && !self.proxy.feeds().has_news() && self.touched.is_empty() {
                break;
            }
        }
    }

    /// What commands and messages ask of the loop.
    fn carry_out(&mut self, now: Now) {
        for order in self.logic.take_orders() {
            match order {
                Order::Shutdown => self.stop.store(true, SeqCst),
                Order::Kill { client } => {
                    if let Some(token) = self.clients.token_of(client) {
                        self.release(token);
                    }
                }
                Order::Limits => self.clients.set_limits(&self.logic.limits()),
                Order::Look { place } => self.deliver(place.token, now),
            }
        }
    }

    /// A stop begins: nobody else comes, and what has come since the last wait is received.
    fn begin_drain(&mut self, now: Now) {
        self.logic.config().announce_stop();
        self.drain_until = Some(now.mono_ns + DRAIN_NS);
        let _ = self.poller.deregister(self.listener.fd());
        for token in self.clients.tokens() {
            self.read(token, now);
            self.read_last(token, now);
            self.touched.insert(token);
        }
    }

    /// Everybody gets the replies to what was received, then its end. `true`: nobody is left.
    fn drain(&mut self, now: Now) -> bool {
        let until = self.drain_until.unwrap_or(u64::MAX);
        for token in self.clients.tokens() {
            let Some(client) = self.clients.get(token) else { continue };
            client.connection.drain(now.mono_ns);
            if now.mono_ns >= until {
                self.release(token);
            } else {
                self.flush(token, now);
            }
        }
        self.clients.is_empty()
    }
}
