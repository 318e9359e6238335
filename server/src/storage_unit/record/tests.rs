//! What is written is read back; what is damaged is reported.

use super::*;
use proptest::prelude::*;

fn image() -> Databases {
    let mut databases = Databases::new(2, HashKey::from_seed(1));
    databases.note_effects();
    databases
}

fn dump(databases: &Databases) -> Vec<(usize, Vec<u8>, String, Option<u64>)> {
    let mut all = Vec::new();
    for (number, keyspace) in databases.iter().enumerate() {
        for (key, _) in keyspace.iter(0) {
            let (value, end) = keyspace.stored(key).unwrap();
            let mut bytes = Vec::new();
            put_value(&mut bytes, value);
            all.push((number, key.to_vec(), bytes.escape_ascii().to_string(), end));
        }
    }
    all.sort();
    all
}

proptest! {
    #[test]
    fn what_was_put_is_read_back(
        steps in proptest::collection::vec((0u8..7, 0usize..2, 0u8..6, proptest::collection::vec(any::<u8>(), 0..70)), 0..60),
    ) {
        let (mut original, mut copy) = (image(), image());
        for (kind, database, key, text) in steps {
            let keyspace = original.at(database);
            let key = [b'k', key];
            match kind {
                0 => keyspace.set(&key, Value::string(&text), Lifetime::Forever, 0),
                1 => {
                    let mut list = List::default();
                    text.chunks(3).for_each(|item| list.push_back(item));
                    list.push_front(b"");
                    keyspace.set(&key, Value::List(Box::new(list)), Lifetime::Until(u64::from(key[1]) + 7), 0);
                }
                2 => {
                    let mut hash = Hash::new(keyspace.hash_key());
                    hash.set(b"field", &text);
                    keyspace.set(&key, Value::Hash(Box::new(hash)), Lifetime::Keep, 0);
                }
                3 => {
                    let mut set = Set::new(keyspace.hash_key());
                    set.insert(b"");
                    text.chunks(5).for_each(|member| _ = set.insert(member));
                    keyspace.set(&key, Value::Set(Box::new(set)), Lifetime::Keep, 0);
                }
                4 => {
                    let mut set = SortedSet::new(keyspace.hash_key());
                    set.insert(b"", f64::NEG_INFINITY);
                    text.chunks(5).enumerate().for_each(|(at, member)| _ = set.insert(member, at as f64 / -3.0));
                    keyspace.set(&key, Value::SortedSet(Box::new(set)), Lifetime::Keep, 0);
                }
                5 => if let Some(found) = keyspace.peek(&key, 0) { keyspace.remove(found); },
                _ => if text.len() > 60 { keyspace.clear(); },
            }
            if text.len() % 3 == 0 {
                let mut batch = Vec::new();
                let effects = original.take_effects();
                for effect in &effects {
                    let (Effect::Stored { database, .. } | Effect::Removed { database, .. } | Effect::Cleared { database }) = effect;
                    put_effect(&mut batch, original.at(*database), effect);
                }
                prop_assert_eq!(apply(&mut copy, &batch), Ok(effects.len() as u64));
                prop_assert_eq!(dump(&original), dump(&copy));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = apply(&mut image(), &bytes);
    }
}

#[test]
fn a_score_that_is_no_number_is_damage() {
    let mut batch = Vec::new();
    let mut set = SortedSet::new(HashKey::from_seed(1));
    set.insert(b"member", 1.5);
    put_stored(&mut batch, 0, b"key", &Value::SortedSet(Box::new(set)), None);
    assert_eq!(apply(&mut image(), &batch), Ok(1));
    let score = batch.len() - 8;
    batch[score..].copy_from_slice(&f64::NAN.to_le_bytes());
    assert_eq!(apply(&mut image(), &batch), Err(NotApplied::Malformed));
}
