//! What all tasks of a server share: the logic unit, the peers with what is asked of each, the waker of the main
//! task, and the upstream servers where this one keeps nothing. One thread has it, so borrows are short and never held across an
//! `await`.

use super::Surroundings;
use super::upstream::Upstream;
use crate::io_unit::units::Now;
use crate::logic_unit::{LogicUnit, Order, Session, WallTime};
use crate::request_queue::ReplyBatch;
use crate::storage_unit::Storage;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::Waker;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Bytes read at once.
const SCRATCH_BYTES: usize = 64 * 1024;
/// Keys that expire in one go.
const EXPIRE_AT_ONCE_MAX: usize = 256;

/// What is asked of a peer, the most severe last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    /// Nothing.
    #[default]
    None,
    /// To look whether the storage has news, or there is a delivery.
    News,
    /// To take over the limits of the configuration, and to look as for [`Wish::News`].
    Limits,
    /// To answer what was received, and end.
    Drain,
    /// To end at once, because the server does.
    Close,
    /// To end at once, because somebody wants it to.
    Kill,
}

/// What has come for a peer from servers behind.
#[derive(Debug)]
pub(super) enum Arrived {
    /// A reply to a request that was passed on.
    Reply(ReplyBatch),
    /// The reply to a request to subscribe, on which the peer has waited.
    Subscribed(Vec<u8>),
}

/// A peer as others see it: its session, and where it hears of wishes, and of what comes from servers behind.
#[derive(Debug)]
pub(super) struct Notice {
    pub session: RefCell<Session>,
    wish: Cell<Wish>,
    arrived: RefCell<Vec<Arrived>>,
    waker: RefCell<Option<Waker>>,
}

impl Notice {
    fn wake_with(&self, wish: Wish) {
        self.wish.set(self.wish.get().max(wish));
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// What came since the last call.
    pub fn take_arrived(&self) -> Vec<Arrived> {
        self.arrived.take()
    }

    pub fn arrives(&self, what: Arrived) {
        self.arrived.borrow_mut().push(what);
        self.wake();
    }

    /// What was asked since the last call; the next wish wakes `waker`.
    pub fn take(&self, waker: &Waker) -> Wish {
        let mut mine = self.waker.borrow_mut();
        if mine.as_ref().is_none_or(|known| !known.will_wake(waker)) {
            *mine = Some(waker.clone());
        }
        self.wish.take()
    }
}

/// Called from any thread.
#[derive(Default)]
struct Wakeup {
    notify: Notify,
    news: AtomicBool,
}

/// What the tasks share.
pub(super) struct Shared<S> {
    pub logic: RefCell<LogicUnit<S>>,
    pub scratch: RefCell<Vec<u8>>,
    /// Where requests go on to, if they are not for this server to execute.
    pub upstream: Option<Rc<Upstream>>,
    peers: RefCell<BTreeMap<u64, Rc<Notice>>>,
    orders: RefCell<Vec<Order>>,
    wakeup: Arc<Wakeup>,
    stopping: Cell<bool>,
    /// When the main task looks at the lifetimes of keys next (Unix milliseconds).
    expiry_look_ms: Cell<u64>,
    start: Instant,
    surroundings: Surroundings,
}

pub(super) fn wall_time(surroundings: &Surroundings) -> WallTime {
    WallTime::from_unix_ns((surroundings.wall)())
}

impl<S: Storage> Shared<S> {
    pub fn with(
        mut logic: LogicUnit<S>,
        upstream: Option<Rc<Upstream>>,
        surroundings: Surroundings,
    ) -> Rc<Shared<S>> {
        let begun = Instant::now();
        logic.measure(move || u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX));
        let wall = surroundings.wall.clone();
        logic.look_again(move || WallTime::from_unix_ns(wall()));
        let wakeup = Arc::<Wakeup>::default();
        let ring = wakeup.clone();
        logic.storage().on_progress(Box::new(move || {
            ring.news.store(true, SeqCst);
            ring.notify.notify_one();
        }));
        Rc::new(Shared {
            logic: RefCell::new(logic),
            scratch: RefCell::new(vec![0; SCRATCH_BYTES]),
            upstream,
            peers: RefCell::default(),
            orders: RefCell::default(),
            wakeup,
            stopping: Cell::new(false),
            expiry_look_ms: Cell::new(u64::MAX),
            start: Instant::now(),
            surroundings,
        })
    }

    /// The time, by tokio's clock and by the wall clock.
    pub fn now(&self) -> Now {
        let mono_ns = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        Now { mono_ns, wall: wall_time(&self.surroundings) }
    }

    /// The moment of a deadline of a connection.
    pub fn instant(&self, mono_ns: u64) -> Instant {
        self.start + Duration::from_nanos(mono_ns)
    }

    /// Waits until somebody wants the main task.
    pub async fn woken(&self) {
        self.wakeup.notify.notified().await;
    }

    pub fn stop(&self) {
        self.stopping.set(true);
        self.wakeup.notify.notify_one();
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// A peer is there; where it hears of wishes.
    pub fn enter(&self, session: Session) -> Rc<Notice> {
        let client = session.id;
        let notice = Rc::new(Notice {
            session: RefCell::new(session),
            wish: Cell::default(),
            arrived: RefCell::default(),
            waker: RefCell::default(),
        });
        self.peers.borrow_mut().insert(client, notice.clone());
        notice
    }

    /// A peer is gone.
    pub fn leave(&self, client: u64) {
        self.peers.borrow_mut().remove(&client);
        self.wakeup.notify.notify_one();
    }

    pub fn peers(&self) -> usize {
        self.peers.borrow().len()
    }

    /// The peer of this client, if it is still there.
    pub fn peer(&self, client: u64) -> Option<Rc<Notice>> {
        self.peers.borrow().get(&client).cloned()
    }

    pub fn wake_all_with(&self, wish: Wish) {
        for notice in self.peers.borrow().values() {
            notice.wake_with(wish);
        }
    }

    /// What commands asked for is for the main task; so are keys that expire earlier than it will look.
    pub fn after_execution(&self, orders: Vec<Order>, next_expiry_ms: Option<u64>) {
        let early = next_expiry_ms.is_some_and(|at| at < self.expiry_look_ms.get());
        if early || !orders.is_empty() {
            self.orders.borrow_mut().extend(orders);
            self.wakeup.notify.notify_one();
        }
    }

    /// Does what commands asked for, and passes on what the storage has to say.
    pub fn carry_out(&self) {
        for order in self.orders.take() {
            match order {
                Order::Shutdown => self.stop(),
                Order::Kill { client } => {
                    if let Some(notice) = self.peers.borrow().get(&client) {
                        notice.wake_with(Wish::Kill);
                    }
                }
                Order::Limits => self.wake_all_with(Wish::Limits),
                Order::Look { place } => {
                    if let Some(notice) = self.peers.borrow().get(&place.token) {
                        notice.wake_with(Wish::News);
                    }
                }
            }
        }
        if self.wakeup.news.swap(false, SeqCst) {
            self.wake_all_with(Wish::News);
        }
    }

    /// Removes keys whose time has come; how long until the next look.
    pub fn expire_due(&self) -> Option<Duration> {
        let now = self.now().wall;
        let mut logic = self.logic.borrow_mut();
        if logic.next_expiry_ms().is_some_and(|at| at <= now.unix_ms()) {
            logic.expire_due(now, EXPIRE_AT_ONCE_MAX);
            logic.commit();
        }
        let next = logic.next_expiry_ms();
        self.expiry_look_ms.set(next.unwrap_or(u64::MAX));
        next.map(|at| Duration::from_millis(at.saturating_sub(now.unix_ms()).max(1)))
    }

    pub fn close_storage(&self) -> Result<(), String> {
        self.logic.borrow_mut().storage().close()
    }
}
