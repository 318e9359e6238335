//! `eagain faults`: the fault table; with `--fires`, where each family fires, seen by running the scenarios for a moment.

use super::args::FaultsArgs;
use super::console::Console;
use super::{Done, Exit, Registry};
use crate::fault::{Family, wrapped};
use crate::run::{KnobValues, RunSpec, Scenario, Settings};
use crate::runner::Worker;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Seeds of each scenario as it is, and in each other of its settings. A family is on in half of the worlds.
const SEEDS: u64 = 60;
const SEEDS_OTHERWISE: u64 = 10;
/// A scenario with more combinations of words than this is run in the first of them.
const SETTINGS_MAX: usize = 32;
/// How many scenarios a family names.
const NAMED: usize = 3;

/// How to choose.
const CHOOSING: &str = "\
A scenario has the families that are on by default; each seed draws which of them are active.
  sim.also(&[Family::Reset])       adds to them
  sim.also(Faults::network())      adds those of a preset: network(), crashes(), all()
  sim.faults(&[Family::WireDelay]) has these alone; &[]: none
Families `stream.*`, `net.*` and `host.crash` act on programs under eagain-layer, where all of
`stream.*` but `stream.reset` are on by default.

";

pub(super) fn faults(registry: &Registry, args: &FaultsArgs, console: &mut Console) -> Done {
    let fires = args.fires.then(|| fires(registry));
    let none = BTreeSet::new();
    let scenarios = |family: &str| fires.as_ref().map(|fires| fires.get(family).unwrap_or(&none));
    if args.json {
        let all = Family::ALL.iter().map(|family| {
            let row = family.row();
            json!({
                "name": row.name, "family": format!("{family:?}"), "usual": row.usual,
                "changes": row.changes, "key": row.key(), "distribution": row.distribution_text(),
                "allowed_by": row.allowed_by, "event": row.event.name,
                "fires_in": scenarios(row.name),
            })
        });
        console.out(&format!("{}\n", Value::from_iter(all)));
        return Ok(Exit::Held);
    }
    console.out(CHOOSING);
    for family in Family::ALL {
        console.out(&family.describe());
        if let Some(scenarios) = scenarios(family.row().name) {
            console.out(&wrapped(&format!("fires in {}", shown(scenarios))));
        }
    }
    Ok(Exit::Held)
}

/// The scenarios in which each family fired.
fn fires(registry: &Registry) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let mut worker = Worker::new(registry.executor);
    let mut fires: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for scenario in registry.scenarios {
        let mut seed = 0;
        for (at, settings) in combinations(scenario).into_iter().enumerate() {
            let last = seed + if at == 0 { SEEDS } else { SEEDS_OTHERWISE };
            // Other seeds each time: what is on, and how strong, is a matter of the seed alone.
            while seed < last {
                let spec = RunSpec::seeded(*scenario, settings.clone(), seed);
                seed += 1;
                // What breaks, and what makes no sense, is not what is asked here.
                let Ok(report) = worker.try_run(&spec) else { break };
                if report.refused.is_some() {
                    break;
                }
                for (&family, &count) in &report.faults {
                    if count > 0 {
                        fires.entry(family).or_default().insert(scenario.name);
                    }
                }
            }
        }
    }
    fires
}

/// What the words of a scenario's knobs can be set to, each with each.
fn combinations(scenario: &Scenario) -> Vec<Settings> {
    let mut all = vec![Settings::new()];
    for knob in scenario.knobs {
        let KnobValues::Words(words) = knob.values else { continue };
        if all.len() * words.len() > SETTINGS_MAX {
            continue;
        }
        let with = |settings: &Settings, word: &&str| {
            let mut settings = settings.clone();
            settings.insert(knob.name.to_owned(), (*word).to_owned());
            settings
        };
        all = all.iter().flat_map(|settings| words.iter().map(move |word| with(settings, word))).collect();
    }
    all
}

fn shown(scenarios: &BTreeSet<&str>) -> String {
    let named: Vec<&str> = scenarios.iter().take(NAMED).copied().collect();
    match scenarios.len() {
        0 => "none of these scenarios".to_owned(),
        n if n > NAMED => format!("{} and {} more", named.join(", "), n - NAMED),
        _ => named.join(", "),
    }
}
