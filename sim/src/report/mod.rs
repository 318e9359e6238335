//! A failure, explained: what broke, the few choices that make it break, the end of the trace, and the one line that
//! makes it happen again. As text on a terminal, as `report.md` for an issue, and as a folder that a CI job keeps.
//!
//! | file | does |
//! |---|---|
//! | `mod.rs` | gathers what there is to say about a failure |
//! | [`table`] | columns of text |
//! | `choices` | the choices that are left, as such a table |
//! | [`text`] | the failure on a terminal |
//! | [`markdown`] | `report.md`, and a sweep's page for a CI job |
//! | [`page`] | a sweep as a page: `explore --html` |
//! | `chart` | its rate over time, as a picture in that page |
//! | `sequence` | the last messages as a diagram in `report.md` |
//! | [`folder`] | `target/eagain/<scenario>-<seed>/` |

mod chart;
mod choices;
pub mod folder;
pub mod markdown;
pub mod page;
mod sequence;
pub mod table;
pub mod text;

use crate::choice::Base;
use crate::count;
use crate::replay::build::{build_id, commit};
use crate::replay::{FORMAT, ReplayFile, SavedBase, SavedFailure};
use crate::run::{Failure, Record, RunSpec, TraceLog};
use crate::runner::{Execute, find_places, invocation};
use crate::shrink::{Limits, Outcome, shrink_run};
use choices::Choices;
use std::borrow::Cow;

/// Everything that is reported about a failure.
pub struct Explained {
    /// The run as it was found.
    pub spec: RunSpec,
    /// What broke in it.
    pub found: Failure,
    /// What broke in the run that is shown: the shrunk one where there is one, else the run as it was found.
    pub failure: Failure,
    /// The hash of the run as it was found.
    pub found_hash: u64,
    /// The search for what matters.
    pub outcome: Outcome,
    /// The hash of the run that is shown and saved.
    pub hash: u64,
    /// The choices that are left, with where they show in the trace.
    pub(crate) choices: Choices,
    /// The events of the run that is shown.
    pub trace: TraceLog,
    /// What its programs printed.
    pub output: String,
    /// The git commit, where it is known.
    pub commit: Option<String>,
}

/// Why a failure cannot be explained: run again, it was another run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotTheSame {
    /// The hash when it failed.
    pub hash: u64,
    /// The hash when it was run again.
    pub again: u64,
    /// Whether it failed again.
    pub failed: bool,
}

/// Runs a failing run again, shrinks it, and keeps the trace of what is left. `hash` is what the run had when it failed.
pub fn explain(
    executor: &mut dyn Execute,
    spec: &RunSpec,
    hash: u64,
    limits: Limits,
) -> Result<Explained, NotTheSame> {
    let Some(shrunk) = shrink_run(executor, spec, limits) else {
        let again = executor.run(&RunSpec { record: Record::Hash, ..spec.clone() }).hash;
        return Err(NotTheSame { hash, again, failed: false });
    };
    if shrunk.first_hash != hash {
        return Err(NotTheSame { hash, again: shrunk.first_hash, failed: true });
    }
    let shown = if shrunk.outcome.reproduced {
        RunSpec { base: Base::Zero, overrides: shrunk.outcome.overrides(), ..spec.clone() }
    } else {
        spec.clone()
    };
    let shown = RunSpec { record: Record::Trace, ..shown };
    let mut report = executor.run(&shown);
    find_places(executor, &shown, &mut report);
    let expected = if shrunk.outcome.reproduced { shrunk.hash } else { hash };
    let (Some(failure), Some(trace), true) = (report.failure, report.trace, report.hash == expected) else {
        return Err(NotTheSame { hash: expected, again: report.hash, failed: false });
    };
    let choices = Choices::new(&shrunk.outcome.choices, &report.choices, &report.made, &trace);
    Ok(Explained {
        spec: spec.clone(),
        found: shrunk.found,
        failure,
        found_hash: hash,
        choices,
        outcome: shrunk.outcome,
        hash: report.hash,
        trace,
        output: report.output,
        commit: commit(),
    })
}

/// `text` without its middle where it is longer than `bytes`; how many bytes are left out stands in their place.
fn shortened(text: &str, bytes: usize) -> Cow<'_, str> {
    if text.len() <= bytes {
        return Cow::Borrowed(text);
    }
    let boundary = |at: &usize| text.is_char_boundary(*at);
    let head = (0..=bytes / 2).rev().find(boundary).unwrap_or(0);
    let tail = (text.len() - bytes / 2..text.len()).find(boundary).unwrap_or(text.len());
    let left_out = count::thousands((tail - head) as u64);
    Cow::Owned(format!("{}\n[{left_out} bytes left out]\n{}", &text[..head], &text[tail..]))
}

impl NotTheSame {
    /// What is said about it.
    pub fn text(&self, spec: &RunSpec) -> String {
        let name = spec.scenario.name;
        let base = match spec.base {
            Base::Seed(seed) => format!("seed {seed:#x}"),
            Base::Zero => "its saved choices".to_owned(),
        };
        let again = if self.failed { "another failing run" } else { "a run that does not fail so" };
        format!(
            "NONDETERMINISM {name}: {base} failed with trace {:#018x}, and run again was {again}, trace {:#018x}\n\
             the run depends on something besides its choices; this shows the first event that differs, and why:\n{}\n",
            self.hash,
            self.again,
            invocation::check(name)
        )
    }
}

impl Explained {
    /// What is seen in the shrunk run, where it says something else than the run that was found.
    pub fn shrunk_message(&self) -> Option<&str> {
        (self.failure.message != self.found.message).then_some(&self.failure.message)
    }

    /// The seed that it was found with, where there is one.
    pub fn seed(&self) -> Option<u64> {
        match self.spec.base {
            Base::Seed(seed) => Some(seed),
            Base::Zero => None,
        }
    }

    /// The line that makes the failure again.
    pub fn repro(&self) -> String {
        let folder = folder::name(&self.spec);
        match self.seed() {
            Some(seed) => invocation::run(self.spec.scenario.name, seed, &self.spec.settings),
            None => invocation::replay(
                self.spec.scenario.name,
                &format!("{}/{folder}/replay.json", folder::root().display()),
            ),
        }
    }

    /// The file that keeps it.
    pub fn replay_file(&self) -> ReplayFile {
        let (base, overrides) = if self.outcome.reproduced {
            (Base::Zero, self.outcome.overrides())
        } else {
            (self.spec.base, self.spec.overrides.clone())
        };
        ReplayFile {
            format: FORMAT,
            scenario: self.spec.scenario.name.to_owned(),
            settings: self.spec.settings.clone(),
            base: SavedBase(base),
            overrides,
            hash: self.hash,
            failure: Some(SavedFailure::from(&self.failure)),
            seed: self.seed().map(|seed| format!("{seed:#x}")),
            commit: self.commit.clone(),
            build: build_id().to_owned(),
            digest: None,
        }
    }
}

#[cfg(test)]
mod tests;
