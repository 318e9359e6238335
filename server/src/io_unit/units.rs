//! What all threads of a server share: the logic unit behind its lock, the wish to stop, and the command queues through which
//! its loops hear of what commands asked for. The lock order is peer, then logic unit, then the small ones; nobody waits
//! for a socket with one of them held.

use super::order_queue::OrderQueue;
use crate::config::Config;
use crate::logic_unit::{LogicUnit, Order, WallTime};
use crate::storage_unit::{Commit, Storage};
use eagain_net::sync::Mutex;
use eagain_net::{ClockId, Kernel};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// Keys that expire in one go, with the logic unit locked.
const EXPIRE_AT_ONCE_MAX: usize = 256;

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

/// Where a loop hears: orders are put into its orders, then it is woken.
struct Ear<K: Kernel> {
    orders: Arc<OrderQueue<K>>,
    wake: Box<dyn Fn() + Send + Sync>,
    expires_keys: bool,
}

/// What the threads of a server share.
pub struct Units<K: Kernel, S: Storage> {
    pub(super) kernel: K,
    pub(super) config: Config,
    pub(super) logic: Mutex<K, LogicUnit<S>>,
    loops: Arc<Mutex<K, Vec<Ear<K>>>>,
    /// When somebody looks at the lifetimes of keys next (Unix milliseconds); written with the logic unit locked, but for
    /// 0: whoever it is, is awake, and will look before it sleeps.
    expiry_look_ms: AtomicU64,
    stop: AtomicBool,
}

impl<K: Kernel, S: Storage> Units<K, S> {
    /// The units of a server, with nobody connected.
    pub fn new(kernel: K, config: Config, mut logic: LogicUnit<S>) -> Units<K, S> {
        logic.measure(move || kernel.clock_gettime(ClockId::Monotonic).0);
        logic.look_again(move || WallTime::from_unix_ns(kernel.clock_gettime(ClockId::Realtime).0));
        Units {
            kernel,
            config,
            logic: Mutex::new(kernel, logic),
            loops: Arc::new(Mutex::new(kernel, Vec::new())),
            expiry_look_ms: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// From now on all loops hear of what the storage has to say.
    pub(super) fn listen_to_storage(&self) {
        let loops = self.loops.clone();
        self.logic.lock().storage().on_progress(Box::new(move || {
            for ear in loops.lock().iter() {
                ear.orders.announce_news();
                (ear.wake)();
            }
        }));
    }

    /// The end of the storage; see [`Storage::close`].
    pub fn close_storage(&self) -> Result<(), String> {
        self.logic.lock().storage().close()
    }

    /// Asks for a graceful stop; async-signal-safe. Loops that sleep see it when they are woken.
    pub fn stop(&self) {
        self.stop.store(true, SeqCst);
    }

    /// Whether a stop was asked for.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(SeqCst)
    }

    /// A loop is there, and hears what commands ask for; one of them tends the keys. Its number and its orders.
    pub(super) fn join_loop(
        &self,
        expires_keys: bool,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> (usize, Arc<OrderQueue<K>>) {
        let orders = Arc::new(OrderQueue::new(self.kernel));
        let ear = Ear { orders: orders.clone(), wake: Box::new(wake), expires_keys };
        let mut loops = self.loops.lock();
        loops.push(ear);
        (loops.len() - 1, orders)
    }

    /// Executes requests: `work` gets the logic unit, with nobody else in it. What they asked of the loops is passed on;
    /// the `Commit` says when the replies may leave.
    pub(super) fn execute<R>(&self, work: impl FnOnce(&mut LogicUnit<S>) -> R) -> (R, Commit) {
        let mut logic = self.logic.lock();
        let result = work(&mut logic);
        let commit = logic.commit();
        let orders = logic.take_orders();
        let look = self.expiry_look_ms.load(SeqCst);
        let early = look > 0 && logic.next_expiry_ms().is_some_and(|at| at < look);
        drop(logic);
        if !orders.is_empty() {
            self.post(&orders);
        }
        if early {
            self.loops.lock().iter().filter(|ear| ear.expires_keys).for_each(|ear| (ear.wake)());
        }
        (result, commit)
    }

    /// Each loop is notified of what concerns it. Which one has a client that is to be killed, nobody but that loop knows.
    fn post(&self, orders: &[Order]) {
        for (number, ear) in self.loops.lock().iter().enumerate() {
            let concerns = |order: &&Order| match order {
                Order::Look { place } => place.at_loop == number,
                Order::Kill { .. } | Order::Limits | Order::Shutdown => true,
            };
            let its: Vec<Order> = orders.iter().filter(concerns).cloned().collect();
            if !its.is_empty() {
                ear.orders.post(&its);
                (ear.wake)();
            }
        }
    }

    /// Who tends the keys is awake: an end that comes earlier is no reason to wake it.
    pub(super) fn expiry_awake(&self) {
        self.expiry_look_ms.store(0, SeqCst);
    }

    /// Removes keys whose time has come. Until when the one who tends the keys may sleep (nanoseconds, monotonic); should that
    /// change, its loop is woken.
    pub(super) fn expire(&self, now: Now) -> u64 {
        let mut logic = self.logic.lock();
        let mut next = logic.next_expiry_ms();
        if next.is_some_and(|at| at <= now.wall.unix_ms()) {
            logic.expire_due(now.wall, EXPIRE_AT_ONCE_MAX);
            logic.commit();
            next = logic.next_expiry_ms();
        }
        let at = next.unwrap_or(u64::MAX);
        self.expiry_look_ms.store(at, SeqCst);
        let wait_ms = at.saturating_sub(now.wall.unix_ms());
        now.mono_ns.saturating_add(wait_ms.saturating_mul(1_000_000))
    }
}
