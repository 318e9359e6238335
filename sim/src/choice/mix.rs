//! A base of several seeds: most values come from the first, those of some families or actors from another, and from some
//! moments on from yet another. A search makes its variants so, since a value that is drawn elsewhere costs nothing, and an
//! override has to be looked up. What such a run has chosen can be recorded, and on the zero base that is the same run.

use super::words::BLOCK_WORDS;
use super::{Domain, Words, actor_of, root_of, stream_id};
use rand_chacha::ChaCha8Rng;

/// Which seeds the drawn values come from that the base's own seed does not give.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Mix {
    /// By family (the domain of its stream): another seed.
    pub domains: Vec<(String, u64)>,
    /// By actor, see [`actor_of`](super::actor_of): another seed, for all its objects.
    pub actors: Vec<(String, u64)>,
    /// By moment, the number of calls that have ended, ascending: from there on everything is drawn from this seed.
    pub forks: Vec<(u64, u64)>,
}

impl Mix {
    /// Whether the base's own seed gives everything.
    pub fn is_plain(&self) -> bool {
        self.domains.is_empty() && self.actors.is_empty() && self.forks.is_empty()
    }
}

/// A [`Mix`] in use.
pub(super) struct Mixed {
    domains: Vec<(String, ChaCha8Rng)>,
    actors: Vec<(String, ChaCha8Rng)>,
    /// The generator of the moment.
    now: ChaCha8Rng,
}

fn roots(seeds: &[(String, u64)]) -> Vec<(String, ChaCha8Rng)> {
    seeds.iter().map(|(name, seed)| (name.clone(), root_of(*seed))).collect()
}

impl Mixed {
    pub fn new(mix: &Mix, base: ChaCha8Rng) -> Mixed {
        Mixed { domains: roots(&mix.domains), actors: roots(&mix.actors), now: base }
    }

    /// From now on values are drawn from this seed.
    pub fn fork(&mut self, seed: u64) {
        self.domains.clear();
        self.actors.clear();
        self.now = root_of(seed);
    }

    /// As [`Words::draw`]; the block of a moment that has passed is not used any more.
    pub fn draw(
        &self,
        words: &mut Words,
        at: u64,
        era: u64,
        domain: Domain,
        object: &dyn Fn() -> String,
    ) -> u64 {
        let number = at / BLOCK_WORDS;
        let tag = number + era;
        if let Some(block) = words.block.as_ref().filter(|block| block.number == tag) {
            return block.words[(at % BLOCK_WORDS) as usize];
        }
        let object = object();
        let root = self.root(domain, &object);
        let block = words.draw_block(root, number, || stream_id(domain.0, &object));
        block.number = tag;
        block.words[(at % BLOCK_WORDS) as usize]
    }

    fn root(&self, domain: Domain, object: &str) -> &ChaCha8Rng {
        let of_domain = || self.domains.iter().find(|(name, _)| name == domain.0);
        let of_actor = || self.actors.iter().find(|(name, _)| name == actor_of(object));
        let other = if self.domains.is_empty() { None } else { of_domain() };
        let other = other.or_else(|| if self.actors.is_empty() { None } else { of_actor() });
        other.map_or(&self.now, |(_, root)| root)
    }
}
