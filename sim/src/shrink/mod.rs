//! From the choices of a failing run to the few that matter. One algorithm for everything, faults, schedule,
//! latencies and workload alike, since all of them are keyed choices whose benign value is 0: set choices to zero
//! in chunks, then one by one, then lower what is left, as long as the same failure remains.
//!
//! It knows no world: whether a set of choices still fails is asked of a closure.
//!
//! ```text
//! verify ─► whole domains ─► whole objects ─► chunks, halving ─► singles ─► lower roughly ─┐
//!                ▲                                                                         │
//!                └──────────────────── while a round leaves clearly less ──────────────────┤
//!                                                                                          ▼
//!                                           the end ◄─ while one can go ─ singles ◄─ lower finely
//! ```
//!
//! Of the last few, each is also zeroed while another one happens earlier: with less work before it, the call that a crash has to
//! meet comes sooner.
#![allow(
    clippy::disallowed_methods,
    reason = "a cap on the time spent; which runs are made does not depend on it otherwise"
)]

mod outcome;
mod passes;
mod run;
mod tip;

pub use outcome::{Bound, Outcome};
pub use run::{Shrunk, shrink_run};
pub use tip::{Change, changes, tip, with_changes};

use crate::choice::{Key, Overrides};
use passes::Search;

/// When to stop, finished or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many attempts at most. The result is a function of the choices and of this number alone…
    pub runs: u64,
    /// …unless this much wall-clock time passes first, which [`Outcome::bound`] then says.
    pub time: Option<std::time::Duration>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { runs: 10_000, time: None }
    }
}

/// Looks for the smallest set of `choices` (in the order in which they were made) that still fails.
///
/// `attempt` runs with exactly the given choices, every other being 0. It answers `None` where the run no longer
/// fails in the same way, and else the choices that it really made: of those given, the ones that were asked for.
/// Whatever it leaves out is dropped without a further run.
pub fn shrink(
    choices: &[(Key, u64)],
    limits: Limits,
    attempt: impl FnMut(&Overrides) -> Option<Overrides>,
) -> Outcome {
    Search::new(choices, limits, attempt).run()
}

#[cfg(test)]
mod tests;
