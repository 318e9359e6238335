//! What one loop of the server has of its own: its peers, their deadlines, and its orders.

use super::deadlines::Deadlines;
use super::order_queue::OrderQueue;
use super::peer::Peer;
use super::peers::Peers;
use super::units::{Now, Units};
use crate::storage_unit::Storage;
use eagain_net::Kernel;
use eagain_net::model::Waker;
use eagain_net::sync::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The first listener's token, the others' being above it; those of peers are below it.
pub(super) const LISTENER: u64 = 1 << 61;
/// With a peer's token: look at it only because it may be late.
pub(super) const DEADLINE: u64 = 1 << 62;
/// With a peer's token: its socket is paused for a worker. The poller keeps this mark together with what it was asked for.
pub(super) const PAUSED: u64 = 1 << 63;

/// Whether a token is a listener's.
pub(super) fn is_listener(token: u64) -> bool {
    token & (PAUSED | DEADLINE | LISTENER) == LISTENER
}

/// One loop's own.
pub struct LoopContext<K: Kernel, S: Storage> {
    pub(super) units: Arc<Units<K, S>>,
    pub(super) peers: Peers<K>,
    /// Its number among the loops.
    pub(super) number: usize,
    pub(super) orders: Arc<OrderQueue<K>>,
    pub(super) waker: Waker<K>,
    deadlines: Mutex<K, Deadlines>,
    /// Peers whose replies wait for the storage; each once.
    awaiting: Mutex<K, BTreeSet<u64>>,
    /// It looks after the lifetimes of keys.
    pub(super) expires_keys: bool,
    /// Peers that the model can serve at a time.
    pub(super) peers_max: usize,
}

impl<K: Kernel, S: Storage> LoopContext<K, S> {
    /// A loop of these units with nobody connected; `waker` ends its waiting.
    pub(super) fn new(units: Arc<Units<K, S>>, waker: Waker<K>, expires_keys: bool) -> LoopContext<K, S> {
        let kernel = units.kernel;
        let own_waker = waker.clone();
        // It fails only where the loop is gone.
        let (number, orders) = units.join_loop(expires_keys, move || _ = own_waker.wake());
        LoopContext {
            units,
            peers: Peers::new(kernel),
            number,
            orders,
            waker,
            deadlines: Mutex::new(kernel, Deadlines::default()),
            awaiting: Mutex::new(kernel, BTreeSet::new()),
            expires_keys,
            peers_max: usize::MAX,
        }
    }

    /// Keys whose time has come go; how long the loop may sleep then, until `at_most`. Whoever adds an earlier deadline from now on
    /// wakes it.
    pub(super) fn timeout(&self, now: Now, at_most: u64) -> Option<Duration> {
        let keys = if self.expires_keys { self.units.expire(now) } else { u64::MAX };
        let next = self.deadlines.lock().sleep(at_most.min(keys));
        (next != u64::MAX).then(|| Duration::from_nanos(next.saturating_sub(now.mono_ns)))
    }

    /// The loop is awake. To be called as soon as it is, so that nothing that it does itself wakes it.
    pub(super) fn awake(&self) {
        self.deadlines.lock().awake();
        if self.expires_keys {
            self.units.expiry_awake();
        }
    }

    /// A deadline that has passed.
    pub(super) fn pop_due(&self, now: Now) -> Option<u64> {
        self.deadlines.lock().pop_due(now.mono_ns)
    }

    /// The loop is to look at `token` at `at`.
    pub(super) fn look_at(&self, token: u64, at: u64) {
        if self.deadlines.lock().add(at, token) {
            self.wake();
        }
    }

    /// The peer's deadline may be earlier than any entry of it.
    pub(super) fn arm_deadline(&self, peer: &mut Peer<K>) {
        if let Some(deadline) = peer.connection.deadline().filter(|&at| at < peer.timer_ns) {
            peer.timer_ns = deadline;
            self.look_at(peer.token | DEADLINE, deadline);
        }
    }

    /// Asks the storage for the peer, whose replies may wait for it. Where they go on waiting the peer will be among
    /// those of [`LoopContext::take_awaiting`]. `true`: there was news.
    #[inline]
    pub(super) fn ask_storage(&self, peer: &mut Peer<K>, now: Now) -> bool {
        !peer.awaiting.is_empty() && self.ask_for_awaiting(peer, now)
    }

    #[cold]
    fn ask_for_awaiting(&self, peer: &mut Peer<K>, now: Now) -> bool {
        // In this order: news that comes from now on is reported.
        self.awaiting.lock().insert(peer.token);
        peer.awaiting.ask(&mut peer.connection, &mut self.units.logic.lock(), now.mono_ns)
    }

    /// The peer gets what was put aside for it, or goes on with what was put off or has waited long enough. Where its session is
    /// with a worker, that has to wait. `true`: there may be something to do.
    pub(super) fn deliver(&self, peer: &mut Peer<K>, is_notified: bool, now: Now) -> bool {
        peer.flight.delivery_came = peer.session.is_none();
        peer.deliver(&mut self.units.logic.lock(), is_notified, now);
        !peer.flight.delivery_came
    }

    /// Peers for whom the storage may have news.
    pub(super) fn take_awaiting(&self) -> BTreeSet<u64> {
        if !self.orders.take_news() {
            return BTreeSet::new();
        }
        std::mem::take(&mut *self.awaiting.lock())
    }

    /// Ends the loop's waiting.
    pub(super) fn wake(&self) {
        // It fails only where the loop is gone.
        let _ = self.waker.wake();
    }

    /// The peer's session and its place go; closing its socket is what the end of `peer` does.
    pub(super) fn release(&self, peer: &mut Peer<K>) {
        if let Some(session) = peer.session.take() {
            self.units.logic.lock().disconnect(session, peer.connection.end());
        }
        peer.released = true;
        self.peers.remove(peer.token);
    }
}
