//! The reactor, step by step, over any readiness model:
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
//! Without workers the main thread takes the workers' part itself.

use super::loop_context::{LoopContext, PAUSED, is_listener};
use super::main_loop::{self, BUSY_NS, MainLoop};
use super::peer::Peer;
use super::poll_set::{Ask, PollSet};
use super::scratch::Scratch;
use super::service::Service;
use super::turn::Ready;
use super::units::Now;
use crate::storage_unit::Storage;
use eagain_net::model::{Event, Poller};
use eagain_net::sync::Queue;
use eagain_net::{Errno, Kernel, thread};
use std::sync::Arc;
use std::time::Duration;

/// What the main thread puts into the request queue.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// A peer's socket is ready.
    Peer(u64, Ready),
    /// Somebody wants to connect, to the listener with this token.
    Accept(u64),
    /// Something happened to a peer that is no event of its socket.
    GoOn(u64),
}

/// What main thread and workers share.
struct Shared<K: Kernel, S: Storage> {
    poll_set: PollSet<K, S>,
    queue: Queue<K, Task>,
}

/// The main thread's.
struct Reactor<K: Kernel, S: Storage> {
    shared: Arc<Shared<K, S>>,
    has_workers: bool,
    events: Vec<Event>,
    scratch: Scratch,
    service: Service<K>,
}

/// Runs until a stop is asked for and everybody has got what is due.
pub(super) fn run<K: Kernel, S: Storage + 'static>(poll_set: PollSet<K, S>) -> Result<(), Errno> {
    let units = poll_set.context.units.clone();
    let (kernel, workers) = (units.kernel, units.config.workers);
    let queue = Queue::new(kernel, units.config.limits.queue_length_max);
    let shared = Arc::new(Shared { poll_set, queue });
    let mut threads = Vec::new();
    let mut result = Ok(());
    for number in 0..workers {
        let shared = shared.clone();
        match thread::spawn(kernel, &format!("worker-{number}"), move || shared.work()) {
            Ok(thread) => threads.push(thread),
            Err(errno) => result = Err(errno),
        }
    }
    if result.is_ok() {
        let scratch = if workers > 0 { Scratch::empty() } else { Scratch::new() };
        let events = Vec::new();
        let mut reactor = Reactor {
            shared: shared.clone(),
            has_workers: workers > 0,
            events,
            scratch,
            service: Service::Here,
        };
        result = main_loop::run(&mut reactor);
    }
    shared.queue.close();
    for worker in threads {
        worker.join().expect("a worker panicked");
    }
    result
}

impl<K: Kernel, S: Storage> MainLoop<K, S> for Reactor<K, S> {
    fn context(&self) -> &Arc<LoopContext<K, S>> {
        &self.shared.poll_set.context
    }

    /// Steps 2 and 5: it waits.
    fn turn(&mut self, timeout: Option<Duration>) -> Result<Now, Errno> {
        let shared = &self.shared;
        let now = shared.poll_set.wait(&mut self.events, timeout)?;
        for &event in &self.events {
            if self.has_workers {
                shared.dispatch(event);
            } else {
                let (service, scratch) = (&mut self.service, &mut self.scratch);
                shared.handle(event.token, Ready::of(event), service, scratch, now, false);
            }
        }
        Ok(now)
    }

    fn resume(&mut self, peer: &mut Peer<K>, now: Now) {
        let Shared { poll_set, queue } = &*self.shared;
        if !self.has_workers || peer.connection.is_closed() {
            poll_set.go_on(&mut Service::Here, peer, now);
            return;
        }
        // Not waited for, since this thread holds the peer that a worker may want first.
        if queue.try_push(Task::GoOn(peer.token)).is_err() {
            poll_set.context.look_at(peer.token, now.mono_ns + BUSY_NS);
        }
    }

    fn listeners(&self) -> u64 {
        self.shared.poll_set.acceptors.len()
    }

    /// Step 1, for the listener; for a peer it is done where it is accepted.
    fn start_accepting(&mut self, token: u64) -> Result<(), Errno> {
        self.shared.poll_set.start_accepting(token)
    }

    fn stop_accepting(&mut self) {
        self.shared.poll_set.stop_accepting();
    }
}

impl<K: Kernel, S: Storage> Shared<K, S> {
    /// Steps 3 and 6: the event goes into the request queue, and its socket is left alone until a worker has handled it.
    fn dispatch(&self, event: Event) {
        if is_listener(event.token) {
            if self.poll_set.pause_accepting(event.token) {
                let _ = self.queue.push(Task::Accept(event.token));
            }
            return;
        }
        // A closed socket that is paused is reported once more (Poller::pause). Paused again it would be reported again, without end.
        if event.token & PAUSED != 0 {
            return;
        }
        // The peer's lock is not asked for: a worker that has just armed the socket may still hold it.
        let Some((fd, _held)) = self.poll_set.context.peers.descriptor(event.token) else { return };
        if self.poll_set.poller.pause(fd, event.token | PAUSED).is_ok() {
            let _ = self.queue.push(Task::Peer(event.token, Ready::of(event)));
        }
    }

    /// Steps 4 and 7: a worker.
    fn work(&self) {
        let (mut service, mut scratch) = (Service::Here, Scratch::new());
        while let Some(task) = self.queue.pop() {
            let now = Now::of(self.poll_set.context.units.kernel);
            match task {
                Task::Peer(token, ready) => self.handle(token, ready, &mut service, &mut scratch, now, true),
                Task::Accept(token) => self.poll_set.accept(token, now, true),
                Task::GoOn(token) => {
                    let Some(shared) = self.poll_set.context.peers.get(token) else { continue };
                    let mut peer = shared.lock();
                    if !peer.released {
                        self.poll_set.go_on(&mut service, &mut peer, now);
                    }
                }
            }
            let context = &self.poll_set.context;
            if context.units.is_stopping() && context.peers.len() == 0 {
                // The main thread ends when the last peer has gone. Woken for more, it would find the sockets of a model that asks them
                // all ready again, and the workers would wake it again.
                context.wake();
            }
        }
    }

    /// One event: accept, or a turn of the peer, and what is wanted of its socket afterwards.
    fn handle(
        &self,
        token: u64,
        ready: Ready,
        service: &mut Service<K>,
        scratch: &mut Scratch,
        now: Now,
        paused: bool,
    ) {
        if is_listener(token) {
            self.poll_set.accept(token, now, paused);
            return;
        }
        let context = &*self.poll_set.context;
        let Some(shared) = context.peers.get(token) else { return };
        let mut peer = shared.lock();
        if peer.released {
            return;
        }
        let outcome = self.poll_set.turn(service, &mut peer, scratch, ready, now);
        self.poll_set
            .update_interest(&mut peer, if paused { Ask::Paused(outcome) } else { Ask::Event(outcome) });
    }
}
