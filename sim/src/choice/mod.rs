//! The one source of every decision. Whatever could go in more than one way is asked of [`Choices::choose`], with a
//! key that says who chooses; the answer is a function of (base, key) and of nothing else, so that a choice which
//! an edit adds elsewhere leaves all the others as they were.
//!
//! It stands alone: it knows no world, no clock and no kernel, so that other simulations (a stream layer under
//! tokio, say) can be driven by it, and replayed and shrunk by the same tools.
//!
//! ```text
//! key    = (domain, object, ordinal)        "wire.split", "client-1#1>server:6379/up", the how-manieth of these
//! stream = ChaCha8(key = base seed, nonce = hash(domain, object))
//! draw   = the ordinal-th 64-bit word of the stream
//! value  = distribution(draw)               0 is always the benign one; an override replaces it
//! ```

mod distribution;
mod key;
mod seed;

pub use distribution::Distribution;
pub use key::{Key, KeyError};
pub use seed::{ParseSeedError, parse_seed};

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::BTreeMap;

/// A family of choices. Two domains never share a stream.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Domain(pub &'static str);

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

/// The sequence of choices of one kind by one object; its position is the ordinal of the next.
#[derive(Default)]
pub struct Stream {
    ordinal: u64,
    /// Hash of domain and object; computed when it is first needed, since most streams of most runs draw nothing.
    id: Option<u64>,
    draws: Option<Box<Draws>>,
}

struct Draws {
    rng: ChaCha8Rng,
    /// The ordinal of the word that `rng` gives next.
    at: u64,
}

impl Stream {
    /// Lets one choice pass that is benign because its family is off; it counts.
    #[inline]
    pub fn skip(&mut self) {
        self.ordinal += 1;
    }

    /// How many choices were asked of it.
    pub fn count(&self) -> u64 {
        self.ordinal
    }
}

/// Makes every choice of a run.
pub struct Choices {
    base: Base,
    root: Option<ChaCha8Rng>,
    /// By stream id, then ordinal; with whether it was asked for.
    overrides: BTreeMap<u64, BTreeMap<u64, (u64, bool)>>,
    override_keys: Vec<(Key, u64)>,
    log: Option<Vec<(Key, u64)>>,
    /// Overrides or a log: the slow path.
    watched: bool,
}

impl Choices {
    /// A source with this base and these overrides.
    pub fn new(base: Base, overrides: &Overrides) -> Choices {
        let root = match base {
            Base::Zero => None,
            Base::Seed(seed) => {
                let mut key = *b"eagain choices, format 1\0\0\0\0\0\0\0\0";
                key[24..].copy_from_slice(&seed.to_le_bytes());
                Some(ChaCha8Rng::from_seed(key))
            }
        };
        let mut by_stream: BTreeMap<u64, BTreeMap<u64, (u64, bool)>> = BTreeMap::new();
        for (key, &value) in overrides {
            by_stream.entry(key.stream_id()).or_default().insert(key.ordinal, (value, false));
        }
        Choices {
            base,
            root,
            watched: !overrides.is_empty(),
            overrides: by_stream,
            override_keys: overrides.iter().map(|(key, &value)| (key.clone(), value)).collect(),
            log: None,
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

    /// The overrides whose keys were never asked for: they no longer exist.
    pub fn unused_overrides(&self) -> Vec<Key> {
        let unused = |key: &Key| {
            self.overrides
                .get(&key.stream_id())
                .and_then(|o| o.get(&key.ordinal))
                .is_none_or(|&(_, used)| !used)
        };
        self.override_keys.iter().map(|(key, _)| key).filter(|key| unused(key)).cloned().collect()
    }

    /// Whether overrides or a log make every choice count, also those of families that are off.
    #[inline]
    pub fn is_watched(&self) -> bool {
        self.watched
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
        object: impl FnOnce() -> String,
    ) -> u64 {
        let ordinal = stream.ordinal;
        stream.ordinal += 1;
        if !self.watched {
            if !active {
                return 0;
            }
            let Some(root) = &self.root else { return 0 };
            let draw = match &mut stream.draws {
                Some(draws) if draws.at == ordinal => {
                    draws.at += 1;
                    draws.rng.next_u64()
                }
                _ => {
                    let id = *stream.id.get_or_insert_with(|| key::stream_id(domain.0, &object()));
                    draw_at(root, id, &mut stream.draws, ordinal)
                }
            };
            return distribution.value(draw);
        }
        self.choose_watched(stream, domain, active, distribution, ordinal, object())
    }

    #[cold]
    fn choose_watched(
        &mut self,
        stream: &mut Stream,
        domain: Domain,
        active: bool,
        distribution: Distribution,
        ordinal: u64,
        object: String,
    ) -> u64 {
        let id = *stream.id.get_or_insert_with(|| key::stream_id(domain.0, &object));
        let mut value = match &self.root {
            Some(root) if active => distribution.value(draw_at(root, id, &mut stream.draws, ordinal)),
            _ => 0,
        };
        if let Some((fixed, used)) = self.overrides.get_mut(&id).and_then(|o| o.get_mut(&ordinal)) {
            value = *fixed;
            *used = true;
        }
        if value != 0
            && let Some(log) = &mut self.log
        {
            log.push((Key { domain: domain.0.to_owned(), object, ordinal }, value));
        }
        value
    }

    /// A choice that is made once: its stream has no second.
    pub fn choose_once(&mut self, domain: Domain, object: &str, distribution: Distribution) -> u64 {
        self.choose(&mut Stream::default(), domain, true, distribution, || object.to_owned())
    }
}

fn draw_at(root: &ChaCha8Rng, id: u64, draws: &mut Option<Box<Draws>>, ordinal: u64) -> u64 {
    let draws = draws.get_or_insert_with(|| {
        let mut rng = root.clone();
        rng.set_stream(id);
        Box::new(Draws { rng, at: 0 })
    });
    if draws.at != ordinal {
        draws.rng.set_word_pos(u128::from(ordinal) * 2);
    }
    draws.at = ordinal + 1;
    draws.rng.next_u64()
}

#[cfg(test)]
mod tests;
