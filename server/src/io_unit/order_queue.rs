//! Where a loop finds what it was asked by others: orders of commands, whichever thread executed them, and the news that
//! the storage has.

use crate::logic_unit::Order;
use eagain_net::Threads;
use eagain_net::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// Orders for one loop.
pub(super) struct OrderQueue<K: Threads> {
    orders: Mutex<K, Vec<Order>>,
    /// Whether there is any: a loop asks in every turn.
    full: AtomicBool,
    /// The storage has news for peers whose replies wait for it.
    news: AtomicBool,
}

impl<K: Threads> OrderQueue<K> {
    pub(super) fn new(kernel: K) -> OrderQueue<K> {
        OrderQueue {
            orders: Mutex::new(kernel, Vec::new()),
            full: AtomicBool::new(false),
            news: AtomicBool::new(false),
        }
    }

    /// Puts orders in; the loop is to be woken after it.
    pub(super) fn post(&self, orders: &[Order]) {
        self.orders.lock().extend_from_slice(orders);
        self.full.store(true, SeqCst);
    }

    /// What was put in since the last call.
    pub(super) fn take(&self) -> Vec<Order> {
        if !self.full.load(SeqCst) || !self.full.swap(false, SeqCst) {
            return Vec::new();
        }
        std::mem::take(&mut *self.orders.lock())
    }

    /// The storage has news; the loop is to be woken after it.
    pub(super) fn announce_news(&self) {
        self.news.store(true, SeqCst);
    }

    /// Whether the storage has had news since the last call.
    pub(super) fn take_news(&self) -> bool {
        self.news.load(SeqCst) && self.news.swap(false, SeqCst)
    }
}
