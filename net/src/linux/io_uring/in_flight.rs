//! What is in flight: a slab of slots, each with all that the kernel may read or write for its operation.

use super::super::sys::socket::RawAddress;
use crate::BufferGroup;
use io_uring::types::Timespec;

/// What the kernel has of an operation until it completes. On the heap each: a slot may move when the slab grows, they do not.
#[derive(Default)]
pub(super) enum Owned {
    #[default]
    Nothing,
    /// Comes back with the completion.
    Buffer(Vec<u8>),
    /// Buffers come from this group, and leave it with the completion.
    Group(BufferGroup),
    #[allow(dead_code)] // held for the kernel, never looked at
    Address(Box<RawAddress>),
    #[allow(dead_code)] // as above
    Time(Box<Timespec>),
}

/// An operation in flight.
pub(super) struct InFlight {
    /// The caller's own.
    pub(super) user_data: u64,
    pub(super) owned: Owned,
}

/// A place for an operation, and how many were there before: a number that was given back means nobody else later, since a
/// cancellation may be carried out long after it was submitted.
#[derive(Default)]
struct Slot {
    past: u32,
    operation: Option<InFlight>,
}

impl Slot {
    fn number(&self, at: usize) -> u64 {
        u64::from(self.past) << 32 | at as u64
    }
}

/// Operations in flight, by number; the number is what the kernel knows them by.
#[derive(Default)]
pub(super) struct InFlightTable {
    slots: Vec<Slot>,
    /// Empty slots, the last one used next.
    free: Vec<u32>,
}

/// Numbers no operation: for asking the kernel about an operation that is not there.
pub(super) const NOBODY: u64 = u64::MAX;

impl InFlightTable {
    pub(super) fn insert(&mut self, operation: InFlight) -> u64 {
        let at = match self.free.pop() {
            Some(at) => at as usize,
            None => {
                self.slots.push(Slot::default());
                self.slots.len() - 1
            }
        };
        let Some(slot) = self.slots.get_mut(at) else { return NOBODY };
        slot.operation = Some(operation);
        slot.number(at)
    }

    pub(super) fn get(&self, number: u64) -> Option<&InFlight> {
        let at = number as u32 as usize;
        self.slots.get(at).filter(|slot| slot.number(at) == number)?.operation.as_ref()
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<InFlight> {
        let at = number as u32 as usize;
        let slot = self.slots.get_mut(at).filter(|slot| slot.number(at) == number)?;
        let operation = slot.operation.take()?;
        slot.past = slot.past.wrapping_add(1);
        self.free.push(at as u32);
        Some(operation)
    }

    /// How many are in flight.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The first one with this `user_data`.
    pub(super) fn find(&self, user_data: u64) -> Option<u64> {
        let mut slots = self.slots.iter().enumerate();
        let (at, slot) =
            slots.find(|(_, slot)| slot.operation.as_ref().is_some_and(|f| f.user_data == user_data))?;
        Some(slot.number(at))
    }
}
