//! Shrinking finds exactly the choices that a failure needs, whatever surrounds them, and always the same ones.

use super::*;
use crate::choice::{Key, Overrides};
use proptest::prelude::*;

fn key(domain: usize, object: usize, ordinal: u64) -> Key {
    Key { domain: format!("domain.{domain}"), object: format!("object-{object}"), ordinal }
}

fn numbered(count: usize) -> Vec<(Key, u64)> {
    (0..count).map(|at| (key(at % 5, at % 7, at as u64), 1000 + at as u64)).collect()
}

/// Fails while every needed key has at least its value.
fn needs(needed: &[(Key, u64)]) -> impl Fn(&Overrides) -> Option<Overrides> + use<'_> {
    |given| {
        let enough = |(key, least): &(Key, u64)| given.get(key).is_some_and(|value| value >= least);
        needed.iter().all(enough).then(|| given.clone())
    }
}

#[test]
fn three_needed_choices_of_a_thousand_are_what_is_left() {
    let choices = numbered(1000);
    let needed = [(choices[3].0.clone(), 7), (choices[400].0.clone(), 1), (choices[999].0.clone(), 1999)];
    let outcome = shrink(&choices, Limits::default(), needs(&needed));
    assert!(outcome.reproduced);
    assert_eq!(outcome.choices, needed);
    assert_eq!(outcome.bound, None);
    assert!(outcome.runs < 300, "{} runs", outcome.runs);
    insta::assert_snapshot!(outcome.line(), @"1000 choices -> 3 in 136 runs");
}

#[test]
fn a_failure_that_needs_nothing_has_no_choices() {
    let outcome = shrink(&numbered(50), Limits::default(), |given| Some(given.clone()));
    assert_eq!((outcome.choices.len(), outcome.runs), (0, 2));
}

#[test]
fn a_failure_that_the_zero_base_does_not_show_is_said_to_be_so() {
    let outcome = shrink(&numbered(5), Limits::default(), |_| None);
    assert!(!outcome.reproduced);
    assert_eq!((outcome.choices.len(), outcome.runs), (5, 1));
    insta::assert_snapshot!(outcome.line(), @"the 5 choices do not fail on the zero base; not shrunk");
}

#[test]
fn choices_that_a_run_no_longer_asks_for_go_without_a_run_of_their_own() {
    let choices = numbered(100);
    let first = choices[0].0.clone();
    let outcome = shrink(&choices, Limits::default(), |given| {
        given.contains_key(&first).then(|| given.iter().take(2).map(|(k, v)| (k.clone(), *v)).collect())
    });
    assert_eq!(outcome.choices.len(), 1);
}

#[test]
fn the_limit_of_runs_holds_and_is_said() {
    let choices = numbered(1000);
    let needed = [(choices[500].0.clone(), 1)];
    let outcome = shrink(&choices, Limits { runs: 9, time: None }, needs(&needed));
    assert_eq!((outcome.runs, outcome.bound), (9, Some(Bound::Runs)));
    assert!(outcome.choices.iter().any(|(key, _)| *key == needed[0].0));
    assert!(outcome.line().ends_with("stopped at the limit of runs, more may go"));
}

#[test]
fn the_limit_of_time_keeps_what_was_reached() {
    let time = Some(std::time::Duration::ZERO);
    let limits = Limits { runs: 100, time };
    let outcome = shrink(&numbered(9), limits, |given| (!given.is_empty()).then(|| given.clone()));
    assert_eq!((outcome.bound, outcome.choices.len(), outcome.runs), (Some(Bound::Time), 9, 2));
}

#[test]
fn that_it_fails_without_any_fault_is_known_whatever_a_run_takes() {
    let limits = Limits { runs: 100, time: Some(std::time::Duration::ZERO) };
    let outcome = shrink(&numbered(9), limits, |given| Some(given.clone()));
    assert_eq!((outcome.choices.len(), outcome.runs), (0, 2));
    let outcome = shrink(&numbered(9), Limits { runs: 1, ..limits }, |given| Some(given.clone()));
    assert_eq!((outcome.choices.len(), outcome.runs), (9, 1), "not where no run is left");
}

proptest! {
    #[test]
    fn what_is_left_is_what_is_needed(
        count in 1_usize..200,
        picks in prop::collection::btree_map(0_usize..200, 1_u64..1000, 0..6),
    ) {
        let choices = numbered(count);
        let needed: Vec<_> =
            picks.iter().filter(|(at, _)| **at < count).map(|(at, least)| (choices[*at].0.clone(), *least)).collect();
        let outcome = shrink(&choices, Limits::default(), needs(&needed));
        prop_assert_eq!(&outcome.choices, &needed);
        let again = shrink(&choices, Limits::default(), needs(&needed));
        prop_assert_eq!(outcome, again);
    }

    /// An arbitrary failure, not monotone in anything: the result still fails, and no single choice can go.
    #[test]
    fn the_result_fails_and_is_minimal(count in 1_usize..40, salt: u64) {
        let choices = numbered(count);
        let fails = |given: &Overrides| {
            let mut hash = salt;
            for (key, value) in given {
                hash = hash.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key.ordinal ^ value;
            }
            given.len() == count || hash % 3 == 0
        };
        let outcome = shrink(&choices, Limits::default(), |given| fails(given).then(|| given.clone()));
        let left = outcome.overrides();
        prop_assert!(fails(&left));
        for key in left.keys() {
            let mut without = left.clone();
            without.remove(key);
            prop_assert!(outcome.bound.is_some() || !fails(&without));
        }
    }
}

#[test]
fn a_fault_at_a_later_call_is_moved_to_an_earlier_one_where_there_is_less_work() {
    // The crash has to come in the last tenth of the calls; the request makes half of them.
    let (request, crash) = (key(0, 0, 0), key(1, 1, 0));
    let fails = |given: &Overrides| {
        let calls = if given.contains_key(&request) { 100 } else { 50 };
        let at = *given.get(&crash)?;
        (calls * 9 / 10..=calls).contains(&at).then(|| given.clone())
    };
    let choices = [(request.clone(), 1), (crash.clone(), 98)];
    let outcome = shrink(&choices, Limits::default(), fails);
    assert_eq!(outcome.choices, [(crash.clone(), 45)]);
    // The same of a choice that is made at each call: its occurrence says when.
    let at_call = |ordinal| key(2, 1, ordinal);
    let fails = |given: &Overrides| {
        let call = if given.contains_key(&request) { 96 } else { 48 };
        given.contains_key(&at_call(call)).then(|| given.clone())
    };
    let outcome = shrink(&[(request.clone(), 1), (at_call(96), 1)], Limits::default(), fails);
    assert_eq!(outcome.choices, [(at_call(48), 1)]);
}
