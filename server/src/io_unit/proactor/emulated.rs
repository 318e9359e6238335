//! The proactor on a readiness model. The eight steps are those of [the module](super).

use crate::io_unit::loop_context::{LoopContext, is_listener};
use crate::io_unit::main_loop::{self, MainLoop};
use crate::io_unit::peer::Peer;
use crate::io_unit::poll_set::{Ask, PollSet};
use crate::io_unit::scratch::Scratch;
use crate::io_unit::service::{Service, Workers};
use crate::io_unit::turn::Ready;
use crate::io_unit::units::Now;
use crate::storage_unit::Storage;
use eagain_net::model::Event;
use eagain_net::{Errno, Kernel};
use std::sync::Arc;
use std::time::Duration;

/// The main thread's.
struct Emulated<K: Kernel, S: Storage> {
    poll_set: PollSet<K, S>,
    service: Service<K>,
    events: Vec<Event>,
    scratch: Scratch,
}

/// Runs until a stop is asked for and everybody has got what is due.
pub(in crate::io_unit) fn run<K: Kernel, S: Storage + 'static>(poll_set: PollSet<K, S>) -> Result<(), Errno> {
    let workers = Workers::start(&poll_set.context.units)?;
    let service = workers.service(poll_set.context.units.kernel, Some(poll_set.context.waker.clone()));
    let mut proactor = Emulated { poll_set, service, events: Vec::new(), scratch: Scratch::new() };
    let result = main_loop::run(&mut proactor);
    workers.end();
    result
}

impl<K: Kernel, S: Storage> MainLoop<K, S> for Emulated<K, S> {
    fn context(&self) -> &Arc<LoopContext<K, S>> {
        &self.poll_set.context
    }

    /// Steps 2 and 6: other things, which is whatever happens next.
    fn turn(&mut self, timeout: Option<Duration>) -> Result<Now, Errno> {
        let now = self.poll_set.wait(&mut self.events, timeout)?;
        // Steps 3 and 7.
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.ready(event, now);
        }
        self.events = events;
        // Step 5.
        let Emulated { poll_set, service, .. } = self;
        service.collect(&poll_set.context, now, |service, peer| poll_set.go_on(service, peer, now));
        Ok(now)
    }

    fn resume(&mut self, peer: &mut Peer<K>, now: Now) {
        self.poll_set.go_on(&mut self.service, peer, now);
    }

    fn listeners(&self) -> u64 {
        self.poll_set.acceptors.len()
    }

    fn start_accepting(&mut self, token: u64) -> Result<(), Errno> {
        self.poll_set.start_accepting(token)
    }

    fn stop_accepting(&mut self) {
        self.poll_set.stop_accepting();
    }
}

impl<K: Kernel, S: Storage> Emulated<K, S> {
    /// A socket can be read or written: that is done at once (steps 1 and 3, and 5 and 7, in one), finished reads go to a
    /// worker (step 4), and what is wanted of the socket next is decided (step 8).
    fn ready(&mut self, event: Event, now: Now) {
        if is_listener(event.token) {
            self.poll_set.accept(event.token, now, false);
            return;
        }
        let Some(shared) = self.poll_set.context.peers.get(event.token) else { return };
        let mut peer = shared.lock();
        let ready = Ready::of(event);
        let outcome = peer.turn(&self.poll_set.context, &mut self.service, &mut self.scratch, ready, now);
        self.poll_set.update_interest(&mut peer, Ask::Event(outcome));
    }
}
