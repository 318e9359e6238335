//! One database: keys, their values and lifetimes, and who watches them.
//!
//! Commands find a key once ([`Keyspace::lookup`]) and then work with the place where it was [`Found`], which holds
//! until the next key is added or removed. Every change goes through [`Keyspace::set`], [`Keyspace::edit`],
//! [`Keyspace::set_expiry`] and [`Keyspace::remove`], and each of them keeps the account of memory, wakes the
//! watchers and notes the effect: what is forgotten here is forgotten by every command.

mod watches;

use super::bytes::SmallBytes;
use super::effect::Effect;
use super::expiry::{Expiry, NEVER};
use super::sip_hash::HashKey;
use super::table::Table;
use super::value::Value;
use watches::Watches;

/// One key's value and lifetime.
#[derive(Clone, Debug)]
struct Entry {
    value: Value,
    /// `NEVER`, or when the key ends (Unix milliseconds): it is not there from then on.
    expires_at_ms: u64,
    accessed_ms: u64,
}

/// Where a key was found; until the next key is added or removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found(usize);

/// What becomes of a key's lifetime when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// It lives until it is removed.
    Forever,
    /// It ends then (Unix milliseconds).
    Until(u64),
    /// As before.
    Keep,
}

/// What happened in a database, for `INFO`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyspaceCounters {
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Keys whose time had come.
    pub expired: u64,
    /// Keys that were removed to make room.
    pub evicted: u64,
    /// Changes.
    pub changes: u64,
}

/// One database.
#[derive(Debug)]
pub struct Keyspace {
    number: usize,
    hash_key: HashKey,
    table: Table<Entry>,
    expiry: Expiry,
    watches: Watches,
    used_bytes: usize,
    counters: KeyspaceCounters,
    /// Effects since they were last taken, if anybody takes them.
    effects: Option<Vec<Effect>>,
}

impl Keyspace {
    /// An empty database.
    pub fn new(number: usize, hash_key: HashKey) -> Self {
        Keyspace {
            number,
            hash_key,
            table: Table::new(hash_key),
            expiry: Expiry::default(),
            watches: Watches::default(),
            used_bytes: 0,
            counters: KeyspaceCounters::default(),
            effects: None,
        }
    }

    /// From now on effects are noted, for [`Keyspace::drain_effects`].
    pub fn note_effects(&mut self) {
        self.effects.get_or_insert_default();
    }

    /// Moves the effects since the last call to `into`.
    pub fn drain_effects(&mut self, into: &mut Vec<Effect>) {
        if let Some(effects) = &mut self.effects {
            into.append(effects);
        }
    }

    /// Shows each effect since the last drain, with the keyspace as it is now, and forgets them.
    pub fn with_effects(&mut self, mut show: impl FnMut(&Keyspace, &Effect)) {
        let Some(mut effects) = self.effects.take() else { return };
        effects.iter().for_each(|effect| show(self, effect));
        effects.clear();
        self.effects = Some(effects);
    }

    /// Takes over the keys of another keyspace, and forgets its own, and the effects; every watched key counts as
    /// changed.
    pub fn replace(&mut self, other: Keyspace) {
        (self.table, self.expiry, self.used_bytes) = (other.table, other.expiry, other.used_bytes);
        self.watches.all_changed();
        if let Some(effects) = &mut self.effects {
            effects.clear();
        }
    }

    /// Whether there are effects since the last drain.
    #[inline]
    pub fn has_effects(&self) -> bool {
        self.effects.as_ref().is_some_and(|effects| !effects.is_empty())
    }

    /// A key's value and end as they stand, whatever the time is; for engines, which have no clock.
    pub fn stored(&self, key: &[u8]) -> Option<(&Value, Option<u64>)> {
        let entry = self.table.value_at(self.table.find(key)?);
        Some((&entry.value, (entry.expires_at_ms != NEVER).then_some(entry.expires_at_ms)))
    }

    /// The key under which containers in this database hash their members.
    pub fn hash_key(&self) -> HashKey {
        self.hash_key
    }

    /// How many keys, those included whose time has come and that nobody has met since.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// How many keys have an end.
    pub fn expiring_len(&self) -> usize {
        self.expiry.len()
    }

    /// Memory of keys and values.
    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    /// What happened here.
    pub fn counters(&self) -> KeyspaceCounters {
        self.counters
    }

    /// `CONFIG RESETSTAT`.
    pub fn reset_counters(&mut self) {
        self.counters = KeyspaceCounters { changes: self.counters.changes, ..KeyspaceCounters::default() };
    }

    // ---- Finding -------------------------------------------------------------------------------------------------

    /// Finds a key that is there at `now_ms`, and marks it as used.
    #[inline]
    pub fn lookup(&mut self, key: &[u8], now_ms: u64) -> Option<Found> {
        let found = self.peek(key, now_ms)?;
        self.table.value_at_mut(found.0).accessed_ms = now_ms;
        Some(found)
    }

    /// Finds a key that is there at `now_ms`, without marking it as used.
    #[inline]
    pub fn peek(&mut self, key: &[u8], now_ms: u64) -> Option<Found> {
        let at = self.table.find(key)?;
        if self.table.value_at(at).expires_at_ms <= now_ms {
            self.expire(at);
            return None;
        }
        Some(Found(at))
    }

    /// Finds a key in order to read it: [`Keyspace::lookup`], with an entry in the statistics.
    #[inline]
    pub fn lookup_read(&mut self, key: &[u8], now_ms: u64) -> Option<Found> {
        let found = self.lookup(key, now_ms);
        self.count_read(found.is_some());
        found
    }

    /// Whether a key is there: [`Keyspace::peek`], with an entry in the statistics.
    pub fn contains(&mut self, key: &[u8], now_ms: u64) -> bool {
        let is_there = self.peek(key, now_ms).is_some();
        self.count_read(is_there);
        is_there
    }

    #[inline]
    fn count_read(&mut self, is_hit: bool) {
        let counter = if is_hit { &mut self.counters.hits } else { &mut self.counters.misses };
        *counter += 1;
    }

    /// The value of a key in order to read it.
    #[inline]
    pub fn read(&mut self, key: &[u8], now_ms: u64) -> Option<&Value> {
        let found = self.lookup_read(key, now_ms)?;
        Some(self.value(found))
    }

    /// The value of a key that was found.
    #[inline]
    pub fn value(&self, found: Found) -> &Value {
        &self.table.value_at(found.0).value
    }

    /// Memory of a key that was found, and of its value.
    pub fn bytes_of(&self, found: Found) -> usize {
        let heap_bytes = self.table.key_at(found.0).heap_bytes() + self.value(found).heap_bytes();
        Table::<Entry>::BYTES_PER_ENTRY + heap_bytes
    }

    /// When a key that was found ends.
    pub fn expires_at_ms(&self, found: Found) -> Option<u64> {
        match self.table.value_at(found.0).expires_at_ms {
            NEVER => None,
            at => Some(at),
        }
    }

    /// When a key that was found was last used.
    pub fn accessed_ms(&self, found: Found) -> u64 {
        self.table.value_at(found.0).accessed_ms
    }

    // ---- Changing ------------------------------------------------------------------------------------------------

    /// Puts a value under a key, whatever was there.
    #[inline]
    pub fn set(&mut self, key: &[u8], value: Value, lifetime: Lifetime, now_ms: u64) {
        let heap_bytes = value.heap_bytes();
        let mut value = Some(value);
        let (at, was_there) = self.table.find_or_insert(key, || Entry {
            value: value.take().expect("called once"),
            expires_at_ms: NEVER,
            accessed_ms: now_ms,
        });
        let entry = self.table.value_at_mut(at);
        let old_expires_at_ms = entry.expires_at_ms;
        if let Some(value) = value {
            self.used_bytes -= entry.value.heap_bytes();
            entry.value = value;
            entry.accessed_ms = now_ms;
        }
        let new_expires_at_ms = match lifetime {
            Lifetime::Forever => NEVER,
            Lifetime::Until(at_ms) => at_ms.min(NEVER - 1),
            Lifetime::Keep => old_expires_at_ms,
        };
        entry.expires_at_ms = new_expires_at_ms;
        self.used_bytes += heap_bytes;
        if !was_there {
            self.used_bytes += Table::<Entry>::BYTES_PER_ENTRY + self.table.key_at(at).heap_bytes();
        }
        if old_expires_at_ms != new_expires_at_ms {
            self.lifetime_moved(key, old_expires_at_ms, new_expires_at_ms);
        }
        self.changed(key);
    }

    /// Changes the value of a key that was found. A container that `change` leaves empty takes its key with it.
    #[inline]
    pub fn edit<R>(&mut self, found: Found, change: impl FnOnce(&mut Value) -> R) -> R {
        self.edit_if(found, |value| (change(value), true))
    }

    /// [`Keyspace::edit`], where `change` says with its result whether it has changed anything.
    #[inline]
    pub fn edit_if<R>(&mut self, found: Found, change: impl FnOnce(&mut Value) -> (R, bool)) -> R {
        let entry = self.table.value_at_mut(found.0);
        let before = entry.value.heap_bytes();
        let (result, changed) = change(&mut entry.value);
        if !changed {
            return result;
        }
        let after = entry.value.heap_bytes();
        let is_gone = entry.value.is_empty_container();
        self.used_bytes = self.used_bytes - before + after;
        if is_gone {
            self.remove(found);
        } else {
            self.changed_at(found.0);
        }
        result
    }

    /// Gives a key that was found another end, or none.
    pub fn set_expiry(&mut self, found: Found, expires_at_ms: Option<u64>) {
        let new = expires_at_ms.map_or(NEVER, |at| at.min(NEVER - 1));
        let entry = self.table.value_at_mut(found.0);
        let old = std::mem::replace(&mut entry.expires_at_ms, new);
        let key = self.table.key_at(found.0).clone();
        self.lifetime_moved(&key, old, new);
        self.changed(&key);
    }

    /// Removes a key that was found; its value and its end.
    pub fn remove(&mut self, found: Found) -> (Value, Option<u64>) {
        let (key, entry) = self.take(found.0);
        self.counters.changes += 1;
        self.note_removed(&key);
        let end = (entry.expires_at_ms != NEVER).then_some(entry.expires_at_ms);
        (entry.value, end)
    }

    /// Removes a key to make room.
    pub fn evict(&mut self, found: Found) {
        self.remove(found);
        self.counters.evicted += 1;
    }

    /// Removes all keys.
    pub fn clear(&mut self) {
        self.counters.changes += self.table.len() as u64;
        let table = &self.table;
        self.watches.removed_where(|key| table.find(key).is_some());
        self.table.clear();
        self.expiry.clear();
        self.used_bytes = 0;
        let database = self.number;
        if let Some(effects) = &mut self.effects {
            effects.push(Effect::Cleared { database });
        }
    }

    fn take(&mut self, at: usize) -> (SmallBytes, Entry) {
        let (key, entry) = self.table.remove_at(at);
        self.used_bytes -= Table::<Entry>::BYTES_PER_ENTRY + key.heap_bytes() + entry.value.heap_bytes();
        if entry.expires_at_ms != NEVER {
            self.expiry.moved(entry.expires_at_ms, NEVER, || 0);
        }
        (key, entry)
    }

    fn lifetime_moved(&mut self, key: &[u8], old: u64, new: u64) {
        let table = &self.table;
        self.expiry.moved(old, new, || table.hash(key));
        if self.expiry.is_mostly_stale() {
            let ends = self.table.iter().filter(|(_, entry)| entry.expires_at_ms != NEVER);
            self.expiry.rebuild(ends.map(|(key, entry)| (entry.expires_at_ms, table.hash(key))));
        }
    }

    #[inline]
    fn changed(&mut self, key: &[u8]) {
        self.counters.changes += 1;
        if self.effects.is_some() || self.watches.may_have(key) {
            self.note_stored(key);
        }
    }

    #[inline]
    fn changed_at(&mut self, at: usize) {
        self.counters.changes += 1;
        if self.effects.is_some() || self.watches.may_have(self.table.key_at(at)) {
            let key = self.table.key_at(at).clone();
            self.note_stored(&key);
        }
    }

    #[cold]
    fn note_stored(&mut self, key: &[u8]) {
        self.watches.changed(key);
        let database = self.number;
        if let Some(effects) = &mut self.effects {
            effects.push(Effect::Stored { database, key: SmallBytes::new(key) });
        }
    }

    fn note_removed(&mut self, key: &SmallBytes) {
        self.watches.changed(key);
        let database = self.number;
        if let Some(effects) = &mut self.effects {
            effects.push(Effect::Removed { database, key: key.clone() });
        }
    }

    // ---- Time ----------------------------------------------------------------------------------------------------

    /// Removes up to `count_max` keys whose time has come; how many. The earliest go first.
    pub fn expire_due(&mut self, now_ms: u64, count_max: usize) -> usize {
        let mut expired = 0;
        while expired < count_max {
            let Some((end, hash)) = self.expiry.pop_due(now_ms) else {
                break;
            };
            if let Some(at) = self.table.find_by_hash(hash, |entry| entry.expires_at_ms == end) {
                self.expire(at);
                expired += 1;
            }
        }
        expired
    }

    /// A time at or before the earliest end of a key.
    pub fn next_expiry_ms(&self) -> Option<u64> {
        self.expiry.earliest_ms()
    }

    fn expire(&mut self, at: usize) {
        let (key, _) = self.take(at);
        self.counters.expired += 1;
        self.note_removed(&key);
    }

    // ---- Walking -------------------------------------------------------------------------------------------------

    /// All keys that are there at `now_ms`, with their values.
    pub fn iter(&self, now_ms: u64) -> impl Iterator<Item = (&SmallBytes, &Value)> {
        let entries = self.table.iter().filter(move |(_, entry)| entry.expires_at_ms > now_ms);
        entries.map(|(key, entry)| (key, &entry.value))
    }

    /// One step of a walk that tolerates changes in between; see [`Table::scan`].
    pub fn scan(&self, cursor: u64, count: usize, now_ms: u64, mut show: impl FnMut(&[u8], &Value)) -> u64 {
        self.table.scan(cursor, count, |key, entry| {
            if entry.expires_at_ms > now_ms {
                show(key, &entry.value);
            }
        })
    }

    /// As [`Keyspace::scan`], whatever the time is: each key with its value and its end. For engines.
    pub fn scan_stored(
        &self,
        cursor: u64,
        count: usize,
        mut show: impl FnMut(&[u8], &Value, Option<u64>),
    ) -> u64 {
        self.table.scan(cursor, count, |key, entry| {
            show(key, &entry.value, (entry.expires_at_ms != NEVER).then_some(entry.expires_at_ms));
        })
    }

    /// The key at a position below [`Keyspace::len`], for sampling.
    pub fn at(&self, position: usize) -> (Found, &SmallBytes) {
        (Found(position), self.table.key_at(position))
    }

    // ---- Watching ------------------------------------------------------------------------------------------------

    /// Begins to watch a key. The version that is returned stays what it is until the key changes.
    pub fn watch(&mut self, key: &[u8], now_ms: u64) -> u64 {
        // A key whose time has come is gone before the watch begins.
        self.peek(key, now_ms);
        self.watches.watch(key)
    }

    /// The version of a watched key at `now_ms`.
    pub fn watched_version(&mut self, key: &[u8], now_ms: u64) -> Option<u64> {
        self.peek(key, now_ms);
        self.watches.version(key)
    }

    /// Ends one watch of a key.
    pub fn unwatch(&mut self, key: &[u8]) {
        self.watches.unwatch(key);
    }

    /// Somebody waits for a key to change: from now on [`Keyspace::take_ready`] says when it has.
    pub fn wait_for(&mut self, key: &[u8]) {
        self.watches.wait_for(key);
    }

    /// One who waited for a key does so no more.
    pub fn wait_no_more(&mut self, key: &[u8]) {
        self.watches.wait_no_more(key);
    }

    /// Whether a key has changed that somebody waits for.
    #[inline]
    pub fn has_ready(&self) -> bool {
        self.watches.has_ready()
    }

    /// Keys that somebody waits for, and that have changed since the last call.
    pub fn take_ready(&mut self) -> Vec<SmallBytes> {
        self.watches.take_ready()
    }
}

#[cfg(test)]
mod tests;
