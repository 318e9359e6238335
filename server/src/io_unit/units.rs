//! What all threads of a server share: the logic unit behind its lock, the peers, the deadlines, and what was asked of
//! the loop from elsewhere (stop, kill). The lock order is peer, then logic unit, then the small ones; nobody waits for a
//! socket with one of them held.

use super::deadlines::Deadlines;
use super::peer::Peer;
use super::peers::Peers;
use crate::config::Config;
use crate::logic_unit::{LogicUnit, Order, WallTime};
use crate::storage_unit::Storage;
use eagain_net::sync::Mutex;
use eagain_net::{ClockId, Kernel};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// The time of a turn: one look at the clocks serves all events of it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Of the monotonic clock, for deadlines.
    pub mono_ns: u64,
    /// Of the wall clock, for the lifetimes of keys.
    pub wall: WallTime,
}

impl Now {
    /// Looks at the clocks.
    pub fn of<K: Kernel>(kernel: K) -> Now {
        Now {
            mono_ns: kernel.clock_gettime(ClockId::Monotonic).0,
            wall: WallTime::from_unix_ns(kernel.clock_gettime(ClockId::Realtime).0),
        }
    }
}

/// What the threads of a server share.
pub struct Units<K: Kernel, S: Storage> {
    pub(super) kernel: K,
    pub(super) logic: Mutex<K, LogicUnit<S>>,
    pub(super) peers: Peers<K>,
    pub(super) deadlines: Mutex<K, Deadlines>,
    /// When the main thread looks at the deadlines next, in nanoseconds; whoever adds an earlier one wakes it.
    pub(super) next_look_ns: AtomicU64,
    orders: Mutex<K, Vec<Order>>,
    pub(super) has_orders: AtomicBool,
    stop: AtomicBool,
    /// Peers whose replies wait for the storage; each once.
    held: Mutex<K, BTreeSet<u64>>,
    /// The storage has news for them.
    has_news: Arc<AtomicBool>,
    pub(super) config: Config,
    /// The seed's sixth step to the letter: replies wait for a write event.
    pub(super) write_when_ready: bool,
    /// Only an `EAGAIN` says that the socket is empty.
    pub(crate) reads_until_eagain: bool,
}

impl<K: Kernel, S: Storage> Units<K, S> {
    /// The units of a server, with nobody connected.
    pub fn new(kernel: K, config: Config, logic: LogicUnit<S>) -> Units<K, S> {
        Units {
            kernel,
            logic: Mutex::new(kernel, logic),
            peers: Peers::new(kernel),
            deadlines: Mutex::new(kernel, Deadlines::default()),
            next_look_ns: AtomicU64::new(u64::MAX),
            orders: Mutex::new(kernel, Vec::new()),
            has_orders: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            held: Mutex::new(kernel, BTreeSet::new()),
            has_news: Arc::new(AtomicBool::new(false)),
            write_when_ready: config.write_when_ready,
            reads_until_eagain: false,
            config,
        }
    }

    /// The end of the storage; see [`Storage::close`].
    pub fn close_storage(&self) -> Result<(), String> {
        self.logic.lock().storage().close()
    }

    /// Asks for a graceful stop; async-signal-safe.
    pub fn stop(&self) {
        self.stop.store(true, SeqCst);
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(SeqCst)
    }

    /// Hands the main loop what commands asked of it.
    pub(super) fn order(&self, orders: Vec<Order>) {
        self.orders.lock().extend(orders);
        self.has_orders.store(true, SeqCst);
    }

    /// What was asked since the last call.
    pub(super) fn take_orders(&self) -> Vec<Order> {
        if !self.has_orders.swap(false, SeqCst) {
            return Vec::new();
        }
        std::mem::take(&mut *self.orders.lock())
    }

    /// `ring` ends the loop's wait; it is called whenever the storage has news for peers whose replies wait for it.
    pub(super) fn listen_to_storage(&self, ring: impl Fn() + Send + Sync + 'static) {
        let has_news = self.has_news.clone();
        self.logic.lock().storage().on_progress(Box::new(move || {
            has_news.store(true, SeqCst);
            ring();
        }));
    }

    /// The peer's replies may wait for the storage: then it is among those that [`Units::take_held`] gives.
    pub(super) fn watch_held(&self, peer: &mut Peer<K>, now: Now) {
        if peer.is_held() {
            self.held.lock().insert(peer.token);
            // The news may have come before the peer was entered; then nobody would tell it again.
            peer.settle_held(self);
            if !self.write_when_ready {
                peer.flush(now);
            }
        }
    }

    /// Peers for whom the storage may have news; whoever is still held afterwards is entered again.
    pub(super) fn take_held(&self) -> BTreeSet<u64> {
        if !self.has_news.swap(false, SeqCst) {
            return BTreeSet::new();
        }
        std::mem::take(&mut *self.held.lock())
    }

    /// The peer's deadline may be earlier than any entry of it. `true`: earlier than the main loop's next look.
    pub(super) fn watch_deadline(&self, peer: &mut Peer<K>) -> bool {
        let Some(deadline) = peer.connection.deadline().filter(|&at| at < peer.timer_ns) else {
            return false;
        };
        peer.timer_ns = deadline;
        self.deadlines.lock().add(deadline, peer.token);
        deadline < self.next_look_ns.load(SeqCst)
    }

    /// The peer's session and its place go; closing its socket is what the end of `peer` does.
    pub(super) fn release(&self, peer: &mut Peer<K>) {
        if let Some(session) = peer.session.take() {
            self.logic.lock().disconnect(session);
        }
        self.peers.remove(peer.token);
    }
}
