//! What a search knows of one scenario, and what it does next. It learns at the ends of rounds only, in the order in which the
//! round was planned: so what it does is a function of its first seed, and not of how many threads run it.
//!
//! A run that shows a feature for the first time is kept. A rare feature is picked more often than a frequent one, and the run
//! that showed it first is changed. At least half of the runs are plain ones of fresh seeds.

use super::mutate::{Operator, Parent, focus, mutate};
use super::random::Random;
use super::recipe::Recipe;
use crate::choice::Key;
use crate::run::{Feature, RunReport};
use crate::trace::TraceHash;

/// Before there have been so many plain runs nothing is changed.
const PLAIN_FIRST: u64 = 24;
/// So many runs are looked at together, the first time: what is found in fewer costs no more than in a plain sweep.
const EARLY: usize = 16;
/// How many of a hundred runs are plain ones: what is easy to find is found by them.
const PLAIN_PERCENT: u64 = 50;
/// Runs of a round.
const ROUND: usize = 32;
/// All operators, [`Operator::Fresh`] and [`Operator::Saved`] too.
const OPERATORS: usize = 2 + Operator::CHANGES.len();

/// A run that was kept.
#[derive(Clone, Debug)]
pub struct Entry {
    /// How it is made.
    pub recipe: Recipe,
    /// The features that it was the first to show.
    pub features: Vec<Feature>,
    /// Calls that it makes.
    pub calls: u64,
    /// The fault families that are on in it.
    pub families: Vec<&'static str>,
    /// What it chose, once that was asked for.
    pub choices: Option<Vec<(Key, u64)>>,
}

/// A run to make.
#[derive(Clone, Debug)]
pub struct Trial {
    /// How.
    pub recipe: Recipe,
    /// By which operator it was made.
    pub operator: Operator,
    /// The entry whose choices are asked for: the run is that of this entry, again.
    pub asks: Option<usize>,
}

/// What is kept of a run until it is looked at.
struct Seen {
    trial: Trial,
    features: Vec<Feature>,
    calls: u64,
    families: Vec<&'static str>,
    failed: bool,
}

/// How an operator did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Yield {
    /// Runs.
    pub runs: u64,
    /// Of these, how many showed something new.
    pub new: u64,
}

/// In how many runs a feature was.
#[derive(Clone, Copy, Default)]
struct Hits {
    all: u16,
    /// Of these, in how many plain ones.
    plain: u16,
}

/// A feature that was seen.
#[derive(Clone, Copy)]
struct Known {
    feature: Feature,
    /// The entry that shows it.
    entry: u32,
    /// How often a run was changed for its sake.
    picks: u32,
}

/// The search of one scenario.
pub struct Search {
    from: u64,
    step: u64,
    random: Random,
    /// Runs to make first: those of a corpus that was saved.
    saved: std::collections::VecDeque<Recipe>,
    /// Plain runs that were planned.
    fresh: u64,
    runs: u64,
    plain_runs: u64,
    /// In how many runs each feature was.
    hits: Vec<Hits>,
    /// The families that were on in any run.
    families: std::collections::BTreeSet<&'static str>,
    known: Vec<Known>,
    corpus: Vec<Entry>,
    /// The first runs, before anything was learned.
    early: Vec<Seen>,
    yields: [Yield; OPERATORS],
}

impl Search {
    /// A search of the scenario `name` whose plain runs are of every `step`-th seed from `from` on.
    pub fn new(name: &str, from: u64, step: u64) -> Search {
        let mut hash = TraceHash::default();
        hash.bytes(name.as_bytes());
        hash.words(from, step);
        Search {
            from,
            step,
            saved: std::collections::VecDeque::new(),
            random: Random::new(hash.value()),
            fresh: 0,
            runs: 0,
            plain_runs: 0,
            hits: Vec::new(),
            families: std::collections::BTreeSet::new(),
            known: Vec::new(),
            corpus: Vec::new(),
            early: Vec::new(),
            yields: [Yield::default(); OPERATORS],
        }
    }

    /// Goes on from these runs, and after so many plain ones.
    pub fn go_on(&mut self, saved: impl IntoIterator<Item = Recipe>, plain: u64) {
        self.saved.extend(saved);
        self.fresh = plain;
    }

    /// How many plain runs have been planned.
    pub fn plain(&self) -> u64 {
        self.fresh
    }

    /// The runs of the next round, at most `most`.
    pub fn plan(&mut self, most: u64) -> Vec<Trial> {
        let size = most.min(ROUND as u64);
        let mut sums = Vec::new();
        let mut sum = 0.0;
        if self.fresh >= PLAIN_FIRST {
            self.catch_up();
            for known in &self.known {
                sum += self.weight(known);
                sums.push(sum);
            }
        }
        (0..size).map(|_| self.trial(&sums)).collect()
    }

    fn trial(&mut self, sums: &[f64]) -> Trial {
        if let Some(recipe) = self.saved.pop_front() {
            return Trial { recipe, operator: Operator::Saved, asks: None };
        }
        let fresh = sums.is_empty() || self.random.percent(PLAIN_PERCENT);
        if !fresh && let Some(trial) = self.change(sums) {
            return trial;
        }
        let seed = self.from.wrapping_add(self.fresh.wrapping_mul(self.step));
        self.fresh += 1;
        Trial { recipe: Recipe::plain(seed), operator: Operator::Fresh, asks: None }
    }

    fn change(&mut self, sums: &[f64]) -> Option<Trial> {
        let (known, entry, moment) = self.pick(sums)?;
        let (_, other, _) = self.pick(sums)?;
        self.known[known].picks += 1;
        let operator = self.operator();
        if operator == Operator::Focus {
            let families: Vec<_> = self.families.iter().copied().collect();
            let recipe = focus(&families, &mut self.random)?;
            return Some(Trial { recipe, operator, asks: None });
        }
        if operator.needs_choices() {
            for entry in [entry, other] {
                if self.corpus[entry].choices.is_none() {
                    // Asked for once, whatever comes of it.
                    self.corpus[entry].choices = Some(Vec::new());
                    return Some(Trial {
                        recipe: self.corpus[entry].recipe.clone(),
                        operator,
                        asks: Some(entry),
                    });
                }
            }
        }
        let (entry, other) = (&self.corpus[entry], &self.corpus[other]);
        let recipe = mutate(operator, entry.parent(moment), other.parent(0), &mut self.random)?;
        Some(Trial { recipe, operator, asks: None })
    }

    /// How often a feature is picked: the rarer it is in plain runs the more often, what the scenario names more often than the
    /// rest, a mere number of times less often, and what was picked often without coming to anything less often.
    fn weight(&self, known: &Known) -> f64 {
        let hits = f64::from(self.hits[known.feature.id() as usize].plain) + 1.0;
        let own = if known.feature.is_own() { 8.0 } else { 1.0 };
        let range = if known.feature.range > 0 { 0.5 } else { 1.0 };
        let picked = 1.0 + f64::from(known.picks) / 8.0;
        own * range / (hits * picked).sqrt()
    }

    /// A feature, an entry that shows it, and the call by which it shows the feature for which it is picked.
    fn pick(&mut self, sums: &[f64]) -> Option<(usize, usize, u64)> {
        let last = sums.last()?;
        let at = (self.random.below(1 << 53) as f64 / (1_u64 << 53) as f64) * last;
        let place = sums.partition_point(|&sum| sum <= at).min(sums.len() - 1);
        let known = self.known.get(place)?;
        Some((place, known.entry as usize, u64::from(known.feature.call)))
    }

    /// An operator, by its weight.
    fn operator(&mut self) -> Operator {
        let all = Operator::CHANGES.iter().map(|operator| operator.weight()).sum::<u64>();
        let mut at = self.random.below(all);
        for operator in Operator::CHANGES {
            match at.checked_sub(operator.weight()) {
                Some(rest) => at = rest,
                None => return operator,
            }
        }
        Operator::ForkAtFeature
    }

    /// Takes what a run of the round came to; in the order of the plan.
    pub fn learn(&mut self, trial: Trial, report: &RunReport) {
        self.runs += 1;
        if let Some(entry) = trial.asks {
            self.corpus[entry].choices = Some(report.choices.clone());
            return;
        }
        self.plain_runs += u64::from(trial.recipe.is_plain());
        let seen = Seen {
            trial,
            features: report.features.clone(),
            calls: report.calls,
            families: report.faults.keys().copied().collect(),
            failed: report.failure.is_some(),
        };
        if self.hits.is_empty() && self.early.len() < EARLY {
            self.early.push(seen);
            return;
        }
        self.catch_up();
        self.note(seen);
    }

    /// Looks at the first runs, where that has not been done: also of a search that is over before.
    pub fn catch_up(&mut self) {
        if self.hits.is_empty() {
            self.hits = vec![Hits::default(); Feature::COUNT];
            for seen in std::mem::take(&mut self.early) {
                self.note(seen);
            }
        }
    }

    fn note(&mut self, seen: Seen) {
        let Seen { trial, features, calls, families, failed } = seen;
        let plain = trial.recipe.is_plain();
        if plain && self.plain_runs <= 200 {
            self.families.extend(&families);
        }
        let mut new = Vec::new();
        for feature in features {
            let hits = &mut self.hits[feature.id() as usize];
            hits.all = hits.all.saturating_add(1);
            hits.plain = hits.plain.saturating_add(u16::from(plain));
            if hits.all == 1 {
                new.push(feature);
            }
        }
        let of = &mut self.yields[trial.operator as usize];
        of.runs += 1;
        // A run that fails is reported, and not changed: what it leads to is the same failure again.
        if new.is_empty() || failed {
            return;
        }
        of.new += 1;
        let entry = self.corpus.len() as u32;
        self.known.extend(new.iter().map(|&feature| Known { feature, entry, picks: 0 }));
        self.corpus.push(Entry { recipe: trial.recipe, features: new, calls, families, choices: None });
    }

    /// The runs that are kept.
    pub fn corpus(&self) -> &[Entry] {
        &self.corpus
    }

    /// What has been seen, and what there may be that has not been: of plain runs, since changed ones are not independent.
    pub fn standing(&self) -> Standing {
        let plain = |times: u16| self.hits.iter().filter(|hits| hits.plain == times).count() as u64;
        let once = self.hits.iter().filter(|hits| hits.all == 1).count() as u64;
        Standing {
            runs: self.runs,
            plain: self.plain_runs,
            features: self.known.len() as u64,
            once,
            plain_once: plain(1),
            plain_twice: plain(2),
        }
    }

    /// How each operator did.
    pub fn yields(&self) -> impl Iterator<Item = (Operator, Yield)> + '_ {
        [Operator::Fresh, Operator::Saved]
            .into_iter()
            .chain(Operator::CHANGES)
            .map(|operator| (operator, self.yields[operator as usize]))
    }
}

/// How far a search is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Runs.
    pub runs: u64,
    /// Of these, plain ones.
    pub plain: u64,
    /// Features that were seen.
    pub features: u64,
    /// Of these, in one run only.
    pub once: u64,
    /// Features that exactly one plain run has shown.
    pub plain_once: u64,
    /// And exactly two.
    pub plain_twice: u64,
}

impl Standing {
    /// How many features that no plain run has shown the next one is to be expected to show (Good and Turing): those that one
    /// run has shown, over the runs.
    pub fn next(&self) -> f64 {
        if self.plain == 0 {
            return f64::INFINITY;
        }
        self.plain_once as f64 / self.plain as f64
    }

    /// How many features there are at least that no plain run has shown (Chao's lower bound).
    pub fn unseen(&self) -> f64 {
        let (once, twice) = (self.plain_once as f64, self.plain_twice as f64);
        if self.plain_twice > 0 { once * once / (2.0 * twice) } else { once * (once - 1.0).max(0.0) / 2.0 }
    }
}

impl Entry {
    fn parent(&self, moment: u64) -> Parent<'_> {
        Parent {
            recipe: &self.recipe,
            calls: self.calls,
            moment,
            families: &self.families,
            choices: self.choices.as_deref().unwrap_or_default(),
        }
    }
}
