//! When to look at which peer. An entry is a hint: the deadline of a peer moves with every byte, so an entry that comes
//! up asks the peer, and is set again where it is too early. So a busy peer costs one entry, not one a request.

use std::collections::BTreeSet;

/// Deadlines by time.
#[derive(Debug, Default)]
pub struct Deadlines {
    entries: BTreeSet<(u64, u64)>,
    /// Until when the loop sleeps; 0 while it is awake.
    asleep_until: u64,
}

impl Deadlines {
    /// Look at `token` at `at` (nanoseconds, monotonic). `true`: the loop sleeps for longer than that, wake it.
    pub fn add(&mut self, at: u64, token: u64) -> bool {
        self.entries.insert((at, token));
        at < self.asleep_until
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

    /// The loop is about to sleep, until the first is due, or `at_most`; until when.
    pub fn sleep(&mut self, at_most: u64) -> u64 {
        self.asleep_until = self.next().unwrap_or(u64::MAX).min(at_most);
        self.asleep_until
    }

    /// The loop is awake, and will look at the entries before it sleeps again.
    pub fn awake(&mut self) {
        self.asleep_until = 0;
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

    #[test]
    fn only_a_sleeper_that_would_oversleep_is_to_be_woken() {
        let mut deadlines = Deadlines::default();
        assert!(!deadlines.add(50, 1), "the loop is awake, and will see it");
        assert_eq!(deadlines.sleep(40), 40);
        assert!(!deadlines.add(45, 2));
        assert!(deadlines.add(30, 3));
        deadlines.awake();
        assert!(!deadlines.add(20, 4));
    }
}
