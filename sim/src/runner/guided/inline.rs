//! A search on the thread that asks for it.

use super::search::Search;
use crate::run::{Failure, Record, RunReport, RunSpec};
use crate::runner::Worker;

/// What was found.
pub struct Found {
    /// After how many runs.
    pub runs: u64,
    /// The failure.
    pub failure: Failure,
    /// An ordinary run that fails so.
    pub spec: RunSpec,
}

/// Searches until a run fails in a way that `wanted` takes, in `runs` runs at most. `every` is called with each failing run that
/// is not. The error is that of the harness.
pub fn search(
    worker: &mut Worker,
    like: &RunSpec,
    from: u64,
    runs: u64,
    mut wanted: impl FnMut(u64, &Failure) -> bool,
) -> Result<Option<Found>, String> {
    let mut search = Search::new(like.scenario.name, from, 1);
    let mut made = 0;
    while made < runs {
        for trial in search.plan(runs - made) {
            made += 1;
            let record = if trial.asks.is_some() { Record::Choices } else { Record::Hash };
            let spec = trial.recipe.spec(like, record);
            let report = guided(worker, &spec, &trial.recipe.mix)?;
            if let Some(failure) = &report.failure
                && wanted(trial.recipe.number(), failure)
            {
                let spec = super::ordinary(worker, like, &trial.recipe)?;
                return Ok(Some(Found { runs: made, failure: failure.clone(), spec }));
            }
            search.learn(trial, &report);
        }
    }
    Ok(None)
}

fn guided(worker: &mut Worker, spec: &RunSpec, mix: &crate::choice::Mix) -> Result<RunReport, String> {
    let report = worker.try_guided(spec, mix)?;
    report.ok_or_else(|| "these scenarios run in an executor that cannot be guided".to_owned())
}
