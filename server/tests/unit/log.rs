//! The log on a real disk: what was kept comes back, damage is reported, and nothing valid is thrown away silently.

use super::recover::{Recovered, Unreadable};
use super::*;
use crate::storage_unit::durable::directory::claim;
use crate::storage_unit::durable::steps::{commit_a_hundred, set, wait_for_commit};
use crate::storage_unit::durable::{Durable, SyncPolicy};
use crate::storage_unit::keyspace::Lifetime;
use crate::storage_unit::{HashKey, Standing, Storage, Value};
use eagain_net::{File, Linux, OpenFlags};
use proptest::prelude::*;

fn image() -> Databases {
    Databases::new(2, HashKey::from_seed(1))
}

fn open(directory: &str, drops_damage: bool) -> Result<(LogFile<Linux>, Recovered, Databases), OpenError> {
    let mut databases = image();
    LogFile::open(Linux, directory, 42, drops_damage, &mut databases)
        .map(|(log, read)| (log, read, databases))
}

fn start(directory: &str, policy: SyncPolicy) -> Durable<Linux> {
    drop(claim(Linux, directory, 1, "log").unwrap());
    let (log, _, databases) = open(directory, false).unwrap();
    Durable::start(Linux, "log", databases, log, policy, 7, crate::observe::Log::default()).unwrap()
}

fn get(databases: &Databases, key: &str) -> Option<String> {
    let keyspace = databases.iter().next()?;
    let (value, _) = keyspace.stored(key.as_bytes())?;
    value.text(&mut itoa::Buffer::new()).map(|text| String::from_utf8_lossy(text).into_owned())
}

/// A log of so many batches, each of one key; the bytes of the file.
fn written(directory: &str, batches: usize) -> Vec<u8> {
    let mut storage = start(directory, SyncPolicy::Always);
    for number in 0..batches {
        set(&mut storage, &format!("key-{number}"), &format!("value-{number}"));
        let commit = storage.commit();
        assert_eq!(wait_for_commit(&mut storage, commit), Standing::Done);
    }
    std::mem::drop(storage);
    std::fs::read(format!("{directory}/log")).unwrap()
}

#[test]
fn what_was_committed_is_there_after_a_restart_under_every_policy() {
    for (_, policy) in SyncPolicy::NAMES {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db").to_str().unwrap().to_owned();
        let mut storage = start(&path, policy);
        commit_a_hundred(&mut storage);
        storage.databases().at(1).set(b"other", Value::string(b"x"), Lifetime::Until(u64::MAX - 9), 0);
        storage.close().unwrap();
        let (_, read, databases) = open(&path, false).unwrap();
        assert_eq!((read.dropped_bytes, databases.iter().map(|k| k.len()).sum::<usize>()), (0, 11));
        assert_eq!(get(&databases, "key-3"), Some("93".to_owned()));
    }
}

#[test]
fn a_rewrite_keeps_everything_and_makes_the_log_small() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut storage = start(path, SyncPolicy::Always);
    for number in 0..3000 {
        set(&mut storage, &format!("key-{}", number % 300), &format!("{number}-{}", "x".repeat(50)));
        storage.commit();
    }
    storage.databases().persistence.wants_rewrite = true;
    for number in 3000..3300 {
        set(&mut storage, &format!("key-{}", number % 400), &number.to_string());
        let commit = storage.commit();
        wait_for_commit(&mut storage, commit);
    }
    storage.close().unwrap();
    let (log, read, databases) = open(path, false).unwrap();
    assert!(log.size() < 60_000 && read.operations < 1300, "{} bytes, {read}", log.size());
    for number in 0..400 {
        let last = (0..3300).rfind(|n| if *n < 3000 { n % 300 == number } else { n % 400 == number });
        let text = get(&databases, &format!("key-{number}"));
        assert_eq!(text.map(|t| t.split('-').next().unwrap().to_owned()), last.map(|n| n.to_string()));
    }
}

#[test]
fn a_torn_tail_is_dropped_and_reported_and_truncated() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let whole = written(path, 5);
    for cut in 1..60 {
        std::fs::write(format!("{path}/log"), &whole[..whole.len() - cut]).unwrap();
        let (_, read, databases) = open(path, false).unwrap();
        assert!(
            read.frames >= 3 && read.end + read.dropped_bytes == (whole.len() - cut) as u64,
            "{cut}: {read}"
        );
        assert_eq!(databases.iter().next().unwrap().len() as u64, read.frames);
        let (_, again, _) = open(path, false).unwrap();
        assert_eq!((again.dropped_bytes, again.end), (0, read.end));
    }
}

#[test]
fn damage_before_safe_data_is_refused_unless_somebody_decides() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let mut bytes = written(path, 5);
    bytes[PREAMBLE_BYTES + 40] ^= 1;
    std::fs::write(format!("{path}/log"), &bytes).unwrap();
    let error = open(path, false).err().unwrap().to_string();
    assert!(error.contains("damaged at byte 32") && error.contains("--recover truncate"), "{error}");
    assert_eq!(std::fs::read(format!("{path}/log")).unwrap(), bytes, "nothing is touched");
    let (_, read, _) = open(path, true).unwrap();
    assert!(read.frames == 0 && read.lost_from.is_some());
}

#[test]
fn what_is_no_log_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    for text in ["", "hello", "a file that is longer than any preamble of a log would be"] {
        std::fs::write(format!("{path}/log"), text).unwrap();
        assert!(matches!(open(path, true), Err(OpenError::Damaged(_))));
        assert_eq!(std::fs::read(format!("{path}/log")).unwrap(), text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_damage_makes_a_reader_panic_or_accept_it(at in 0usize..600, bit in 0u8..8) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let mut bytes = written(path, 6);
        let at = at % bytes.len();
        bytes[at] ^= 1 << bit;
        std::fs::write(format!("{path}/log"), &bytes).unwrap();
        let file = File::open(Linux, &format!("{path}/log"), OpenFlags::NONE).unwrap();
        let mut databases = image();
        match recover::recover(&file, bytes.len() as u64, &mut databases, false) {
            Ok(read) => prop_assert!(read.frames == 5, "only damage in the last batch looks like a torn one"),
            Err(why) => {
                let is_reported = matches!(why, Unreadable::Preamble(_) | Unreadable::Damaged { .. });
                prop_assert!(is_reported, "{}", why);
            }
        }
        for number in 0..6 {
            let text = get(&databases, &format!("key-{number}"));
            let expected = format!("value-{number}");
            prop_assert!(text.is_none_or(|text| text == expected));
        }
    }
}
