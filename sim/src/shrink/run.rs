//! Shrinking a failing run of a scenario: base zero, the recorded choices as overrides, the fingerprint as the test.

use super::{Limits, Outcome, shrink};
use crate::choice::{Base, Overrides};
use crate::run::{Failure, Record, RunSpec};
use crate::runner::Execute;

/// A failing run, and what is left of it.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The search.
    pub outcome: Outcome,
    /// The failure as the run that was given shows it.
    pub found: Failure,
    /// The failure as the shrunk run shows it: the same ([`Failure::fingerprint`]), perhaps with another text.
    pub failure: Failure,
    /// The hash of the shrunk run.
    pub hash: u64,
    /// The hash of the run as it was given.
    pub first_hash: u64,
}

/// A run of so many events is given up where the one that was found failed after `found`: twice as many, and some for short
/// ones. With fewer faults a program may go on for far longer; that costs time, and a failure at the end of a longer trace
/// is explained no better.
fn events_max(found: u64) -> u64 {
    found.saturating_mul(2).saturating_add(2_000)
}

/// Shrinks the run that `spec` describes. `None` where it does not fail.
pub fn shrink_run(executor: &mut dyn Execute, spec: &RunSpec, limits: Limits) -> Option<Shrunk> {
    let first = executor.run(&RunSpec { record: Record::Choices, ..spec.clone() });
    let failure = first.failure?;
    let fingerprint = failure.fingerprint();
    let first_hash = first.hash;
    let events_max = Some(events_max(failure.event));
    let found = failure.clone();
    let mut last = (failure, first_hash);
    let outcome = shrink(&first.choices, limits, |overrides: &Overrides| {
        let report = executor.run(&RunSpec {
            base: Base::Zero,
            overrides: overrides.clone(),
            record: Record::Choices,
            events_max,
            ..spec.clone()
        });
        let failure = report.failure.filter(|failure| failure.fingerprint() == fingerprint)?;
        last = (failure, report.hash);
        Some(report.choices.into_iter().collect())
    });
    let (failure, hash) = last;
    Some(Shrunk { outcome, found, failure, hash, first_hash })
}
