//! An epoll set (`epoll(7)`): what is registered, and the list of what may be ready. The list is a hint: an entry gets
//! on it by a wake-up and is looked at anew when it is reported, as in the kernel's fs/eventpoll.c.

use crate::fifo::Fifo;
use eagain_net::Events;
use slab::Slab;
use std::collections::BTreeMap;

/// A registration.
pub(crate) struct Item {
    pub file: u32,
    pub fd: i32,
    /// With the flags; without any event bit: disarmed by `ONESHOT`.
    pub events: Events,
    pub data: u64,
    /// It is on the ready list.
    pub ready: bool,
}

/// The set.
#[derive(Default)]
pub(crate) struct EpollSet {
    pub items: Slab<Item>,
    /// By descriptor and file: the same number can be registered again once it refers to another file.
    pub index: BTreeMap<(i32, u32), u32>,
    /// In the order of the wake-ups.
    pub ready: Fifo<u32>,
    /// Threads in `epoll_wait`, the last to come is woken first.
    pub waiters: Vec<u32>,
}

/// The flags that are not events.
pub(crate) const PRIVATE: Events =
    Events(Events::ET.0 | Events::ONESHOT.0 | Events::WAKEUP.0 | Events::EXCLUSIVE.0);

impl Item {
    /// Disarmed by `ONESHOT`.
    pub fn disarmed(&self) -> bool {
        self.events.without(PRIVATE).is_empty()
    }
}
