//! `eagain bisect`: from a run that holds to one that fails, and which choice makes the difference.

use super::args::BisectArgs;
use super::console::{Console, write_file};
use super::run::once;
use super::{Done, Exit, Registry, Stop};
use crate::choice::{Base, Key, Overrides, parse_seed};
use crate::count::count;
use crate::fault::value_text;
use crate::replay::build::{build_id, commit, commit_seed};
use crate::replay::{FORMAT, ReplayFile, SavedBase, SavedFailure};
use crate::report::folder;
use crate::run::{Record, RunReport, RunSpec, Scenario, Settings};
use crate::runner::check::side_by_side;
use crate::runner::{Worker, invocation};
use crate::shrink::{changes, tip, with_changes};
use crate::trace::text;
use std::path::Path;

/// How the run without any choice is called.
const ZERO: &str = "zero";

pub(super) fn bisect(registry: &Registry, args: &BisectArgs, console: &mut Console) -> Done {
    let (scenario, settings) = registry.one(&args.scenario, &args.settings.texts())?;
    let mut worker = Worker::new(registry.executor);
    let good = spec(scenario, &settings, &args.good)?;
    let bad = spec(scenario, &settings, &args.bad)?;
    let held = once(&mut worker, &good)?;
    let failed = once(&mut worker, &bad)?;
    let Some(failure) = &failed.failure else {
        return Err(Stop::usage(format!("--bad: `{}` holds: there is no failure to look for", args.bad)));
    };
    if let Some(other) = &held.failure {
        let said = other.headline();
        return Err(Stop::usage(match args.good.as_str() {
            ZERO => format!(
                "the run fails without any choice too ({said}); compare with one that holds: --good SEED"
            ),
            good => format!("--good: `{good}` fails too: {said}"),
        }));
    }
    let fingerprint = failure.fingerprint();
    let all = changes(&held.choices, &failed.choices);
    let mut runs = 0;
    let mut fails = |number: usize| {
        runs += 1;
        let report = once(&mut worker, &between(&bad, with_changes(&held.choices, &all[..number])))?;
        Ok::<_, Stop>(report.failure.is_some_and(|failure| failure.fingerprint() == fingerprint))
    };
    // What a run chooses is all that makes it: so a run of the same choices is the same run.
    if all.is_empty() || fails(0)? || !fails(all.len())? {
        let line = invocation::check(scenario.name);
        console.out(&format!(
            "NONDETERMINISM {}: its choices do not make the run again\n{line}\n",
            scenario.name
        ));
        return Ok(Exit::Nondeterminism);
    }
    let number = tip(all.len(), fails)?;
    let change = &all[number - 1];
    let low = low_of(&change.key, &[&held, &failed]);
    let [without, with] =
        [change.held, change.failed].map(|value| value_text(&change.key.domain, low, value));
    let (differ, runs) = (count(all.len() as u64, "choice"), count(runs, "run"));
    console.out(&format!(
        "{}: `{}` holds, `{}` fails: {}\n{differ} differ; found in {runs}\n\nthe choice that tips it\n  {}: {without} -> {with}\n",
        scenario.name, args.good, args.bad, failure.headline(), change.key
    ));
    let root = folder::root().join(format!("{}-bisect", folder::name(&bad)));
    let mut lines = Vec::new();
    let mut traces = Vec::new();
    for (number, file) in [(number, "fails.json"), (number - 1, "holds.json")] {
        let spec = between(&bad, with_changes(&held.choices, &all[..number]));
        let report = once(&mut worker, &RunSpec { record: Record::Trace, ..spec.clone() })?;
        let path = root.join(file);
        save(&path, &spec, &report)?;
        let line = invocation::replay(scenario.name, &path.to_string_lossy());
        lines.push((verdict(&report), line));
        traces.push(report.trace.as_ref().map(text::plain).unwrap_or_default());
    }
    if let Some(events) = side_by_side(&traces[1], &traces[0], ["without it", "with it"]) {
        console.out(&events);
    }
    let [(with, fails), (without, holds)] = &lines[..] else { return Ok(Exit::Held) };
    console.out(&format!("\nwith it    {with}\n  {fails}\nwithout it {without}\n  {holds}\n"));
    // The failure is no news: what was asked for is done.
    Ok(Exit::Held)
}

/// The run that `text` names: a seed, `commit`, `zero`, or a replay file.
fn spec(scenario: Scenario, settings: &Settings, text: &str) -> Result<RunSpec, Stop> {
    let of = |base| RunSpec { record: Record::Choices, ..RunSpec::new(scenario, settings.clone(), base) };
    if text == ZERO {
        return Ok(of(Base::Zero));
    }
    if text == "commit" {
        return Ok(of(Base::Seed(commit_seed().map_err(Stop::usage)?)));
    }
    if let Ok(seed) = parse_seed(text) {
        return Ok(of(Base::Seed(seed)));
    }
    let file = ReplayFile::read(Path::new(text)).map_err(|error| Stop::usage(error.to_string()))?;
    let refused = |what: String| Err(Stop::usage(format!("{text}: {what}")));
    if file.scenario != scenario.name {
        return refused(format!("a run of scenario `{}`, not of `{}`", file.scenario, scenario.name));
    }
    let spec = file.spec(&[scenario], Record::Choices).map_err(|error| Stop::usage(error.to_string()))?;
    if spec.settings != *settings {
        return refused("a run with other settings: give them by --set".to_owned());
    }
    Ok(spec)
}

/// What a program gets where the choice is 0.
fn low_of(key: &Key, runs: &[&RunReport]) -> u64 {
    let mut made = runs.iter().flat_map(|run| run.choices.iter().zip(&run.made));
    made.find(|((other, _), _)| other == key).map_or(0, |(_, made)| made.low)
}

fn between(of: &RunSpec, overrides: Overrides) -> RunSpec {
    RunSpec { base: Base::Zero, overrides, ..of.clone() }
}

fn verdict(report: &RunReport) -> String {
    match &report.failure {
        None => "holds".to_owned(),
        Some(failure) => format!("fails: {}", failure.headline()),
    }
}

/// The run as a file for `replay`.
fn save(path: &Path, spec: &RunSpec, report: &RunReport) -> Result<(), Stop> {
    let file = ReplayFile {
        format: FORMAT,
        scenario: spec.scenario.name.to_owned(),
        settings: spec.settings.clone(),
        base: SavedBase(spec.base),
        overrides: spec.overrides.clone(),
        hash: report.hash,
        failure: report.failure.as_ref().map(SavedFailure::from),
        seed: None,
        commit: commit(),
        build: build_id().to_owned(),
        digest: None,
    };
    if let Some(folder) = path.parent() {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|error| Stop::usage(format!("{}: {error}", folder.display())))?;
    }
    write_file(path, file.to_json().as_bytes())
}
