//! The proactor on a model that tells of readiness. The eight steps are those of [the module](super).

use crate::io_unit::home::{Home, is_listener};
use crate::io_unit::main_loop::{self, MainLoop};
use crate::io_unit::peer::Peer;
use crate::io_unit::service::{Service, Workers};
use crate::io_unit::turn::Ready;
use crate::io_unit::units::Now;
use crate::io_unit::watch::{Ask, SCRATCH_BYTES, Watch};
use crate::storage_unit::Storage;
use eagain_net::model::Event;
use eagain_net::{Errno, Kernel};
use std::sync::Arc;
use std::time::Duration;

/// The main thread's.
struct Emulated<K: Kernel, S: Storage> {
    watch: Watch<K, S>,
    service: Service<K>,
    events: Vec<Event>,
    scratch: Vec<u8>,
}

/// Runs until a stop is asked for and everybody has got what is due.
pub(in crate::io_unit) fn run<K: Kernel, S: Storage + 'static>(watch: Watch<K, S>) -> Result<(), Errno> {
    let workers = Workers::start(&watch.home.units)?;
    let service = workers.service(watch.home.units.kernel, Some(watch.home.waker.clone()));
    let mut proactor = Emulated { watch, service, events: Vec::new(), scratch: vec![0; SCRATCH_BYTES] };
    let result = main_loop::run(&mut proactor);
    workers.end();
    result
}

impl<K: Kernel, S: Storage> MainLoop<K, S> for Emulated<K, S> {
    fn home(&self) -> &Arc<Home<K, S>> {
        &self.watch.home
    }

    /// Steps 2 and 6: other things, which is whatever happens next.
    fn turn(&mut self, patience: Option<Duration>) -> Result<Now, Errno> {
        let now = self.watch.wait(&mut self.events, patience)?;
        // Steps 3 and 7.
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            self.ready(event, now);
        }
        self.events = events;
        // Step 5.
        let Emulated { watch, service, .. } = self;
        service.collect(&watch.home, now, |service, peer| watch.go_on(service, peer, now));
        Ok(now)
    }

    fn resume(&mut self, peer: &mut Peer<K>, now: Now) {
        self.watch.go_on(&mut self.service, peer, now);
    }

    fn listeners(&self) -> u64 {
        self.watch.acceptors.len()
    }

    fn start_accepting(&mut self, token: u64) -> Result<(), Errno> {
        self.watch.start_accepting(token)
    }

    fn stop_accepting(&mut self) {
        self.watch.stop_accepting();
    }
}

impl<K: Kernel, S: Storage> Emulated<K, S> {
    /// A socket can be read or written: that is done at once (steps 1 and 3, and 5 and 7, in one), finished reads go to a
    /// worker (step 4), and what is wanted of the socket next is decided (step 8).
    fn ready(&mut self, event: Event, now: Now) {
        if is_listener(event.token) {
            self.watch.accept(event.token, now, false);
            return;
        }
        let Some(shared) = self.watch.home.peers.get(event.token) else { return };
        let mut peer = shared.lock();
        let ready = Ready::of(event);
        let outcome = peer.turn(&self.watch.home, &mut self.service, &mut self.scratch, ready, now);
        self.watch.update_interest(&mut peer, Ask::Event(outcome));
    }
}
