//! What is in flight: a slab of slots, each with all that the kernel may read or write for its operation.

use super::super::sys::socket::RawAddress;
use crate::BufferGroup;
use io_uring::types::Timespec;

/// What an operation lends to the kernel. On the heap each: a slot may move when the slab grows, they do not.
#[derive(Default)]
pub(super) enum Loan {
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
pub(super) struct Flight {
    /// The caller's own.
    pub(super) user_data: u64,
    pub(super) loan: Loan,
}

/// A place for a flight, and how many were there before: a number that was given back means nobody else later, since a
/// cancellation may be carried out long after it was submitted.
#[derive(Default)]
struct Slot {
    past: u32,
    flight: Option<Flight>,
}

impl Slot {
    fn number(&self, at: usize) -> u64 {
        u64::from(self.past) << 32 | at as u64
    }
}

/// Flights by number; the number is what the kernel knows them by.
#[derive(Default)]
pub(super) struct Flights {
    slots: Vec<Slot>,
    /// Empty slots, the last one used next.
    free: Vec<u32>,
}

/// Numbers no flight: for asking the kernel about an operation that is not there.
pub(super) const NOBODY: u64 = u64::MAX;

impl Flights {
    pub(super) fn insert(&mut self, flight: Flight) -> u64 {
        let at = match self.free.pop() {
            Some(at) => at as usize,
            None => {
                self.slots.push(Slot::default());
                self.slots.len() - 1
            }
        };
        let Some(slot) = self.slots.get_mut(at) else { return NOBODY };
        slot.flight = Some(flight);
        slot.number(at)
    }

    pub(super) fn get(&self, number: u64) -> Option<&Flight> {
        let at = number as u32 as usize;
        self.slots.get(at).filter(|slot| slot.number(at) == number)?.flight.as_ref()
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Flight> {
        let at = number as u32 as usize;
        let slot = self.slots.get_mut(at).filter(|slot| slot.number(at) == number)?;
        let flight = slot.flight.take()?;
        slot.past = slot.past.wrapping_add(1);
        self.free.push(at as u32);
        Some(flight)
    }

    /// How many are in flight.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The first one with this `user_data`.
    pub(super) fn find(&self, user_data: u64) -> Option<u64> {
        let mut slots = self.slots.iter().enumerate();
        let (at, slot) =
            slots.find(|(_, slot)| slot.flight.as_ref().is_some_and(|f| f.user_data == user_data))?;
        Some(slot.number(at))
    }
}
