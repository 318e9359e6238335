//! When to look at which peer. An entry is a hint: the deadline of a peer moves with every byte, so an entry that comes
//! up asks the peer, and is set again where it is too early. So a busy peer costs one entry, not one a request.

use std::collections::BTreeSet;

/// Deadlines by time.
#[derive(Debug, Default)]
pub struct Deadlines {
    entries: BTreeSet<(u64, u64)>,
}

impl Deadlines {
    /// Look at `token` at `at` (nanoseconds, monotonic).
    pub fn add(&mut self, at: u64, token: u64) {
        self.entries.insert((at, token));
    }

    /// The next that is due.
    pub fn pop_due(&mut self, now: u64) -> Option<u64> {
        let &(at, _) = self.entries.first()?;
        if at > now {
            return None;
        }
        self.entries.pop_first().map(|(_, token)| token)
    }

    /// When the first is due.
    pub fn next(&self) -> Option<u64> {
        self.entries.first().map(|&(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::Deadlines;

    #[test]
    fn entries_come_up_in_the_order_of_time_and_not_before_it() {
        let mut deadlines = Deadlines::default();
        for (at, token) in [(30, 1), (10, 2), (20, 3), (10, 4)] {
            deadlines.add(at, token);
        }
        assert_eq!(deadlines.next(), Some(10));
        assert_eq!(deadlines.pop_due(9), None);
        let due: Vec<u64> = std::iter::from_fn(|| deadlines.pop_due(20)).collect();
        assert_eq!(due, [2, 4, 3]);
        assert_eq!(deadlines.next(), Some(30));
    }
}
