//! All databases of a server and what they share: the bound on memory and the effects that an engine takes over.

use super::effect::Effect;
use super::keyspace::{Keyspace, KeyspaceCounters};
use super::sip_hash::HashKey;

/// What commands and the engine behind the databases exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Persistence {
    /// The data outlive the process.
    pub is_kept: bool,
    /// Writes are refused with this error.
    pub refusal: Option<String>,
    /// So are reads: nobody knows what is safe.
    pub unreadable: Option<String>,
    /// Somebody asks for a rewrite.
    pub wants_rewrite: bool,
    /// One is under way.
    pub is_rewriting: bool,
    /// Bytes on the disk.
    pub size_bytes: u64,
}

/// The databases, by their number.
#[derive(Debug)]
pub struct Databases {
    keyspaces: Vec<Keyspace>,
    /// How it stands with the disk.
    pub persistence: Persistence,
}

impl Databases {
    /// So many empty databases; at least one.
    pub fn new(count: usize, hash_key: HashKey) -> Self {
        Databases {
            keyspaces: (0..count.max(1)).map(|number| Keyspace::new(number, hash_key)).collect(),
            persistence: Persistence::default(),
        }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.keyspaces.len()
    }

    /// The database with this number, which must exist.
    #[inline]
    pub fn at(&mut self, number: usize) -> &mut Keyspace {
        &mut self.keyspaces[number]
    }

    /// All of them in order.
    pub fn iter(&self) -> impl Iterator<Item = &Keyspace> {
        self.keyspaces.iter()
    }

    /// All of them in order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Keyspace> {
        self.keyspaces.iter_mut()
    }

    /// Memory of all keys and values.
    pub fn used_bytes(&self) -> usize {
        self.keyspaces.iter().map(Keyspace::used_bytes).sum()
    }

    /// What happened in all of them together.
    pub fn counters(&self) -> KeyspaceCounters {
        let mut sum = KeyspaceCounters::default();
        for counters in self.keyspaces.iter().map(Keyspace::counters) {
            sum.hits += counters.hits;
            sum.misses += counters.misses;
            sum.expired += counters.expired;
            sum.evicted += counters.evicted;
            sum.changes += counters.changes;
        }
        sum
    }

    /// Removes up to `count_max` keys whose time has come; how many.
    pub fn expire_due(&mut self, now_ms: u64, count_max: usize) -> usize {
        let mut expired = 0;
        for keyspace in &mut self.keyspaces {
            expired += keyspace.expire_due(now_ms, count_max - expired);
        }
        expired
    }

    /// A time at or before the earliest end of a key: when to expire next.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        self.keyspaces.iter().filter_map(Keyspace::next_expiry_ms).min()
    }

    /// From now on effects are noted; for engines that keep them.
    pub fn note_effects(&mut self) {
        self.keyspaces.iter_mut().for_each(Keyspace::note_effects);
    }

    /// Forgets the effects.
    pub fn forget_effects(&mut self) {
        self.keyspaces.iter_mut().for_each(|keyspace| keyspace.with_effects(|_, _| {}));
    }

    /// Whether anything was changed since the effects were last taken.
    #[inline]
    pub fn has_effects(&self) -> bool {
        self.keyspaces.iter().any(Keyspace::has_effects)
    }

    /// Whether a key has changed that somebody waits for.
    #[inline]
    pub fn has_ready(&self) -> bool {
        self.keyspaces.iter().any(Keyspace::has_ready)
    }

    /// Takes over the keys of other databases, of which there are as many; whoever watches a key (WATCH) is notified.
    pub fn replace(&mut self, other: Databases) {
        for (keyspace, other) in self.keyspaces.iter_mut().zip(other.keyspaces) {
            keyspace.replace(other);
        }
    }

    /// The effects since the last call, in order within each database.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.keyspaces.iter_mut().for_each(|keyspace| keyspace.drain_effects(&mut effects));
        effects
    }
}
