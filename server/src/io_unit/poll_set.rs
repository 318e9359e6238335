//! A poller, the listener, and the loop's peers: what every driver on a readiness model does in the same way.

use super::acceptor::Accepted;
use super::loop_context::{LISTENER, LoopContext};
use super::loop_setup::Acceptors;
use super::peer::Peer;
use super::scratch::Scratch;
use super::service::Service;
use super::turn::Ready;
use super::units::Now;
use crate::storage_unit::Storage;
use eagain_net::model::{AnyPoller, Event, Interest, Outcome, Poller};
use eagain_net::{Errno, Kernel};
use std::sync::Arc;
use std::time::Duration;

/// What the poller is asked for after a peer was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// An event was handled, and ended so.
    Event(Outcome),
    /// The peer was paused for a worker, who is done; it ended so.
    Paused(Outcome),
    /// It was not about an event.
    Nothing,
}

/// A poller with the loop's sockets in it.
pub(super) struct PollSet<K: Kernel, S: Storage> {
    pub(super) context: Arc<LoopContext<K, S>>,
    pub(super) poller: AnyPoller<K>,
    pub(super) acceptors: Acceptors<K>,
}

impl<K: Kernel, S: Storage> PollSet<K, S> {
    pub(super) fn new(
        context: LoopContext<K, S>,
        poller: AnyPoller<K>,
        acceptors: Acceptors<K>,
    ) -> PollSet<K, S> {
        PollSet { context: Arc::new(context), poller, acceptors }
    }

    /// Waits; `events` is what for.
    pub(super) fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<Now, Errno> {
        self.poller.wait(events, timeout)?;
        self.context.awake();
        Ok(Now::of(self.context.units.kernel))
    }

    /// The listener is watched, for the first time or again after a rest.
    pub(super) fn start_accepting(&self, token: u64) -> Result<(), Errno> {
        let Some((_, listener)) = self.acceptors.open(token) else { return Ok(()) };
        match self.poller.modify(listener.fd(), token, Interest::READABLE) {
            Err(Errno::ENOENT) => self.poller.register(listener.fd(), token, Interest::READABLE),
            other => other,
        }
    }

    pub(super) fn stop_accepting(&self) {
        for (token, acceptor) in (LISTENER..).zip(&self.acceptors.0) {
            if let Some((_, listener)) = self.acceptors.open(token) {
                let _ = self.poller.deregister(listener.fd());
            }
            acceptor.close();
        }
    }

    /// Until it is rearmed or listening goes on, no event of the listener. `true`: there is one to be handled.
    pub(super) fn pause_accepting(&self, token: u64) -> bool {
        let listener = self.acceptors.open(token);
        listener.is_some_and(|(_, listener)| self.poller.pause(listener.fd(), token).is_ok())
    }

    /// Takes in whoever waits; `paused`: the listener is.
    pub(super) fn accept(&self, token: u64, now: Now, paused: bool) {
        let Some(acceptor) = self.acceptors.get(token) else { return };
        let accepted = acceptor.turn(&self.context, now, |peer| {
            self.poller.register(peer.stream.fd(), peer.token, Interest::READABLE)
        });
        let Some(listener) = acceptor.listener() else { return };
        let outcome = match accepted {
            Accepted::RestUntil(until) => {
                let _ = self.poller.pause(listener.fd(), token);
                self.context.look_at(token, until);
                return;
            }
            Accepted::Nobody => Outcome::Nothing,
            Accepted::All => Outcome::Drained,
            Accepted::More => Outcome::More,
        };
        // It fails where the listener was closed meanwhile.
        let _ = if paused {
            self.poller.resume(listener.fd(), token, Interest::READABLE, outcome)
        } else {
            self.poller.rearm(listener.fd(), token, Interest::READABLE, outcome)
        };
    }

    /// A turn of a peer. Where the server stops it is the last one that reads, as much as a turn does: nobody may have looked at what has
    /// come since the last wait. Whichever turn comes first does it: a model that asks every socket again and again may leave no room in the queue for the
    /// task that is sent for it.
    pub(super) fn turn(
        &self,
        service: &mut Service<K>,
        peer: &mut Peer<K>,
        scratch: &mut Scratch,
        ready: Ready,
        now: Now,
    ) -> Outcome {
        if !std::mem::take(&mut peer.flight.stops) {
            return peer.turn(&self.context, service, scratch, ready, now);
        }
        let read = peer.turn(&self.context, service, scratch, ready.with_input(), now);
        if peer.connection.wants_last_read() && !peer.connection.wants_read() {
            // Nothing, an end or an error: if anything is read later, that says which.
            let n = peer.stream.read(&mut scratch.bytes).unwrap_or(0);
            service.serve(&self.context.units, peer, &scratch.bytes[..n], now);
        }
        peer.connection.drain(now.mono_ns);
        match peer.turn(&self.context, service, scratch, ready, now) {
            Outcome::Nothing => read,
            outcome => outcome,
        }
    }

    /// Goes on with a peer without an event of its socket: requests that waited are handled, what is to be sent goes out.
    pub(super) fn go_on(&self, service: &mut Service<K>, peer: &mut Peer<K>, now: Now) {
        let ready = Ready::to_go_on(!self.context.units.config.write_when_ready);
        let mut scratch = if peer.flight.stops { Scratch::new() } else { Scratch::empty() };
        self.turn(service, peer, &mut scratch, ready, now);
        self.update_interest(peer, Ask::Nothing);
    }

    /// Asks for what the peer's connection wants from now on, or releases it.
    pub(super) fn update_interest(&self, peer: &mut Peer<K>, ask: Ask) {
        let fd = peer.stream.fd();
        if peer.connection.is_closed() && peer.session.is_some() {
            self.poller.forget(fd);
            self.context.release(peer);
            return;
        }
        self.context.arm_deadline(peer);
        // A closed one whose session is with a worker wants nothing, and waits for it.
        let wanted = peer.wanted();
        let set = match ask {
            _ if wanted != peer.interest => self.poller.modify(fd, peer.token, wanted),
            // It stays paused: armed for nothing, a closed one would be reported again, and a worker would come again.
            Ask::Paused(_) if wanted.is_none() => Ok(()),
            Ask::Paused(outcome) => self.poller.resume(fd, peer.token, wanted, outcome),
            Ask::Event(outcome) => self.poller.rearm(fd, peer.token, wanted, outcome),
            Ask::Nothing => Ok(()),
        };
        peer.interest = wanted;
        if set.is_err() {
            self.poller.forget(fd);
            self.context.release(peer);
        }
    }
}
