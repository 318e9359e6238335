//! A hash table whose order is a pure function of the operations on it: the same on every machine, whatever the
//! hash. Entries lie in one vector, in order of arrival, except that the last one fills the gap of a removed one;
//! beside it an index finds an entry by its key. Small tables have no index and are searched from end to end.
//!
//! [`Table::scan`] goes from the last entry to the first. Only the last entry ever moves, and only downwards to a
//! gap: an entry below the cursor stays below it until it is seen. So a scan shows every entry that was there all
//! the time, as `SCAN` promises, with a cursor that is one number and needs no memory.

use super::bytes::SmallBytes;
use super::sip_hash::HashKey;
use hashbrown::HashTable;

/// Up to so many entries are searched without an index.
const UNINDEXED_MAX: usize = 8;
/// What an entry costs beside its slot: its share of an index that is filled to seven eighths at best.
const INDEX_BYTES_PER_ENTRY: usize = 8;

/// One entry.
#[derive(Clone, Debug)]
pub struct Slot<V> {
    key: SmallBytes,
    value: V,
}

/// A map from bytes to `V`.
#[derive(Clone, Debug)]
pub struct Table<V> {
    hash_key: HashKey,
    slots: Vec<Slot<V>>,
    /// Positions in `slots` by hash of the key; empty unless `indexed`.
    index: HashTable<u32>,
    indexed: bool,
}

impl<V> Table<V> {
    /// What one entry costs, the heap of its key and value aside.
    pub const BYTES_PER_ENTRY: usize = size_of::<Slot<V>>() + INDEX_BYTES_PER_ENTRY;

    /// An empty table.
    pub fn new(hash_key: HashKey) -> Self {
        Table { hash_key, slots: Vec::new(), index: HashTable::new(), indexed: false }
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The hash of a key in this table.
    pub fn hash(&self, key: &[u8]) -> u64 {
        self.hash_key.hash(key)
    }

    /// The position of `key`. Positions hold until the next removal.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        if self.indexed {
            self.find_hashed(self.hash(key), key)
        } else {
            self.slots.iter().position(|slot| slot.key.as_slice() == key)
        }
    }

    #[inline]
    fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<usize> {
        self.index.find(hash, |at| self.slots[*at as usize].key.as_slice() == key).map(|at| *at as usize)
    }

    /// The position of the entry whose key has this hash and for which `is_it` holds.
    pub fn find_by_hash(&self, hash: u64, is_it: impl Fn(&V) -> bool) -> Option<usize> {
        if self.indexed {
            self.index.find(hash, |at| is_it(&self.slots[*at as usize].value)).map(|at| *at as usize)
        } else {
            self.slots.iter().position(|slot| self.hash(&slot.key) == hash && is_it(&slot.value))
        }
    }

    /// The position of `key`, which is put there with `value` if it is not; whether it was.
    #[inline]
    pub fn find_or_insert(&mut self, key: &[u8], value: impl FnOnce() -> V) -> (usize, bool) {
        let hash = if self.indexed {
            let hash = self.hash(key);
            if let Some(at) = self.find_hashed(hash, key) {
                return (at, true);
            }
            Some(hash)
        } else {
            if let Some(at) = self.find(key) {
                return (at, true);
            }
            None
        };
        let at = self.slots.len();
        let number = u32::try_from(at).expect("a table of more than four billion entries");
        self.slots.push(Slot { key: SmallBytes::new(key), value: value() });
        if let Some(hash) = hash {
            let (hash_key, slots) = (self.hash_key, &self.slots);
            self.index.insert_unique(hash, number, |at| hash_key.hash(&slots[*at as usize].key));
        } else if self.slots.len() > UNINDEXED_MAX {
            self.build_index();
        }
        (at, false)
    }

    /// Puts `value` under `key`; what was there before.
    pub fn insert(&mut self, key: &[u8], value: V) -> Option<V> {
        let mut value = Some(value);
        let (at, was_there) = self.find_or_insert(key, || value.take().expect("called once"));
        if was_there { value.map(|value| std::mem::replace(&mut self.slots[at].value, value)) } else { None }
    }

    fn build_index(&mut self) {
        let (hash_key, slots) = (self.hash_key, &self.slots);
        let hasher = |at: &u32| hash_key.hash(&slots[*at as usize].key);
        self.index.reserve(slots.len(), hasher);
        for at in 0..slots.len() as u32 {
            self.index.insert_unique(hasher(&at), at, hasher);
        }
        self.indexed = true;
    }

    /// Takes the entry at `at` out; the last entry moves to its place.
    pub fn remove_at(&mut self, at: usize) -> (SmallBytes, V) {
        if self.indexed {
            let hash = self.hash(&self.slots[at].key);
            if let Ok(entry) = self.index.find_entry(hash, |found| *found as usize == at) {
                entry.remove();
            }
            let last = self.slots.len() - 1;
            if at != last {
                let hash = self.hash(&self.slots[last].key);
                if let Some(found) = self.index.find_mut(hash, |found| *found as usize == last) {
                    *found = at as u32;
                }
            }
        }
        let slot = self.slots.swap_remove(at);
        (slot.key, slot.value)
    }

    /// Takes `key` out.
    pub fn remove(&mut self, key: &[u8]) -> Option<V> {
        let at = self.find(key)?;
        Some(self.remove_at(at).1)
    }

    /// The value under `key`.
    pub fn get(&self, key: &[u8]) -> Option<&V> {
        self.find(key).map(|at| &self.slots[at].value)
    }

    /// The key at a position.
    pub fn key_at(&self, at: usize) -> &SmallBytes {
        &self.slots[at].key
    }

    /// The value at a position.
    #[inline]
    pub fn value_at(&self, at: usize) -> &V {
        &self.slots[at].value
    }

    /// The value at a position, to be changed.
    #[inline]
    pub fn value_at_mut(&mut self, at: usize) -> &mut V {
        &mut self.slots[at].value
    }

    /// All entries, in the order that the operations gave them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&SmallBytes, &V)> {
        self.slots.iter().map(|slot| (&slot.key, &slot.value))
    }

    /// Shows at least `count` entries, if there are so many left, from `cursor` on; 0 begins. Returns the cursor to
    /// go on with; 0 means that all was shown.
    pub fn scan(&self, cursor: u64, count: usize, mut show: impl FnMut(&SmallBytes, &V)) -> u64 {
        let end = match usize::try_from(cursor) {
            Ok(0) => self.slots.len(),
            Ok(cursor) => cursor.min(self.slots.len()),
            Err(_) => self.slots.len(),
        };
        let start = end.saturating_sub(count.max(1));
        for slot in self.slots[start..end].iter().rev() {
            show(&slot.key, &slot.value);
        }
        start as u64
    }

    /// Removes everything and gives the memory back.
    pub fn clear(&mut self) {
        *self = Table::new(self.hash_key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn key_of(number: u8) -> Vec<u8> {
        // Some keys are short and some are boxed.
        format!("{number}").repeat(1 + usize::from(number % 16)).into_bytes()
    }

    proptest! {
        #[test]
        fn is_a_map(steps in proptest::collection::vec((any::<bool>(), any::<u8>(), any::<u32>()), 0..300)) {
            let (mut table, mut model) = (Table::new(HashKey::from_seed(7)), BTreeMap::new());
            for (insert, number, value) in steps {
                let key = key_of(number % 40);
                if insert {
                    prop_assert_eq!(table.insert(&key, value), model.insert(key, value));
                } else {
                    prop_assert_eq!(table.remove(&key), model.remove(&key));
                }
                prop_assert_eq!(table.len(), model.len());
            }
            for number in 0..40 {
                prop_assert_eq!(table.get(&key_of(number)), model.get(&key_of(number)));
            }
            let all: BTreeMap<Vec<u8>, u32> = table.iter().map(|(key, value)| (key.to_vec(), *value)).collect();
            prop_assert_eq!(all, model);
        }

        #[test]
        fn a_scan_shows_all_that_was_there_all_the_time(
            before in proptest::collection::btree_set(any::<u8>(), 0..100),
            steps in proptest::collection::vec((any::<bool>(), any::<u8>(), 1usize..6), 0..200),
        ) {
            let mut table = Table::new(HashKey::from_seed(7));
            before.iter().for_each(|number| { table.insert(&[*number], ()); });
            let (mut stayed, mut seen, mut cursor) = (before, BTreeSet::new(), 0);
            for (insert, number, count) in steps.into_iter().chain(std::iter::repeat_n((true, 0, 7), 60)) {
                cursor = table.scan(cursor, count, |key, _| { seen.insert(key[0]); });
                if cursor == 0 {
                    break;
                }
                if insert {
                    table.insert(&[number], ());
                } else {
                    table.remove(&[number]);
                    stayed.remove(&number);
                }
            }
            prop_assert_eq!(cursor, 0);
            prop_assert!(stayed.is_subset(&seen));
        }

        #[test]
        fn the_order_does_not_depend_on_the_hash(
            steps in proptest::collection::vec((any::<bool>(), any::<u8>()), 0..200),
        ) {
            let orders = [1, 2].map(|seed| {
                let mut table = Table::new(HashKey::from_seed(seed));
                for (insert, number) in &steps {
                    if *insert { table.insert(&[*number], ()); } else { table.remove(&[*number]); }
                }
                table.iter().map(|(key, ())| key.to_vec()).collect::<Vec<_>>()
            });
            prop_assert_eq!(&orders[0], &orders[1]);
        }
    }
}
