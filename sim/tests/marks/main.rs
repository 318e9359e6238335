//! What a binary names by `sometimes!` and `eventually!` is known before a run passes it: one that no run passes is reported for
//! the scenario whose it is, and for nobody where that is not certain.
#![cfg(feature = "cli")]

mod alone;
#[path = "../common/mod.rs"]
mod common;
mod pair;
mod shared;
mod single;

use eagain_sim::cli::Registry;
use eagain_sim::marks;
use eagain_sim::runner::engine;
use eagain_sim::runner::summary::Sums;

const REGISTRY: Registry = Registry {
    scenarios: &[single::SCENARIO, pair::FIRST, pair::SECOND],
    bugs: &[],
    extras: &[],
    regressions: "no such folder",
    executor: engine::make,
};

/// Exit status, and the lines about what was not reached.
fn unreached(line: &str) -> (u8, Vec<String>) {
    let (code, out, _) = common::eagain(&REGISTRY, line);
    let lines = out.lines().filter_map(|line| line.strip_prefix("warning: "));
    (code, lines.filter(|line| line.contains(" reached ")).map(str::to_owned).collect())
}

#[test]
fn a_name_in_a_function_that_is_never_called_is_the_scenarios_own() {
    let (code, lines) = unreached("explore single --seeds 3 --strict");
    assert_eq!(lines, ["`single` never reached `healed`", "`single` never reached `met by both`"]);
    assert_eq!(code, 1);
}

#[test]
fn of_a_file_of_two_scenarios_it_is_known_when_both_have_run() {
    for name in ["pair-first", "pair-second"] {
        assert_eq!(unreached(&format!("explore {name} --seeds 3 --strict")), (0, vec![]));
    }
    let (code, lines) = unreached("explore pair-first pair-second --seeds 3 --strict");
    assert_eq!((code, lines.len()), (1, 1), "{lines:?}");
    assert!(lines[0].starts_with("no scenario reached `neither` (sim/tests/marks/pair.rs:"), "{lines:?}");
}

#[test]
fn of_a_file_of_no_scenario_it_is_known_when_all_have_run() {
    let (code, lines) = unreached("explore --seeds 3 --strict");
    let shared: Vec<_> = lines.iter().filter(|line| line.contains("shared.rs:")).collect();
    assert_eq!((code, lines.len(), shared.len()), (1, 4, 1), "{lines:?}");
    assert!(shared[0].starts_with("no scenario reached `a retry` ("), "{lines:?}");
}

#[test]
fn of_a_shard_it_is_known_when_all_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<String> =
        (0..2).map(|n| folder.path().join(format!("{n}.json")).display().to_string()).collect();
    for (shard, file) in files.iter().enumerate() {
        let line = format!("explore --seeds 3 --strict --shard {shard}/2 --json {file}");
        assert_eq!(unreached(&line), (0, vec![]));
    }
    assert_eq!(
        unreached(&format!("merge {} --strict", files.join(" "))),
        unreached("explore --seeds 3 --strict")
    );
}

#[test]
fn of_a_file_in_which_one_scenario_is_declared_its_test_knows() {
    let (engine, mut sums) = (engine::make, Sums::default());
    let names = |sums: &Sums| sums.sometimes.get("asks-once").cloned().unwrap_or_default();
    marks::add_unpassed_of(&mut sums, "single");
    assert_eq!(sums, Sums::default(), "it is not declared by a macro");
    marks::add_unpassed_of(&mut sums, "asks-once");
    assert_eq!(names(&sums).into_keys().collect::<Vec<_>>(), ["asked", "asked again"]);
    let registry = Registry { scenarios: alone::ALL, executor: engine, ..REGISTRY };
    let (code, out, _) = common::eagain(&registry, "explore asks-once --seeds 2");
    assert!(code == 0 && out.contains("warning: `asks-once` never reached `asked again`"), "{out}");
}
