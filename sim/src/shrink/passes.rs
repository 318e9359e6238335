//! The passes of the search. Each tries simpler sets of choices and keeps one that still fails; all walk in an order
//! that the choices alone decide, so that the same failure always shrinks to the same explanation.

use super::{Bound, Limits, Outcome};
use crate::choice::{Key, Overrides, actor_of};
use std::collections::BTreeMap;
use std::time::Instant;

/// How close values are brought to the lowest that fails: within an eighth while the search goes on, a thousandth in the end.
const ROUGHLY: u32 = 3;
const FINELY: u32 = 10;

/// Values are brought that close where so few choices are left that somebody will look at each.
const FEW: usize = 8;

/// How much earlier a choice is moved.
const EARLIER: [(u64, u64); 2] = [(1, 2), (3, 4)];

/// Of so many choices whole actors are tried too. It saves runs where the world is large; of few choices it often takes away
/// the ones with which fewer would do.
const MANY: usize = 1_000;

pub(super) struct Search<F> {
    /// What fails, in the order in which the choices are made.
    kept: Vec<(Key, u64)>,
    before: usize,
    limits: Limits,
    /// The wall clock never decides what is tried, only whether to go on.
    started: Instant,
    fails: F,
    runs: u64,
    bound: Option<Bound>,
}

impl<F: FnMut(&Overrides) -> Option<Overrides>> Search<F> {
    pub(super) fn new(choices: &[(Key, u64)], limits: Limits, fails: F) -> Search<F> {
        let kept: Vec<_> = choices.iter().filter(|(_, value)| *value != 0).cloned().collect();
        Search { before: kept.len(), kept, limits, started: Instant::now(), fails, runs: 0, bound: None }
    }

    pub(super) fn run(mut self) -> Outcome {
        // Whether it fails at all is worth knowing whatever the limits are.
        let reproduced = self.attempt(self.kept.clone());
        // And so is whether it fails without any fault, where one run takes longer than the time that there is.
        let alone = |search: &mut Self| search.runs < search.limits.runs && search.attempt(Vec::new());
        if reproduced && !self.kept.is_empty() && !alone(&mut self) {
            loop {
                let before = self.kept.clone();
                self.zero_groups(|key| key.domain.clone());
                if self.kept.len() > MANY {
                    self.zero_groups(|key| actor_of(&key.object).to_owned());
                }
                self.zero_groups(|key| key.object.clone());
                self.zero_groups(|key| format!("{} {}", key.domain, key.object));
                self.zero_chunks();
                self.lower(ROUGHLY);
                if self.bound.is_some() || !self.is_simpler_than(&before) {
                    break;
                }
            }
            self.finish();
        }
        Outcome { reproduced, before: self.before, choices: self.kept, runs: self.runs, bound: self.bound }
    }

    /// Whether a round was worth its runs: fewer choices, or one at half its value. Values that depend on each other creep
    /// down by little in every round, for hundreds of them.
    fn is_simpler_than(&self, before: &[(Key, u64)]) -> bool {
        self.kept.len() < before.len()
            || self.kept.iter().zip(before).any(|((_, now), (_, then))| *now <= *then / 2)
    }

    /// The values as low as they go, and what can be zeroed by then. Values become smaller or choices fewer, or it ends.
    fn finish(&mut self) {
        loop {
            let few = self.kept.len() <= FEW;
            if few {
                self.lower(FINELY);
            }
            let fewer = self.zero_chunks_of(1) || few && self.zero_and_move();
            if !fewer || self.bound.is_some() {
                return;
            }
        }
    }

    /// Zeroes a choice while another one happens earlier: a fault at the n-th call (its value, or its occurrence) meets the same
    /// place at an earlier call where there is less work before it. Whether it did.
    fn zero_and_move(&mut self) -> bool {
        for zeroed in 0..self.kept.len() {
            for moved in (0..self.kept.len()).filter(|&at| at != zeroed) {
                for (numerator, denominator) in EARLIER {
                    let earlier = |number: u64| number / denominator * numerator;
                    let (key, value) = &self.kept[moved];
                    let by_value = (key.clone(), earlier(*value));
                    let by_occurrence = (Key { ordinal: earlier(key.ordinal), ..key.clone() }, *value);
                    for other in [by_value, by_occurrence] {
                        let taken = self.kept.iter().any(|(key, value)| (key, value) == (&other.0, &other.1));
                        if other.1 == 0 || taken || self.bound.is_some() {
                            continue;
                        }
                        let mut candidate = self.kept.clone();
                        candidate[moved] = other;
                        candidate.remove(zeroed);
                        if self.try_replace(candidate) {
                            return true;
                        }
                    }
                }
            }
        }
        false
    }

    /// Whether a limit is reached; from then on every attempt is refused and the passes run out.
    fn spent(&mut self) -> bool {
        if self.bound.is_none() {
            if self.runs >= self.limits.runs {
                self.bound = Some(Bound::Runs);
            } else if self.limits.time.is_some_and(|limit| self.started.elapsed() >= limit) {
                self.bound = Some(Bound::Time);
            }
        }
        self.bound.is_some()
    }

    /// Keeps `candidate`, or what the run really made of it, where it still fails.
    fn try_replace(&mut self, candidate: Vec<(Key, u64)>) -> bool {
        !self.spent() && self.attempt(candidate)
    }

    fn attempt(&mut self, candidate: Vec<(Key, u64)>) -> bool {
        self.runs += 1;
        let overrides: Overrides = candidate.iter().cloned().collect();
        let Some(made) = (self.fails)(&overrides) else { return false };
        // Only what was given and made, with the value that it came to: a choice that the run added by itself would not be
        // ours to keep.
        let kept = candidate.into_iter().filter_map(|(key, _)| made.get(&key).map(|&value| (key, value)));
        self.kept = kept.collect();
        true
    }

    /// Zeroes all choices of a group at once, the largest groups first: whole families, then whole actors.
    fn zero_groups(&mut self, group: impl Fn(&Key) -> String) {
        let mut sizes: BTreeMap<String, usize> = BTreeMap::new();
        for (key, _) in &self.kept {
            *sizes.entry(group(key)).or_default() += 1;
        }
        if sizes.len() == 1 {
            return;
        }
        let mut names: Vec<_> = sizes.into_iter().collect();
        names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        for (name, size) in names {
            // A group of one is met again by the single choices.
            if size < 2 || self.bound.is_some() {
                break;
            }
            let rest: Vec<_> = self.kept.iter().filter(|(key, _)| group(key) != name).cloned().collect();
            if rest.len() < self.kept.len() {
                self.try_replace(rest);
            }
        }
    }

    /// Zeroes runs of neighbours, halving their length down to single choices; the latest first, since a failure
    /// rarely needs what happened just before it was noticed. Single choices are repeated until all are needed.
    fn zero_chunks(&mut self) {
        let mut size = self.kept.len().div_ceil(2).max(1);
        loop {
            let removed = self.zero_chunks_of(size);
            if self.bound.is_some() || self.kept.is_empty() {
                return;
            }
            if size == 1 {
                if !removed {
                    return;
                }
            } else {
                size = size.div_ceil(2).min(self.kept.len());
            }
        }
    }

    fn zero_chunks_of(&mut self, size: usize) -> bool {
        let mut removed = false;
        let mut end = self.kept.len();
        while end > 0 && self.bound.is_none() {
            let start = end.saturating_sub(size);
            let rest = [&self.kept[..start], &self.kept[end..]].concat();
            removed |= self.try_replace(rest);
            // A run may have dropped more than the chunk.
            end = start.min(self.kept.len());
        }
        removed
    }

    /// Lowers each value: to 1 at once where that does, else by bisection between what fails and what does not, first by
    /// the number of bits, until they are close enough: values below 2^`bits` exactly.
    fn lower(&mut self, bits: u32) {
        let mut index = 0;
        while index < self.kept.len() && self.bound.is_none() {
            let (key, value) = self.kept[index].clone();
            if value > 1 && !self.try_value(&key, 1) {
                let (mut too_low, mut fails) = (1, value);
                while fails - too_low > 1.max(fails >> bits) && self.bound.is_none() {
                    let middle = match fails.ilog2() - u64::ilog2(too_low) {
                        0 | 1 => too_low + (fails - too_low) / 2,
                        apart => too_low << (apart / 2),
                    };
                    if self.try_value(&key, middle) {
                        fails = middle;
                    } else {
                        too_low = middle;
                    }
                }
            }
            index += 1;
        }
    }

    fn try_value(&mut self, key: &Key, value: u64) -> bool {
        let mut candidate = self.kept.clone();
        // The choice may itself have gone with an earlier attempt.
        let Some(entry) = candidate.iter_mut().find(|(other, _)| other == key) else { return false };
        entry.1 = value;
        self.try_replace(candidate)
    }
}
