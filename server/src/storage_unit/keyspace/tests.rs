//! The keyspace against an ordered map, and the accounts that it keeps.

use super::*;
use crate::storage_unit::value::IntegerText;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn keyspace() -> Keyspace {
    Keyspace::new(0, HashKey::from_seed(1))
}

#[derive(Clone, Debug)]
enum Step {
    Set(u8, u16, Option<u64>),
    SetKeeping(u8, u16),
    Append(u8, u16),
    Remove(u8),
    ExpireAt(u8, Option<u64>),
    Wait(u64),
    ExpireDue(usize),
    Clear,
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = || 0u8..24;
    let end = || proptest::option::of(1u64..200);
    prop_oneof![
        6 => (key(), 0u16..600, end()).prop_map(|(key, size, end)| Step::Set(key, size, end)),
        2 => (key(), 0u16..600).prop_map(|(key, size)| Step::SetKeeping(key, size)),
        2 => (key(), 0u16..600).prop_map(|(key, size)| Step::Append(key, size)),
        3 => key().prop_map(Step::Remove),
        3 => (key(), end()).prop_map(|(key, end)| Step::ExpireAt(key, end)),
        4 => (0u64..60).prop_map(Step::Wait),
        2 => (0usize..10).prop_map(Step::ExpireDue),
        1 => Just(Step::Clear),
    ]
}

fn key_of(number: u8) -> Vec<u8> {
    format!("key-{number}-").repeat(1 + usize::from(number % 5)).into_bytes()
}

fn text_of(size: u16) -> Vec<u8> {
    format!("{size}").into_bytes().into_iter().cycle().take(usize::from(size)).collect()
}

proptest! {
    #[test]
    fn is_a_map_whose_keys_end(steps in proptest::collection::vec(any_step(), 0..200)) {
        let mut keyspace = keyspace();
        let mut model: BTreeMap<Vec<u8>, (Vec<u8>, u64)> = BTreeMap::new();
        let mut now = 1000;
        for step in steps {
            match step {
                Step::Set(key, size, end) => {
                    let end = end.map(|end| now + end);
                    let lifetime = end.map_or(Lifetime::Forever, Lifetime::Until);
                    keyspace.set(&key_of(key), Value::string(&text_of(size)), lifetime, now);
                    model.insert(key_of(key), (text_of(size), end.unwrap_or(NEVER)));
                }
                Step::SetKeeping(key, size) => {
                    // As commands do: what has ended is removed first, and takes its end with it.
                    keyspace.lookup(&key_of(key), now);
                    keyspace.set(&key_of(key), Value::string(&text_of(size)), Lifetime::Keep, now);
                    let end = model.get(&key_of(key)).map_or(NEVER, |(_, end)| *end);
                    model.insert(key_of(key), (text_of(size), end));
                }
                Step::Append(key, size) => {
                    if let Some(found) = keyspace.lookup(&key_of(key), now) {
                        keyspace.edit(found, |value| value.edit_text().unwrap().extend(text_of(size)));
                    }
                    if let Some((text, _)) = model.get_mut(&key_of(key)) {
                        text.extend(text_of(size));
                    }
                }
                Step::Remove(key) => {
                    let found = keyspace.lookup(&key_of(key), now);
                    let removed = found.map(|found| keyspace.remove(found).1);
                    let expected = model.remove(&key_of(key)).map(|(_, end)| (end != NEVER).then_some(end));
                    prop_assert_eq!(removed, expected);
                }
                Step::ExpireAt(key, end) => {
                    let end = end.map(|end| now + end);
                    if let Some(found) = keyspace.lookup(&key_of(key), now) {
                        keyspace.set_expiry(found, end);
                    }
                    if let Some((_, old)) = model.get_mut(&key_of(key)) {
                        *old = end.unwrap_or(NEVER);
                    }
                }
                Step::Wait(time) => now += time,
                Step::ExpireDue(count) => {
                    let due = keyspace.table.iter().filter(|(_, entry)| entry.expires_at_ms <= now).count();
                    prop_assert_eq!(keyspace.expire_due(now, count), due.min(count));
                }
                Step::Clear => {
                    keyspace.clear();
                    model.clear();
                }
            }
            model.retain(|_, (_, end)| *end > now);
            let there: BTreeMap<Vec<u8>, Vec<u8>> = keyspace
                .iter(now)
                .map(|(key, value)| (key.to_vec(), value.text(&mut IntegerText::new()).unwrap().to_vec()))
                .collect();
            let expected: BTreeMap<_, _> =
                model.iter().map(|(key, (text, _))| (key.clone(), text.clone())).collect();
            prop_assert_eq!(there, expected);
            let used: usize = keyspace.table.iter().map(|(key, entry)| {
                Table::<Entry>::BYTES_PER_ENTRY + key.heap_bytes() + entry.value.heap_bytes()
            }).sum();
            prop_assert_eq!(keyspace.used_bytes(), used, "the account of memory");
            let expiring = keyspace.table.iter().filter(|(_, entry)| entry.expires_at_ms != NEVER).count();
            prop_assert_eq!(keyspace.expiring_len(), expiring);
            let earliest = model.values().map(|(_, end)| *end).min().filter(|end| *end != NEVER);
            if let Some(earliest) = earliest {
                prop_assert!(keyspace.next_expiry_ms().is_some_and(|at| at <= earliest), "no key is overslept");
            }
        }
    }
}

#[test]
fn the_heap_of_ends_stays_within_a_constant_of_the_keys() {
    let mut keyspace = keyspace();
    for turn in 0..10_000 {
        keyspace.set(b"key", Value::Integer(1), Lifetime::Until(1_000_000 + turn), 0);
    }
    keyspace.expire_due(2_000_000, 10);
    assert!(keyspace.is_empty());
    assert_eq!(keyspace.next_expiry_ms(), None);
}

#[test]
fn watchers_see_every_way_in_which_a_key_changes() {
    type Change = fn(&mut Keyspace);
    let table: &[(&str, Change, bool)] = &[
        ("nothing", |_| {}, false),
        ("read", |k| assert!(k.lookup(b"key", 0).is_some()), false),
        ("another key", |k| k.set(b"other", Value::Integer(1), Lifetime::Forever, 0), false),
        ("set", |k| k.set(b"key", Value::Integer(1), Lifetime::Forever, 0), true),
        ("edit", |k| k.lookup(b"key", 0).map(|f| k.edit(f, |v| *v = Value::Integer(3))).unwrap(), true),
        ("expiry", |k| k.lookup(b"key", 0).map(|f| k.set_expiry(f, Some(9))).unwrap(), true),
        ("removal", |k| k.lookup(b"key", 0).map(|f| drop(k.remove(f))).unwrap(), true),
        ("clear", |k| k.clear(), true),
    ];
    for (name, change, seen) in table {
        let mut keyspace = keyspace();
        keyspace.set(b"key", Value::Integer(1), Lifetime::Forever, 0);
        let version = keyspace.watch(b"key", 0);
        change(&mut keyspace);
        assert_eq!(keyspace.watched_version(b"key", 0) != Some(version), *seen, "{name}");
        keyspace.unwatch(b"key");
        assert!(!keyspace.watches.may_have(b"key"));
    }
}

#[test]
fn effects_name_every_key_that_is_not_what_it_was() {
    let mut keyspace = keyspace();
    keyspace.set(b"before", Value::Integer(1), Lifetime::Forever, 0);
    keyspace.note_effects();
    keyspace.set(b"a", Value::Integer(1), Lifetime::Until(5), 0);
    let found = keyspace.lookup(b"before", 0).unwrap();
    keyspace.remove(found);
    assert!(keyspace.lookup(b"a", 5).is_none());
    keyspace.clear();
    let mut effects = Vec::new();
    keyspace.drain_effects(&mut effects);
    let key = |text: &str| SmallBytes::new(text.as_bytes());
    assert_eq!(
        effects,
        [
            Effect::Stored { database: 0, key: key("a") },
            Effect::Removed { database: 0, key: key("before") },
            Effect::Removed { database: 0, key: key("a") },
            Effect::Cleared { database: 0 },
        ]
    );
}
