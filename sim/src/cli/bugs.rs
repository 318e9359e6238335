//! `eagain bugs`: the corpus of planted bugs. Each must be found, and its repaired twin never blamed; what it takes to find
//! and how much is left after shrinking says how good the harness is.

use super::args::BugsArgs;
use super::console::Console;
use super::run::BUDGET;
use super::{Done, Exit, Registry, Stop};
use crate::PlantedBug;
use crate::report::table::{Align, Table};
use crate::run::{Failure, RunSpec, Scenario, Settings};
use crate::runner::{Worker, invocation, on_all_cores};
use crate::shrink::shrink_run;
use serde_json::{Value, json};
use std::time::Instant;

/// What looking for a bug came to.
struct Row {
    bug: PlantedBug,
    /// By first seed: how many seeds it took; `None`: missed.
    tries: Vec<Option<u64>>,
    /// The first finding that was shrunk: seed, choices left, runs.
    shrunk: Option<(u64, usize, u64)>,
    /// The failure of it.
    failure: Option<Failure>,
    /// A seed of the twin that failed.
    blamed: Option<(u64, Failure)>,
    /// A broken harness.
    broken: Option<String>,
    seconds: f64,
}

/// One search, or one look at the twin.
enum Finding {
    Found(u64, u64, Failure),
    Missed,
    TwinHolds,
    TwinBlamed(u64, Failure),
    Broken(String),
}

pub(super) fn bugs(registry: &Registry, args: &BugsArgs, console: &mut Console) -> Done {
    let mut chosen = Vec::new();
    for name in &args.names {
        let bug = registry.bugs.iter().find(|bug| bug.name == name);
        chosen.push(
            *bug.ok_or_else(|| Stop::usage(format!("unknown planted bug `{name}` (see `eagain bugs`)")))?,
        );
    }
    if args.names.is_empty() {
        chosen = registry.bugs.to_vec();
    }
    let rows: Vec<Row> = chosen.into_iter().map(|bug| look_for(registry, args, bug, console)).collect();
    if args.json {
        console.out(&format!("{}\n", Value::from_iter(rows.iter().map(Row::json))));
    } else {
        console.out(&table(&rows).text(""));
    }
    let mut exit = Exit::Held;
    for row in &rows {
        exit = exit.max(row.conclude(console));
    }
    Ok(exit)
}

fn spec(scenario: Scenario, seed: u64) -> RunSpec {
    RunSpec::seeded(scenario, Settings::new(), seed)
}

/// First seeds far from each other, the same ones every time.
fn first_seed(base: u64) -> u64 {
    base.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn look_for(registry: &Registry, args: &BugsArgs, bug: PlantedBug, console: &mut Console) -> Row {
    let started = Instant::now();
    if !args.json {
        console.err(&format!("{} …\n", bug.name));
    }
    let bases = args.bases as usize;
    // The twin's seeds are looked at in slices, beside the searches.
    let slices = 16;
    let findings = on_all_cores(args.jobs as usize, registry.executor, bases + slices, |worker, number| {
        if number < bases {
            search(worker, &bug, first_seed(number as u64), args.seeds)
        } else {
            let slice = (number - bases) as u64;
            look_at_twin(worker, &bug, (slice..args.twin_seeds).step_by(slices))
        }
    });
    let mut row =
        Row { bug, tries: Vec::new(), shrunk: None, failure: None, blamed: None, broken: None, seconds: 0.0 };
    for finding in findings {
        match finding {
            Finding::Found(tries, seed, failure) => {
                row.tries.push(Some(tries));
                if row.failure.is_none() {
                    row.failure = Some(failure);
                    row.shrunk = shrink(registry, &bug, seed);
                }
            }
            Finding::Missed => row.tries.push(None),
            Finding::TwinHolds => {}
            Finding::TwinBlamed(seed, failure) => {
                // The lowest seed, whichever slice met it.
                if row.blamed.as_ref().is_none_or(|(other, _)| seed < *other) {
                    row.blamed = Some((seed, failure));
                }
            }
            Finding::Broken(text) => row.broken = Some(text),
        }
    }
    row.seconds = started.elapsed().as_secs_f64();
    row
}

fn search(worker: &mut Worker, bug: &PlantedBug, first: u64, seeds: u64) -> Finding {
    for offset in 0..seeds {
        let seed = first.wrapping_add(offset);
        match worker.try_run(&spec(bug.defect, seed)) {
            Err(text) => return Finding::Broken(text),
            Ok(report) => match report.failure {
                Some(failure) if bug.is_found_by(&failure) => {
                    return Finding::Found(offset + 1, seed, failure);
                }
                // Another oracle is not this bug: the search goes on.
                _ => {}
            },
        }
    }
    Finding::Missed
}

fn look_at_twin(worker: &mut Worker, bug: &PlantedBug, seeds: impl Iterator<Item = u64>) -> Finding {
    for seed in seeds {
        match worker.try_run(&spec(bug.twin, seed)) {
            Err(text) => return Finding::Broken(text),
            Ok(report) => {
                if let Some(failure) = report.failure {
                    return Finding::TwinBlamed(seed, failure);
                }
            }
        }
    }
    Finding::TwinHolds
}

fn shrink(registry: &Registry, bug: &PlantedBug, seed: u64) -> Option<(u64, usize, u64)> {
    let mut worker = Worker::new(registry.executor);
    let outcome = shrink_run(&mut worker, &spec(bug.defect, seed), BUDGET)?.outcome;
    Some((seed, outcome.choices.len(), outcome.runs))
}

impl Row {
    /// The tries in order; a miss counts as more than any.
    fn sorted(&self) -> Vec<Option<u64>> {
        let mut tries = self.tries.clone();
        tries.sort_by_key(|tries| tries.unwrap_or(u64::MAX));
        tries
    }

    fn median(&self) -> Option<u64> {
        let tries = self.sorted();
        *tries.get(tries.len() / 2)?
    }

    fn worst(&self) -> Option<u64> {
        *self.sorted().last()?
    }

    fn found(&self) -> bool {
        !self.tries.is_empty() && self.tries.iter().all(Option::is_some)
    }

    fn json(&self) -> Value {
        json!({
            "name": self.bug.name,
            "class": self.bug.class,
            "source": self.bug.source,
            "about": self.bug.about,
            "found": self.found(),
            "found_from": self.tries.iter().flatten().count(),
            "bases": self.tries.len(),
            "median_seeds": self.median(),
            "worst_seeds": self.worst(),
            "oracle": self.failure.as_ref().map(|failure| failure.oracle.code()),
            "site": self.failure.as_ref().map(|failure| failure.site.as_str()),
            "choices": self.shrunk.map(|(_, choices, _)| choices),
            "shrink_runs": self.shrunk.map(|(_, _, runs)| runs),
            "repro": self.shrunk.map(|(seed, ..)| invocation::run(self.bug.defect.name, seed, &Settings::new())),
            "twin_blamed": self.blamed.is_some(),
            "seconds": (self.seconds * 1e3).round() / 1e3,
        })
    }

    /// Says what is wrong with it.
    fn conclude(&self, console: &mut Console) -> Exit {
        let name = self.bug.name;
        if let Some(text) = &self.broken {
            console.err(&format!("{name}: the harness failed: {text}\n"));
            return Exit::Harness;
        }
        let mut exit = Exit::Held;
        if !self.found() {
            let missed = self.tries.iter().filter(|tries| tries.is_none()).count();
            console.err(&format!("{name}: missed from {missed} of {} first seeds\n", self.tries.len()));
            exit = Exit::Failed;
        }
        if let Some((seed, failure)) = &self.blamed {
            let repro = invocation::run(self.bug.twin.name, *seed, &Settings::new());
            let Failure { oracle, site, .. } = failure;
            console.err(&format!("{name}: its fixed version fails: {oracle} at {site}\n  {repro}\n"));
            exit = Exit::Failed;
        }
        exit
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&[
        ("bug", Align::Left),
        ("class", Align::Left),
        ("found", Align::Right),
        ("median", Align::Right),
        ("worst", Align::Right),
        ("oracle", Align::Left),
        ("choices", Align::Right),
        ("fixed", Align::Left),
        ("s", Align::Right),
    ]);
    let number = |value: Option<u64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
    for row in rows {
        let found = row.tries.iter().flatten().count();
        table.row([
            row.bug.name.to_owned(),
            row.bug.class.to_string(),
            format!("{found}/{}", row.tries.len()),
            number(row.median()),
            number(row.worst()),
            row.failure.as_ref().map_or("-", |failure| failure.oracle.code()).to_owned(),
            number(row.shrunk.map(|(_, choices, _)| choices as u64)),
            if row.blamed.is_some() { "FAILS" } else { "holds" }.to_owned(),
            format!("{:.1}", row.seconds),
        ]);
    }
    table
}
