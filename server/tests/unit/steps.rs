//! What the tests of both engines do to a storage.

use crate::storage_unit::keyspace::Lifetime;
use crate::storage_unit::{Commit, Standing, Storage, Value};

/// Sets a key, for ever.
pub(crate) fn set(storage: &mut impl Storage, key: &str, text: &str) {
    storage.databases().at(0).set(key.as_bytes(), Value::string(text.as_bytes()), Lifetime::Forever, 0);
}

/// Waits until the storage knows what became of a commit.
pub(crate) fn wait_for_commit(storage: &mut impl Storage, commit: Commit) -> Standing {
    let Commit::Pending(ticket) = commit else { return Standing::Done };
    storage.wait().unwrap().wait(ticket);
    storage.standing(ticket)
}

/// A hundred commits, each of one of ten keys.
pub(crate) fn commit_a_hundred(storage: &mut impl Storage) {
    for number in 0..100 {
        set(storage, &format!("key-{}", number % 10), &number.to_string());
        storage.commit();
    }
}
