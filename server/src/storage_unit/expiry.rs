//! Which keys end when: a heap of (time, hash of the key).
//!
//! An item may be out of date, because the key was written again; it then finds no key with that very end and is
//! dropped. The heap is rebuilt when most of it is out of date, so it stays within a constant of the number of keys
//! that have an end. Who is removed, and what follows from it, `keyspace` decides.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// No end.
pub const NEVER: u64 = u64::MAX;

/// The ends that are to come, the earliest first.
#[derive(Debug, Default)]
pub struct Expiry {
    heap: BinaryHeap<Reverse<(u64, u64)>>,
    /// Keys that have an end; at most as many as the heap has items.
    live: usize,
}

impl Expiry {
    /// How many keys have an end.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no key has one.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// A time at or before the earliest end.
    pub fn earliest_ms(&self) -> Option<u64> {
        if self.live == 0 { None } else { self.heap.peek().map(|Reverse((at, _))| *at) }
    }

    /// A key changed its end from `old` to `new`; either may be [`NEVER`].
    pub fn moved(&mut self, old: u64, new: u64, hash: impl FnOnce() -> u64) {
        if old != NEVER {
            self.live -= 1;
        }
        if new != NEVER {
            self.live += 1;
            if old != new {
                self.heap.push(Reverse((new, hash())));
            }
        }
        if self.live == 0 {
            self.heap.clear();
        }
    }

    /// Whether the heap is to be rebuilt.
    pub fn is_mostly_stale(&self) -> bool {
        self.heap.len() > 2 * self.live + 64
    }

    /// The heap anew, from all (end, hash) that there are.
    pub fn rebuild(&mut self, ends: impl Iterator<Item = (u64, u64)>) {
        self.heap = ends.map(Reverse).collect();
    }

    /// The next item whose end is at or before `now_ms`.
    pub fn pop_due(&mut self, now_ms: u64) -> Option<(u64, u64)> {
        match self.heap.peek() {
            Some(Reverse((at, _))) if *at <= now_ms => self.heap.pop().map(|Reverse(item)| item),
            _ => None,
        }
    }

    /// Nothing has an end any more.
    pub fn clear(&mut self) {
        *self = Expiry::default();
    }
}
