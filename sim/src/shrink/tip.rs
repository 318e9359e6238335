//! Between a run that holds and one that fails: the choice that tips it. The choices in which the two differ are taken over from the
//! one to the other in the order in which they are made; somewhere between none and all of them the failure appears.

use crate::choice::{Key, Overrides};
use std::collections::BTreeMap;

/// A choice in which two runs differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Which.
    pub key: Key,
    /// What the run that holds chose; 0 where it did not ask.
    pub held: u64,
    /// What the run that fails chose.
    pub failed: u64,
}

/// What two runs, given by the choices that they made, differ in: first what the failing one chose, in its order, then what only
/// the other did.
pub fn changes(held: &[(Key, u64)], failed: &[(Key, u64)]) -> Vec<Change> {
    let by_key = |choices: &[(Key, u64)]| choices.iter().cloned().collect::<BTreeMap<Key, u64>>();
    let (in_held, in_failed) = (by_key(held), by_key(failed));
    let made = failed.iter().map(|(key, failed)| Change {
        key: key.clone(),
        held: in_held.get(key).copied().unwrap_or(0),
        failed: *failed,
    });
    let not_made = held.iter().filter(|(key, _)| !in_failed.contains_key(key));
    let not_made = not_made.map(|(key, held)| Change { key: key.clone(), held: *held, failed: 0 });
    made.filter(|change| change.held != change.failed).chain(not_made).collect()
}

/// The choices of the run that holds with the first so many of `changes` made.
pub fn with_changes(held: &[(Key, u64)], changes: &[Change]) -> Overrides {
    let mut overrides: Overrides = held.iter().cloned().collect();
    for change in changes {
        match change.failed {
            0 => overrides.remove(&change.key),
            value => overrides.insert(change.key.clone(), value),
        };
    }
    overrides
}

/// With the first how many of `count` changes it fails, where it does not with one fewer. `fails` is known to say no of 0 and yes of
/// `count`, at least 1, and is not asked about them.
pub fn tip<E>(count: usize, mut fails: impl FnMut(usize) -> Result<bool, E>) -> Result<usize, E> {
    let (mut holds, mut fails_at) = (0, count);
    while fails_at - holds > 1 {
        let middle = holds + (fails_at - holds) / 2;
        if fails(middle)? {
            fails_at = middle;
        } else {
            holds = middle;
        }
    }
    Ok(fails_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn key(ordinal: u64) -> Key {
        Key { domain: "d".into(), object: "o".into(), ordinal }
    }

    #[test]
    fn what_one_has_and_the_other_has_not_is_a_change() {
        let (held, failed) =
            ([(key(1), 5), (key(2), 7), (key(4), 4)], [(key(3), 1), (key(2), 8), (key(4), 4)]);
        let all = changes(&held, &failed);
        let shown: Vec<_> =
            all.iter().map(|change| (change.key.ordinal, change.held, change.failed)).collect();
        assert_eq!(shown, [(3, 0, 1), (2, 7, 8), (1, 5, 0)]);
        assert_eq!(with_changes(&held, &[]), held.clone().into_iter().collect());
        assert_eq!(with_changes(&held, &all), failed.into_iter().collect());
    }

    proptest::proptest! {
        /// Also where more choices may make it hold again.
        #[test]
        fn the_tip_is_between_a_run_that_holds_and_one_that_fails(mut fails in proptest::collection::vec(proptest::bool::ANY, 0..99)) {
            fails.insert(0, false);
            fails.push(true);
            let mut runs = 0;
            let found = tip(fails.len() - 1, |at| {
                runs += 1;
                Ok::<_, Infallible>(fails[at])
            });
            let found = found.unwrap();
            proptest::prop_assert!(fails[found] && !fails[found - 1] && runs <= 7);
        }
    }
}
