//! The numbers that a search draws for itself: splitmix64, so that the same first seed is the same search everywhere.

use crate::choice::splitmix;

/// A generator.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(splitmix(seed ^ 0x6775_6964_6564_0001))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        splitmix(self.0)
    }

    /// Below `end`, which is not 0.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end.max(1))) >> 64) as u64
    }

    /// One of them, where there are any.
    pub fn one<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.below(all.len() as u64) as usize) }
    }

    /// Whether something happens that happens so many times of 100.
    pub fn percent(&mut self, times: u64) -> bool {
        self.below(100) < times
    }

    /// 0 half of the time, 1 a quarter of the time, and so on.
    pub fn halving(&mut self) -> u64 {
        u64::from(self.next().trailing_zeros())
    }
}
