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

/// Flights by number; the number is what the kernel knows them by.
#[derive(Default)]
pub(super) struct Flights {
    slots: Vec<Option<Flight>>,
    /// Numbers of empty slots, the last one used next.
    free: Vec<u32>,
}

/// Numbers no flight: for asking the kernel about an operation that is not there.
pub(super) const NOBODY: u64 = u64::MAX;

impl Flights {
    pub(super) fn insert(&mut self, flight: Flight) -> u64 {
        match self.free.pop() {
            Some(number) => {
                if let Some(slot) = self.slots.get_mut(number as usize) {
                    *slot = Some(flight);
                }
                u64::from(number)
            }
            None => {
                self.slots.push(Some(flight));
                self.slots.len() as u64 - 1
            }
        }
    }

    pub(super) fn get(&self, number: u64) -> Option<&Flight> {
        self.slots.get(usize::try_from(number).ok()?)?.as_ref()
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Flight> {
        let flight = self.slots.get_mut(usize::try_from(number).ok()?)?.take();
        if flight.is_some() {
            self.free.push(number as u32);
        }
        flight
    }

    /// How many are in flight.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The first one with this `user_data`.
    pub(super) fn find(&self, user_data: u64) -> Option<u64> {
        let at = self
            .slots
            .iter()
            .position(|slot| slot.as_ref().is_some_and(|flight| flight.user_data == user_data))?;
        Some(at as u64)
    }
}
