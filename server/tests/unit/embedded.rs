//! The database on a real disk: what was kept comes back, and damage is reported and never used.

use super::*;
use crate::storage_unit::durable::directory::claim;
use crate::storage_unit::durable::steps::{commit_a_hundred, set, wait_for_commit};
use crate::storage_unit::durable::{Durable, SyncPolicy};
use crate::storage_unit::keyspace::Lifetime;
use crate::storage_unit::value::{Hash, List, Set, SortedSet};
use crate::storage_unit::{Standing, Storage, Value};
use eagain_net as net;
use proptest::prelude::*;
use std::sync::LazyLock;

fn image() -> Databases {
    Databases::new(2, HashKey::from_seed(1))
}

fn open(directory: &str) -> Result<(Embedded<net::Linux>, Found, Databases), OpenError> {
    open_for(directory, SyncPolicy::Always)
}

fn open_for(
    directory: &str,
    policy: SyncPolicy,
) -> Result<(Embedded<net::Linux>, Found, Databases), OpenError> {
    let mut databases = image();
    Embedded::open(net::Linux, directory, policy, false, &mut databases)
        .map(|(database, found)| (database, found, databases))
}

fn start(directory: &str, policy: SyncPolicy) -> Durable<net::Linux> {
    drop(claim(net::Linux, directory, 1, "redb").unwrap());
    let (database, _, databases) = open_for(directory, policy).unwrap();
    Durable::start(net::Linux, "redb", databases, database, policy, 7, crate::observe::Log::default())
        .unwrap()
}

/// Every key with its value and its end, in order.
fn dump(databases: &Databases) -> Vec<String> {
    let mut all = Vec::new();
    for (number, keyspace) in databases.iter().enumerate() {
        for (key, _) in keyspace.iter(0) {
            let (value, end) = keyspace.stored(key).unwrap();
            let mut row = Vec::new();
            record::put_row(&mut row, value, end);
            all.push(format!("{number} {} {}", key.escape_ascii(), row.escape_ascii()));
        }
    }
    all.sort();
    all
}

/// A database of so many transactions, each of one key, that was closed well; the bytes of the file.
fn written(directory: &str, count: usize) -> Vec<u8> {
    let mut storage = start(directory, SyncPolicy::Always);
    for number in 0..count {
        set(&mut storage, &format!("key-{number}"), &"value".repeat(number * 40));
        let commit = storage.commit();
        assert_eq!(wait_for_commit(&mut storage, commit), Standing::Done);
    }
    storage.close().unwrap();
    std::fs::read(format!("{directory}/redb")).unwrap()
}

#[test]
fn what_was_committed_is_there_after_a_restart_under_every_policy() {
    for policy in [SyncPolicy::Always, SyncPolicy::EverySecond] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db").to_str().unwrap().to_owned();
        let mut storage = start(&path, policy);
        commit_a_hundred(&mut storage);
        let other = storage.databases().at(1);
        let mut list = List::default();
        list.push_back(b"a");
        other.set(b"list", Value::List(Box::new(list)), Lifetime::Until(u64::MAX - 9), 0);
        let mut hash = Hash::new(other.hash_key());
        hash.set(b"field", b"text");
        other.set(b"hash", Value::Hash(Box::new(hash)), Lifetime::Forever, 0);
        let mut set = Set::new(other.hash_key());
        set.insert(b"member");
        other.set(b"set", Value::Set(Box::new(set)), Lifetime::Forever, 0);
        let mut set = SortedSet::new(other.hash_key());
        set.insert(b"member", -0.5);
        other.set(b"sorted set", Value::SortedSet(Box::new(set)), Lifetime::Forever, 0);
        storage.commit();
        let expected = dump(storage.databases());
        storage.close().unwrap();
        let (_, found, databases) = open(&path).unwrap();
        assert_eq!(found.keys, 14);
        assert_eq!(dump(&databases), expected);
    }
}

#[test]
fn what_is_gone_stays_gone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut storage = start(path, SyncPolicy::Always);
    for number in 0..200 {
        set(&mut storage, &format!("key-{number}"), "x");
    }
    storage.databases().at(1).set(b"kept", Value::string(b"x"), Lifetime::Forever, 0);
    storage.commit();
    storage.databases().at(0).clear();
    set(&mut storage, "again", "y");
    set(&mut storage, "removed", "y");
    storage.commit();
    let keyspace = storage.databases().at(0);
    let found = keyspace.peek(b"removed", 0).unwrap();
    keyspace.remove(found);
    let commit = storage.commit();
    assert_eq!(wait_for_commit(&mut storage, commit), Standing::Done);
    // Not closed: as after a crash.
    std::fs::copy(format!("{path}/redb"), format!("{path}/copy")).unwrap();
    std::mem::drop(storage);
    std::fs::rename(format!("{path}/copy"), format!("{path}/redb")).unwrap();
    let (_, _, databases) = open(path).unwrap();
    assert_eq!(dump(&databases).len(), 2, "{:?}", dump(&databases));
}

#[test]
fn what_is_no_database_of_ours_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    for text in ["", "hello", &"a longer file that is something else ".repeat(200)] {
        std::fs::write(format!("{path}/redb"), text).unwrap();
        assert!(matches!(open(path), Err(OpenError::Damaged(_))));
        assert_eq!(std::fs::read(format!("{path}/redb")).unwrap(), text.as_bytes());
    }
    std::fs::remove_file(format!("{path}/redb")).unwrap();
    Database::create(format!("{path}/redb")).unwrap();
    let error = open(path).err().unwrap().to_string();
    assert!(error.contains("of another program"), "{error}");
}

#[test]
fn a_process_that_is_killed_leaves_a_journal_that_is_read_once() {
    let (directory, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = |of: &tempfile::TempDir| of.path().to_str().unwrap().to_owned();
    let mut storage = start(&path(&directory), SyncPolicy::Never);
    for key in ["one", "two", "three"] {
        set(&mut storage, key, "value");
        let commit = storage.commit();
        assert_eq!(wait_for_commit(&mut storage, commit), Standing::Done);
    }
    for name in [NAME, journal::NAME] {
        std::fs::copy(directory.path().join(name), killed.path().join(name)).unwrap();
    }
    let expected = dump(storage.databases());
    storage.close().unwrap();
    // What is older than the database says nothing.
    std::fs::copy(killed.path().join(journal::NAME), directory.path().join(journal::NAME)).unwrap();
    for (of, policy, batches) in [
        (&directory, SyncPolicy::Never, 0),
        (&killed, SyncPolicy::Never, 3),
        (&killed, SyncPolicy::Always, 3),
        (&killed, SyncPolicy::Always, 0),
    ] {
        let (database, found, databases) = open_for(&path(of), policy).unwrap();
        assert_eq!((dump(&databases), found.batches), (expected.clone(), batches));
        drop(database);
    }
    assert!(!killed.path().join(journal::NAME).exists());
}

#[test]
fn a_database_of_more_databases_says_what_it_wants() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut storage = start(path, SyncPolicy::Always);
    storage.databases().at(1).set(b"key", Value::string(b"x"), Lifetime::Forever, 0);
    storage.commit();
    storage.close().unwrap();
    let mut one = Databases::new(1, HashKey::from_seed(1));
    let error = Embedded::open(net::Linux, path, SyncPolicy::Always, false, &mut one).err().unwrap();
    assert!(error.to_string().contains("start with --databases 2"), "{error}");
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let whole = written(path, 30);
    for length in [1, 300, 4096, whole.len() / 2, whole.len() - 4096] {
        std::fs::write(format!("{path}/redb"), &whole[..length]).unwrap();
        match open(path) {
            Err(OpenError::Damaged(_)) => {}
            Err(other) => panic!("cut to {length}: {other}"),
            Ok((_, found, _)) => assert_eq!(found.keys, 30, "cut to {length}"),
        }
    }
}

/// The range of bytes that an error names.
fn named(text: &str) -> std::ops::RangeInclusive<usize> {
    let numbers =
        text.split_once(" at bytes ").and_then(|(_, rest)| rest.split_once(':')).map(|(range, _)| range);
    let (from, to) = numbers.and_then(|range| range.split_once(" to ")).unwrap_or_else(|| panic!("{text}"));
    from.parse().unwrap()..=to.parse().unwrap()
}

#[test]
fn damage_is_reported_with_its_position_and_that_nothing_was_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let (whole, _) = ORIGINAL.clone();
    let mut reported = 0;
    // The pages that hold values: rows of `value`, over and over.
    for at in whole.windows(5).enumerate().filter(|(_, text)| text == b"value").map(|(at, _)| at).step_by(7) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(format!("{path}/redb"), &bytes).unwrap();
        // A page that nothing leads to any more may hold anything.
        let Err(error) = open(path) else { continue };
        let text = error.to_string();
        assert!(named(&text).contains(&at), "{at}: {text}");
        assert!(text.contains("none was kept and nothing was dropped"), "{text}");
        let after = std::fs::read(format!("{path}/redb")).unwrap();
        let changed: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != after[at]).collect();
        assert!(after.len() == bytes.len() && changed.iter().all(|&at| at < 4096), "{changed:?}");
        reported += 1;
    }
    assert!(reported > 20, "{reported}");
    // The first page says what everything else is.
    let mut bytes = whole;
    bytes[0] ^= 1;
    std::fs::write(format!("{path}/redb"), &bytes).unwrap();
    let text = open(path).err().unwrap().to_string();
    assert!(named(&text).contains(&0), "{text}");
}

/// The bytes of a database, and what is in it.
static ORIGINAL: LazyLock<(Vec<u8>, Vec<String>)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let bytes = written(path, 12);
    (bytes, dump(&open(path).unwrap().2))
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_damage_makes_a_reader_panic_or_accept_it(flips in proptest::collection::vec((any::<u32>(), 0u8..8), 1..4)) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let (mut bytes, original) = ORIGINAL.clone();
        // Most of the file is air: flips go where something is.
        let used: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
        for (at, bit) in flips {
            bytes[used[at as usize % used.len()]] ^= 1 << bit;
        }
        std::fs::write(format!("{path}/redb"), &bytes).unwrap();
        match open(path) {
            Ok((_, _, databases)) => prop_assert_eq!(dump(&databases), original),
            Err(OpenError::Damaged(_)) => {}
            Err(other) => prop_assert!(false, "{}", other),
        }
    }
}
