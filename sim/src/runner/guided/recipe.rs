//! How a run of the search is made: a seed, what is drawn from other seeds, and a few choices that are fixed.

use crate::choice::{Base, Mix, Overrides};
use crate::run::{Record, RunSpec};
use crate::trace::TraceHash;

/// A run, as the search keeps it: small, whatever the run chooses.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Recipe {
    /// The seed of the base.
    pub seed: u64,
    /// What comes from other seeds.
    pub mix: Mix,
    /// Choices that are fixed.
    pub overrides: Overrides,
}

impl Recipe {
    /// The plain run of a seed.
    pub fn plain(seed: u64) -> Recipe {
        Recipe { seed, ..Recipe::default() }
    }

    /// Whether it is the plain run of its seed.
    pub fn is_plain(&self) -> bool {
        self.mix.is_plain() && self.overrides.is_empty()
    }

    /// From call `call` on, everything is drawn from `seed`; what came before stays as it was.
    pub fn fork(&mut self, call: u64, seed: u64) {
        self.mix.forks.retain(|&(other, _)| other < call);
        self.mix.forks.push((call, seed));
    }

    /// The run of this recipe, but for its mix.
    pub fn spec(&self, like: &RunSpec, record: Record) -> RunSpec {
        RunSpec { base: Base::Seed(self.seed), overrides: self.overrides.clone(), record, ..like.clone() }
    }

    /// A number that stands for it: of a plain run its seed.
    pub fn number(&self) -> u64 {
        if self.is_plain() {
            return self.seed;
        }
        let mut hash = TraceHash::default();
        hash.words(self.seed, self.mix.forks.len() as u64);
        for (name, seed) in self.mix.domains.iter().chain(&self.mix.actors) {
            hash.bytes(name.as_bytes());
            hash.words(*seed, 0);
        }
        for &(call, seed) in &self.mix.forks {
            hash.words(call, seed);
        }
        for (key, value) in &self.overrides {
            hash.bytes(key.to_string().as_bytes());
            hash.words(*value, 1);
        }
        hash.value()
    }
}
