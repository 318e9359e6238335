//! The hash of three seeds of every scenario, of every planted bug and its fixed version, and of one scenario with every
//! I/O model. A change that moves code leaves `snapshots/hashes.snap` as it is; a change that alters what seeds mean
//! says why in its commit.

use eagain_scenarios::{SCENARIOS, bugs::PLANTED};
use eagain_sim::run::{KnobValues, RunSpec, Scenario, Settings};
use eagain_sim::{Engine, run_spec};
use std::fmt::Write;

const SEEDS: [u64; 3] = [1, 2, 3];

fn hashes(engine: &mut Engine, label: &str, scenario: Scenario, settings: &Settings) -> String {
    let mut line = format!("{label:<44}");
    for seed in SEEDS {
        let spec = RunSpec::seeded(scenario, settings.clone(), seed);
        let report = run_spec(&spec, engine);
        match report.refused {
            Some(_) => line.push_str(" refused"),
            // Writing to a String does not fail.
            None => write!(line, " {:016x}", report.hash).unwrap_or_default(),
        }
    }
    line
}

#[test]
fn the_hash_of_every_scenario_is_the_one_that_is_kept() {
    let mut engine = Engine::new();
    let mut lines = Vec::new();
    for &scenario in SCENARIOS {
        lines.push(hashes(&mut engine, scenario.name, scenario, &Settings::new()));
    }
    for bug in PLANTED {
        for scenario in [bug.defect, bug.twin] {
            lines.push(hashes(&mut engine, scenario.name, scenario, &Settings::new()));
        }
    }
    let steady = *SCENARIOS.iter().find(|s| s.name == "steady-load").expect("it is in the list");
    let words = |name: &str| match steady.knobs.iter().find(|knob| knob.name == name).map(|knob| knob.values)
    {
        Some(KnobValues::Words(words)) => words,
        _ => panic!("{name} takes words"),
    };
    for model in words("model") {
        for pattern in words("pattern") {
            let settings = [("model", model), ("pattern", pattern)];
            let settings = Settings::from(settings.map(|(key, value)| (key.to_owned(), (*value).to_owned())));
            lines.push(hashes(&mut engine, &format!("steady-load {model} {pattern}"), steady, &settings));
        }
    }
    let mut insta = insta::Settings::clone_current();
    insta.set_snapshot_path("../../snapshots");
    insta.set_prepend_module_to_snapshot(false);
    insta.set_omit_expression(true);
    insta.bind(|| insta::assert_snapshot!("hashes", lines.join("\n")));
}
