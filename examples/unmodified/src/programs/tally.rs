//! A program whose threads meet in two atomics and make no call in between: a tally of how many values there were and what
//! they add up to, and a reader that expects both to be of the same moment.

use super::planted::Version;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread;

/// What each value is, so that the sum says how many there were.
const VALUE: u64 = 7;
const VALUES: u64 = 2_000;

/// Both numbers: together in one word, or each in its own.
struct Tally {
    version: Version,
    both: AtomicU64,
    count: AtomicU64,
    sum: AtomicU64,
}

impl Tally {
    fn add(&self, value: u64) {
        match self.version {
            Version::Fixed => {
                self.both.fetch_add(1 << 32 | value, SeqCst);
            }
            Version::Broken => {
                // One thread adds, so nothing is lost.
                self.count.store(self.count.load(SeqCst) + 1, SeqCst);
                self.sum.store(self.sum.load(SeqCst) + value, SeqCst);
            }
        }
    }

    fn read(&self) -> (u64, u64) {
        match self.version {
            Version::Fixed => {
                let both = self.both.load(SeqCst);
                (both >> 32, both & 0xffff_ffff)
            }
            Version::Broken => (self.count.load(SeqCst), self.sum.load(SeqCst)),
        }
    }
}

/// One thread adds, another reads until that is over.
pub fn main(version: Version) {
    let tally = Arc::new(Tally {
        version,
        both: AtomicU64::new(0),
        count: AtomicU64::new(0),
        sum: AtomicU64::new(0),
    });
    let over = Arc::new(AtomicBool::new(false));
    let adder = {
        let (tally, over) = (tally.clone(), over.clone());
        thread::spawn(move || {
            for _ in 0..VALUES {
                tally.add(VALUE);
            }
            over.store(true, SeqCst);
        })
    };
    while !over.load(SeqCst) {
        let (count, sum) = tally.read();
        assert!(sum == count * VALUE, "{count} values of {VALUE} add up to {sum}");
        // Without callbacks no time passes here: a call lets the other thread run.
        thread::yield_now();
    }
    adder.join().expect("it does not panic");
    assert_eq!(tally.read(), (VALUES, VALUES * VALUE));
}
