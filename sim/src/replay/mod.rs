//! A saved failure, run again: on the build that saved it the hash must be the same, on any other the verdict is compared.

pub mod build;
mod file;
pub mod regressions;

pub use file::{FORMAT, ReplayError, ReplayFile, SavedBase, SavedFailure};

use crate::choice::Key;
use crate::run::{Record, RunReport, RunSpec, Scenario};
use crate::runner::{Execute, find_places, settings};

/// What a replay came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The same failure.
    StillFails,
    /// Something else broke.
    FailsOtherwise,
    /// Nothing broke any more.
    Holds,
    /// The same build made another run of it: the run depends on something besides its choices.
    Nondeterministic,
}

/// A replayed run.
pub struct Replayed {
    /// What it came to.
    pub verdict: Verdict,
    /// The run.
    pub report: RunReport,
    /// Keys of the file that the run never asked for.
    pub gone: Vec<Key>,
}

impl ReplayFile {
    /// The run that the file describes, with the scenario of its name out of those known.
    pub fn spec(&self, known: &[Scenario], record: Record) -> Result<RunSpec, ReplayError> {
        let scenario = known.iter().find(|scenario| scenario.name == self.scenario);
        let scenario = *scenario.ok_or_else(|| ReplayError::Scenario(self.scenario.clone()))?;
        let mut settings = self.settings.clone();
        settings::select(&[scenario], &mut settings).map_err(ReplayError::Settings)?;
        Ok(RunSpec {
            overrides: self.overrides.clone(),
            record,
            ..RunSpec::new(scenario, settings, self.base.into())
        })
    }

    /// Runs `spec`, made of this file, and compares. `build` is the identity of the running program.
    pub fn replay(&self, executor: &mut dyn Execute, spec: &RunSpec, build: &str) -> Replayed {
        let mut report = executor.run(spec);
        find_places(executor, spec, &mut report);
        let seen = report.failure.as_ref().map(SavedFailure::from);
        let is_same = match (&self.failure, &seen) {
            (Some(saved), Some(seen)) => saved.is_same(seen),
            (saved, seen) => saved.is_none() && seen.is_none(),
        };
        // An edited file describes another run than the one that was saved: its hash says nothing.
        let same_run = self.build == build && !self.is_edited();
        let verdict = if same_run && (report.hash != self.hash || !is_same) {
            Verdict::Nondeterministic
        } else if seen.is_none() {
            Verdict::Holds
        } else if is_same {
            Verdict::StillFails
        } else {
            Verdict::FailsOtherwise
        };
        let gone = report.unused.clone();
        Replayed { verdict, report, gone }
    }
}

#[cfg(test)]
mod tests;
