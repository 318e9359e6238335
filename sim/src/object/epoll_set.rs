//! An epoll set (`epoll(7)`): what is registered, the list of what may be ready, and who waits. The list is a hint: an item gets
//! on it by a wake-up and is looked at anew when it is reported, as in the kernel's fs/eventpoll.c.

use crate::fifo::Fifo;
use eagain_net::Events;
use slab::Slab;
use std::collections::BTreeMap;

/// A registration. Outside of here it is only ever read.
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
    items: Slab<Item>,
    /// By descriptor and file: the same number can be registered again once it refers to another file.
    index: BTreeMap<(i32, u32), u32>,
    /// In the order of the wake-ups.
    ready: Fifo<u32>,
    /// Threads in `epoll_wait`, the last to come is woken first.
    waiters: Vec<u32>,
}

/// The flags that are not events.
pub(crate) const PRIVATE: Events =
    Events(Events::ET.0 | Events::ONESHOT.0 | Events::WAKEUP.0 | Events::EXCLUSIVE.0);

impl Item {
    /// Disarmed by `ONESHOT`.
    #[inline(always)]
    pub fn disarmed(&self) -> bool {
        self.events.without(PRIVATE).is_empty()
    }

    /// Whether it is there for one of these.
    #[inline(always)]
    pub fn is_armed_for(&self, key: Events) -> bool {
        !self.disarmed() && key.with_bands().intersects(self.events)
    }
}

impl EpollSet {
    /// Registers a descriptor and the file that it refers to; the item.
    pub fn add(&mut self, fd: i32, file: u32, events: Events, data: u64) -> u32 {
        let item = self.items.insert(Item { file, fd, events, data, ready: false }) as u32;
        self.index.insert((fd, file), item);
        item
    }

    /// Asks for other events (`EPOLL_CTL_MOD`).
    pub fn modify(&mut self, item: u32, events: Events, data: u64) {
        if let Some(entry) = self.items.get_mut(item as usize) {
            (entry.events, entry.data) = (events, data);
        }
    }

    /// Forgets an item, on the ready list too.
    pub fn remove(&mut self, item: u32) {
        let Some(entry) = self.items.try_remove(item as usize) else { return };
        self.index.remove(&(entry.fd, entry.file));
        if entry.ready {
            self.ready.retain(|&other| other != item);
        }
    }

    #[inline(always)]
    pub fn get(&self, item: u32) -> Option<&Item> {
        self.items.get(item as usize)
    }

    /// The item of a descriptor and its file.
    pub fn find(&self, fd: i32, file: u32) -> Option<u32> {
        self.index.get(&(fd, file)).copied()
    }

    /// All of them, by index.
    pub fn items(&self) -> impl Iterator<Item = (u32, &Item)> {
        self.items.iter().map(|(item, entry)| (item as u32, entry))
    }

    /// A watched file had a wake-up: what is there for it goes on the ready list, unless it is there already. `None`: the item
    /// is not there for it; else whether it is exclusive.
    #[inline(always)]
    pub fn wake_up(&mut self, item: u32, key: Events) -> Option<bool> {
        let entry = self.items.get_mut(item as usize)?;
        if !entry.is_armed_for(key) {
            return None;
        }
        let exclusive = entry.events.contains(Events::EXCLUSIVE);
        if !entry.ready {
            entry.ready = true;
            self.ready.push_back(item);
        }
        Some(exclusive)
    }

    /// An item is new or was changed, and its file polls as `mask`: whether that puts it on the ready list.
    pub fn evaluate(&mut self, item: u32, mask: Events) -> bool {
        let Some(entry) = self.items.get_mut(item as usize) else { return false };
        if entry.ready || entry.disarmed() || !mask.intersects(entry.events) {
            return false;
        }
        entry.ready = true;
        self.ready.push_back(item);
        true
    }

    /// Whether anything is on the ready list.
    #[inline(always)]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// How many items are on the ready list.
    #[inline(always)]
    pub fn ready_len(&self) -> usize {
        self.ready.len()
    }

    /// The first item of the ready list, which it stays on.
    pub fn first_ready(&self) -> Option<&Item> {
        self.get(*self.ready.front()?)
    }

    /// Takes the first item off the ready list.
    #[inline(always)]
    pub fn take_ready(&mut self) -> Option<(u32, &Item)> {
        let item = self.ready.pop_front()?;
        let entry = self.items.get_mut(item as usize)?;
        entry.ready = false;
        Some((item, entry))
    }

    /// `epoll_wait` has reported an item: `ONESHOT` disarms it, and a level-triggered one goes to the end of the ready list again.
    #[inline(always)]
    pub fn reported(&mut self, item: u32) {
        let Some(entry) = self.items.get_mut(item as usize) else { return };
        if entry.events.contains(Events::ONESHOT) {
            entry.events = entry.events & PRIVATE;
        } else if !entry.events.contains(Events::ET) && !entry.ready {
            entry.ready = true;
            self.ready.push_back(item);
        }
    }

    /// A thread waits in `epoll_wait`.
    #[inline(always)]
    pub fn wait(&mut self, thread: u32) {
        self.waiters.push(thread);
    }

    /// A thread is no longer in `epoll_wait`.
    #[inline(always)]
    pub fn wait_no_more(&mut self, thread: u32) {
        match self.waiters.as_slice() {
            [only] if *only == thread => self.waiters.clear(),
            _ => self.waiters.retain(|&waiter| waiter != thread),
        }
    }

    /// Who is woken next.
    #[inline(always)]
    pub fn next_waiter(&self) -> Option<u32> {
        self.waiters.last().copied()
    }
}
