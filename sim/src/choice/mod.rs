//! The one source of every decision. Whatever could go in more than one way is asked of [`Choices::choose`], with a
//! key that says who chooses; the answer is a function of (base, key) and of nothing else, so that a choice which
//! an edit adds elsewhere leaves all the others as they were.
//!
//! It stands alone: it knows no world, no clock and no kernel, so that other simulations (a stream layer under
//! tokio, say) can be driven by it, and replayed and shrunk by the same tools.
//!
//! ```text
//! key    = (domain, object, ordinal)        "wire.split", "client-1#1>10.0.0.1:6379/up", the n-th of these
//! stream = ChaCha8(key = base seed, nonce = hash(domain, object))
//! draw   = the ordinal-th 64-bit word of the stream (kinds that go in step share one: see `Group`)
//! value  = distribution(draw)               0 is always the benign one; an override replaces it
//! ```

mod distribution;
mod key;
mod mix;
mod seed;
mod source;
mod words;

pub use distribution::Distribution;
pub use key::{Key, KeyError};
pub use mix::Mix;
pub use seed::{ParseSeedError, parse_seed};
pub use source::Stream;
pub use words::Words;

pub(crate) use source::{Lane, Once, Source};
pub(crate) use words::{LANES, splitmix};

pub(crate) use key::{fnv1a, stream_id};
use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;
use std::collections::BTreeMap;
use words::{ERA, Place, lane_draw};

/// A family of choices. Two domains never share a stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Domain(pub &'static str);

/// Several kinds of choices that one object makes in step share a stream: those of the `ordinal`-th step are made from its
/// word `ordinal`, each lane by a mix of its own. Drawing is what choices cost, and so a step costs one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Group {
    /// The name that the stream is hashed from.
    pub domain: Domain,
}

/// Where the values come from that no override gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Base {
    /// Every value is 0: nothing goes wrong.
    Zero,
    /// Every value is drawn.
    Seed(u64),
}

/// Values that replace what the base would give, by key. They are mapped values, not draws, so that they keep
/// their meaning when a distribution is tuned.
pub type Overrides = BTreeMap<Key, u64>;

/// The generator of a seed.
fn root_of(seed: u64) -> ChaCha8Rng {
    let mut key = *b"eagain choices, format 1\0\0\0\0\0\0\0\0";
    key[24..].copy_from_slice(&seed.to_le_bytes());
    ChaCha8Rng::from_seed(key)
}

/// Who chooses, of whatever: the process or host that an object's name begins with.
pub fn actor_of(object: &str) -> &str {
    object.split(['/', '#', ':', '@']).next().unwrap_or_default()
}

/// What is known of a choice besides its key and its value, for a report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Made {
    /// What the program got where the value is 0: it got so much more than the value.
    pub low: u64,
    /// The number of the last event before.
    pub after: u64,
}

/// Makes every choice of a run.
pub struct Choices {
    base: Base,
    root: Option<ChaCha8Rng>,
    /// Where there is more than one seed.
    mixed: Option<Box<mix::Mixed>>,
    /// See [`Choices::era`].
    era: u64,
    /// Of each stream that has any: by ordinal, with whether it was asked for.
    overrides: Vec<BTreeMap<u64, (u64, bool)>>,
    /// Which of them is a stream's, by its id.
    by_stream: BTreeMap<u64, u32>,
    override_keys: Vec<(Key, u64)>,
    log: Option<Vec<(Key, u64)>>,
    /// Of the first of the log, all but those since the last [`Choices::made`].
    made: Vec<Made>,
    /// Overrides or a log: the slow path.
    watched: bool,
}

impl Choices {
    /// A source with this base and these overrides.
    pub fn new(base: Base, overrides: &Overrides) -> Choices {
        let root = match base {
            Base::Zero => None,
            Base::Seed(seed) => Some(root_of(seed)),
        };
        let mut by_stream = BTreeMap::new();
        let mut of_streams: Vec<BTreeMap<u64, (u64, bool)>> = Vec::new();
        for (key, &value) in overrides {
            let place = *by_stream.entry(key.stream_id()).or_insert_with(|| {
                of_streams.push(BTreeMap::new());
                of_streams.len() as u32 - 1
            });
            of_streams[place as usize].insert(key.ordinal, (value, false));
        }
        Choices {
            base,
            root,
            mixed: None,
            era: 0,
            watched: !overrides.is_empty(),
            overrides: of_streams,
            by_stream,
            override_keys: overrides.iter().map(|(key, &value)| (key.clone(), value)).collect(),
            log: None,
            made: Vec::new(),
        }
    }

    /// Values are drawn from these seeds too. Before the first choice; on the zero base there is nothing to mix.
    pub fn mix(&mut self, mix: &Mix) {
        self.mixed =
            self.root.clone().filter(|_| !mix.is_plain()).map(|base| Box::new(mix::Mixed::new(mix, base)));
    }

    /// From now on values are drawn from this seed, where [`Choices::mix`] was called.
    pub fn fork(&mut self, seed: u64) {
        if let Some(mixed) = &mut self.mixed {
            mixed.fork(seed);
            self.era += ERA;
        }
    }

    /// The choices of `domain` have been made. Where no others are fixed and none are kept, choices are made as without overrides.
    pub fn domain_is_done(&mut self, domain: Domain) {
        if self.log.is_none() && self.override_keys.iter().all(|(key, _)| key.domain == domain.0) {
            self.watched = false;
        }
    }

    /// From now on keeps every value that is not 0.
    pub fn record(&mut self) {
        self.log = Some(Vec::new());
        self.watched = true;
    }

    /// The values kept since [`Choices::record`], in the order in which they were made.
    pub fn recorded(&self) -> &[(Key, u64)] {
        self.log.as_deref().unwrap_or_default()
    }

    /// What was kept since the last call of this was made after event `after`; the last of it counts from `low`.
    pub fn made(&mut self, low: u64, after: u64) {
        let kept = self.recorded().len();
        if self.made.len() < kept {
            self.made.resize(kept - 1, Made { low: 0, after });
            self.made.push(Made { low, after });
        }
    }

    /// What is known of each of [`Choices::recorded`] for which [`Choices::made`] was called.
    pub fn all_made(&self) -> &[Made] {
        &self.made
    }

    /// The overrides whose keys were never asked for: they no longer exist.
    pub fn unused_overrides(&self) -> Vec<Key> {
        let unused = |key: &Key| {
            let place = self.by_stream.get(&key.stream_id());
            let entry = place.and_then(|&place| self.overrides[place as usize].get(&key.ordinal));
            entry.is_none_or(|&(_, used)| !used)
        };
        self.override_keys.iter().map(|(key, _)| key).filter(|key| unused(key)).cloned().collect()
    }

    /// Whether overrides or a log make every choice count, also those of families that are off.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.watched
    }

    /// What is added to the number of a block that is drawn now: another one since each moment of a mix that has passed, so
    /// that what was drawn before counts no more.
    #[inline]
    pub(crate) fn era(&self) -> u64 {
        self.era
    }

    /// The base that this was made with.
    pub fn base(&self) -> Base {
        self.base
    }

    /// Makes the next choice of `stream`. Where the family is not `active` nothing is drawn and the value is 0,
    /// unless an override says otherwise; the choice counts all the same, so that later keys stay what they were.
    #[inline]
    pub fn choose(
        &mut self,
        stream: &mut Stream,
        domain: Domain,
        active: bool,
        distribution: Distribution,
        object: impl Fn() -> String,
    ) -> u64 {
        let ordinal = stream.ordinal;
        stream.ordinal += 1;
        let group = Group { domain };
        self.choose_lane(&mut stream.words, group, 0, ordinal, domain, active, distribution, object)
    }

    /// Makes one choice of a group: that of `domain`, lane `lane`, in step `ordinal`. The caller counts the steps.
    #[inline]
    #[allow(clippy::too_many_arguments)] // each is a part of the key, or what the value depends on
    pub fn choose_lane(
        &mut self,
        words: &mut Words,
        group: Group,
        lane: u64,
        ordinal: u64,
        domain: Domain,
        active: bool,
        distribution: Distribution,
        object: impl Fn() -> String,
    ) -> u64 {
        // Names are made where they are needed only: making them is what a watched choice would cost.
        let value = match &self.root {
            Some(root) if active => {
                let id = || stream_id(group.domain.0, &object());
                let word = match &self.mixed {
                    None => words.draw(root, ordinal, id),
                    Some(mixed) => mixed.draw(words, ordinal, self.era, group.domain, &object),
                };
                distribution.value(lane_draw(word, lane))
            }
            _ => 0,
        };
        if self.watched {
            self.watch(words, lane, domain, ordinal, value, distribution, &object)
        } else {
            value
        }
    }

    /// What an override makes of a value; kept where values are kept.
    #[cold]
    #[allow(clippy::too_many_arguments)] // as above
    fn watch(
        &mut self,
        words: &mut Words,
        lane: u64,
        domain: Domain,
        ordinal: u64,
        mut value: u64,
        distribution: Distribution,
        object: &dyn Fn() -> String,
    ) -> u64 {
        if !self.by_stream.is_empty()
            && let Place::At(place) = self.place(words, lane, domain, object)
            && let Some((fixed, used)) = self.overrides[place as usize].get_mut(&ordinal)
        {
            // What else was chosen may have changed its range.
            value = distribution.within(*fixed);
            *used = true;
        }
        if value != 0
            && let Some(log) = &mut self.log
        {
            log.push((Key { domain: domain.0.to_owned(), object: object(), ordinal }, value));
        }
        value
    }

    /// Where the overrides of a lane are.
    fn place(&self, words: &mut Words, lane: u64, domain: Domain, object: &dyn Fn() -> String) -> Place {
        let look_up = || match self.by_stream.get(&stream_id(domain.0, &object())) {
            Some(&place) => Place::At(place),
            None => Place::Nowhere,
        };
        let Some(known) = words.places.get_or_insert_default().get_mut(lane as usize) else {
            return look_up();
        };
        if let Place::NotLookedUp = known {
            *known = look_up();
        }
        debug_assert_eq!(*known, look_up(), "an object has one name: {domain:?} {}", object());
        *known
    }
}

#[cfg(test)]
mod tests;
