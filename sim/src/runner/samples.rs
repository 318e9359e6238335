//! How far a sweep was at which real time: at most so many samples, at equal distances, however long it takes, and the end.

use std::time::Duration;

/// With more samples than that, every second one goes.
const SAMPLES_MAX: usize = 120;
/// The distance at first.
const EVERY: Duration = Duration::from_millis(100);

/// How far a sweep was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sample {
    /// Since its begin.
    pub at: Duration,
    /// Runs done.
    pub seeds: u64,
    /// Of these, runs that failed.
    pub failures: u64,
}

/// The samples of a sweep, in order.
#[derive(Clone, Debug)]
pub struct Samples {
    all: Vec<Sample>,
    every: Duration,
}

impl Default for Samples {
    fn default() -> Samples {
        Samples { all: Vec::new(), every: EVERY }
    }
}

impl Samples {
    /// How far it is now. It may be said at any time, more often than is kept.
    pub fn add(&mut self, sample: Sample) {
        let last = self.all.last().map_or(Duration::ZERO, |last| last.at);
        if sample.at < last + self.every {
            return;
        }
        self.all.push(sample);
        if self.all.len() > SAMPLES_MAX {
            let mut number = 0;
            self.all.retain(|_| {
                number += 1;
                number % 2 == 0
            });
            self.every *= 2;
        }
    }

    /// How far it was at the end, which is always kept.
    pub fn end(&mut self, sample: Sample) {
        self.all.push(sample);
    }

    /// What was kept.
    pub fn all(&self) -> &[Sample] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_long_it_takes_there_are_few_samples_at_equal_distances() {
        let mut samples = Samples::default();
        for tick in 1..=10_000_u32 {
            samples.add(Sample { at: EVERY / 2 * tick, seeds: u64::from(tick), failures: 0 });
        }
        let all = samples.all();
        assert!((SAMPLES_MAX / 2..=SAMPLES_MAX).contains(&all.len()), "{}", all.len());
        let distance = all[1].at - all[0].at;
        assert!(all.windows(2).all(|pair| pair[1].at - pair[0].at == distance), "{all:?}");
        assert!(all.last().unwrap().at + distance >= EVERY / 2 * 10_000);
        let end = Sample { at: all.last().unwrap().at + EVERY / 10, seeds: 10_001, failures: 1 };
        samples.end(end);
        assert_eq!(samples.all().last(), Some(&end));
    }
}
