//! Whether a recorded history of one key is linearizable: whether each operation can have happened at one moment between
//! its call and its return. The search is Wing and Gong's with Lowe's memory of states that came to nothing. An operation
//! without a return may have happened at any time after its call, or never.
//!
//! The verdict names the shortest prefix of the history that fails: what came before it could still be explained.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What was asked of the key. Every value that is set is set once, so that a read shows whose it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `SET`.
    Set(u64),
    /// `GET`.
    Get,
    /// `INCR`.
    Incr,
    /// `DEL`.
    Del,
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// The value, if there is one.
    Value(Option<u64>),
    /// How many, or how much now.
    Count(u64),
}

/// One operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Whose.
    pub client: u64,
    /// On which key.
    pub key: u64,
    /// What was asked.
    pub ask: Ask,
    /// When.
    pub called: u64,
    /// When it was answered, and what. `None`: nobody knows what became of it.
    pub returned: Option<(u64, Answer)>,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12} client {} key {} {:?}", self.called, self.client, self.key, self.ask)?;
        match &self.returned {
            Some((at, answer)) => write!(f, " -> {answer:?} at {at}"),
            None => f.write_str(" -> unknown"),
        }
    }
}

/// The key's value after an operation on it, if that answers so.
fn step(state: Option<u64>, ask: Ask, answer: Option<Answer>) -> Option<Option<u64>> {
    let (next, says) = match ask {
        Ask::Set(value) => (Some(value), Answer::Done),
        Ask::Get => (state, Answer::Value(state)),
        Ask::Incr => {
            let next = state.unwrap_or(0) + 1;
            (Some(next), Answer::Count(next))
        }
        Ask::Del => (None, Answer::Count(u64::from(state.is_some()))),
    };
    (answer.is_none_or(|answer| answer == says)).then_some(next)
}

/// Why a history is not linearizable.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The operations of the shortest failing prefix, by the time of their calls. The last that returned is what cannot be
    /// explained.
    pub prefix: Vec<Operation>,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let last = self.prefix.iter().filter(|operation| operation.returned.is_some());
        if let Some(last) = last.max_by_key(|operation| operation.returned.map(|(at, _)| at)) {
            writeln!(f, "cannot be explained: {last}")?;
        }
        self.prefix.iter().try_for_each(|operation| writeln!(f, "{operation}"))
    }
}

/// Checks a history, key by key. All keys begin without a value.
pub fn check(history: &[Operation]) -> Result<(), Verdict> {
    let mut keys: BTreeMap<u64, Vec<Operation>> = BTreeMap::new();
    for operation in history {
        // What has no return and shows nothing can be left out.
        if operation.returned.is_some() || operation.ask != Ask::Get {
            keys.entry(operation.key).or_default().push(operation.clone());
        }
    }
    for operations in keys.values_mut() {
        operations.sort_by_key(|operation| operation.called);
        if is_linearizable(operations) {
            continue;
        }
        let mut ends: Vec<u64> = operations.iter().filter_map(|o| o.returned.map(|(at, _)| at)).collect();
        ends.sort_unstable();
        // A prefix of a linearizable history is linearizable, so that the first that fails can be halved for.
        let first = ends.partition_point(|&end| is_linearizable(&prefix(operations, end)));
        let end = ends.get(first).copied().unwrap_or(u64::MAX);
        return Err(Verdict { prefix: prefix(operations, end) });
    }
    Ok(())
}

/// What was known at `end`.
fn prefix(operations: &[Operation], end: u64) -> Vec<Operation> {
    let begun = operations.iter().filter(|operation| operation.called <= end);
    begun
        .map(|operation| Operation {
            returned: operation.returned.filter(|(at, _)| *at <= end),
            ..operation.clone()
        })
        .collect()
}

/// Operations that are linearized, as a set of bits.
type Done = Vec<u64>;

/// Whether a write does not care what was there, and says nothing of it.
fn is_blind(operation: &Operation) -> bool {
    match operation.ask {
        Ask::Set(_) => true,
        Ask::Del => operation.returned.is_none(),
        Ask::Get | Ask::Incr => false,
    }
}

/// Two things spare the search what operations without a return would cost, which double the sets of what may have happened:
/// of those that do the same, the first called stands for all; and what nobody has seen before it was written over may as
/// well never have happened.
fn is_linearizable(operations: &[Operation]) -> bool {
    let mut seen: BTreeSet<(Done, Option<u64>, bool)> = BTreeSet::new();
    let nothing: Done = vec![0; operations.len().div_ceil(64)];
    let mut stack = vec![(nothing, None, false)];
    while let Some((done, state, unseen)) = stack.pop() {
        let has = |at: usize| done[at / 64] >> (at % 64) & 1 == 1;
        let open = |at: &usize| !has(*at);
        // Whatever has returned has to come before whatever was called after that.
        let returns = (0..operations.len()).filter(open).filter_map(|at| operations[at].returned);
        let Some(first_return) = returns.map(|(at, _)| at).min() else { return true };
        let mut lost = Vec::new();
        for at in (0..operations.len()).filter(open).take_while(|&at| operations[at].called <= first_return) {
            let operation = &operations[at];
            if operation.returned.is_none() {
                if lost.contains(&operation.ask) {
                    continue;
                }
                lost.push(operation.ask);
            }
            if unseen && is_blind(operation) {
                continue;
            }
            if let Some(next) = step(state, operation.ask, operation.returned.map(|(_, answer)| answer)) {
                let mut done = done.clone();
                done[at / 64] |= 1 << (at % 64);
                let unseen = operation.returned.is_none();
                if seen.insert((done.clone(), next, unseen)) {
                    stack.push((done, next, unseen));
                }
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(ask: Ask, called: u64, returned: Option<(u64, Answer)>) -> Operation {
        Operation { client: 1, key: 1, ask, called, returned }
    }

    #[test]
    fn histories_are_checked() {
        let set = |value, from, to| op(Ask::Set(value), from, Some((to, Answer::Done)));
        let get = |value, from, to| op(Ask::Get, from, Some((to, Answer::Value(value))));
        let lost = |ask, from| op(ask, from, None);
        let incr = |count, from, to| op(Ask::Incr, from, Some((to, Answer::Count(count))));
        let table: &[(&[Operation], bool)] = &[
            (&[], true),
            (&[set(1, 0, 1), get(Some(1), 2, 3)], true),
            (&[set(1, 0, 1), get(None, 2, 3)], false),
            (&[set(1, 0, 5), get(None, 1, 2), get(Some(1), 3, 4)], true),
            (&[set(1, 0, 5), get(Some(1), 1, 2), get(None, 3, 4)], false),
            (&[set(1, 0, 1), lost(Ask::Set(2), 2), get(Some(1), 3, 4), get(Some(2), 5, 6)], true),
            (&[set(1, 0, 1), lost(Ask::Set(2), 2), get(Some(2), 3, 4), get(Some(1), 5, 6)], false),
            (&[lost(Ask::Set(2), 9), get(Some(2), 3, 4)], false),
            (&[incr(1, 0, 1), lost(Ask::Incr, 2), incr(3, 3, 4)], true),
            (&[incr(1, 0, 1), lost(Ask::Incr, 2), incr(4, 3, 4)], false),
            (&[incr(1, 0, 1), incr(3, 3, 4)], false),
            (&[set(7, 0, 1), op(Ask::Del, 2, Some((3, Answer::Count(1)))), get(None, 4, 5)], true),
            (&[set(7, 0, 1), op(Ask::Del, 2, Some((3, Answer::Count(0))))], false),
        ];
        for (history, holds) in table {
            assert_eq!(check(history).is_ok(), *holds, "{history:?}");
        }
    }

    #[test]
    fn the_shortest_failing_prefix_is_named() {
        let mut history: Vec<Operation> =
            (0..40).map(|n| op(Ask::Incr, n * 10, Some((n * 10 + 5, Answer::Count(n + 1))))).collect();
        history[17].returned = Some((175, Answer::Count(19)));
        let verdict = check(&history).unwrap_err();
        assert_eq!(verdict.prefix.len(), 18);
        assert!(verdict.to_string().starts_with("cannot be explained:          170 client 1"), "{verdict}");
    }

    /// By trying every order of every choice of those that may never have happened.
    fn by_force(left: &[Operation], state: Option<u64>) -> bool {
        let Some(first_return) = left.iter().filter_map(|o| o.returned).map(|(at, _)| at).min() else {
            return true;
        };
        left.iter().enumerate().filter(|(_, operation)| operation.called <= first_return).any(
            |(at, operation)| {
                let answer = operation.returned.map(|(_, answer)| answer);
                step(state, operation.ask, answer).is_some_and(|next| {
                    let rest: Vec<_> = [&left[..at], &left[at + 1..]].concat();
                    by_force(&rest, next)
                })
            },
        )
    }

    proptest::proptest! {
        #[test]
        fn what_is_spared_changes_no_verdict(
            made in proptest::collection::vec((0_u64..4, 0_u64..12, 1_u64..6, 0_u64..5), 0..7),
        ) {
            let history: Vec<Operation> = made
                .iter()
                .zip(1..)
                .map(|(&(what, called, long, says), number)| {
                    let (ask, answer) = match what {
                        0 => (Ask::Set(number), Answer::Done),
                        1 => (Ask::Get, Answer::Value((says > 0).then_some(says))),
                        2 => (Ask::Incr, Answer::Count(says)),
                        _ => (Ask::Del, Answer::Count(says % 2)),
                    };
                    // Half of the writes get no answer.
                    let returned = (what == 1 || long % 2 == 0).then_some((called + long, answer));
                    Operation { client: number, ..op(ask, called, returned) }
                })
                .collect();
            let mut sorted = history.clone();
            sorted.sort_by_key(|operation| operation.called);
            proptest::prop_assert_eq!(check(&history).is_ok(), by_force(&sorted, None));
        }
    }
}
