//! Each planted bug is found, and found again in the same way; its repaired twin never is.

use eagain_scenarios::bugs::PLANTED;
use eagain_sim::run::{RunReport, RunSpec, Scenario};
use eagain_sim::{Engine, PlantedBug, run_spec};
use std::collections::BTreeSet;
use std::path::Path;

/// Seeds within which every planted bug shows.
const FOUND_WITHIN: u64 = 2_000;
/// Seeds in which no twin may be blamed, here, where code is not optimised; `eagain bugs` looks at 500.
const TWIN_SEEDS: u64 = 20;
/// How often a seed is run again.
const AGAIN: u64 = 10;
/// A world of these is six hosts of turmoil or more for twenty seconds of its time, and takes far longer than any other: they
/// have a tenth of both, here where code is not optimised.
const SLOW: &[&str] = &["turmoil-reply-mix-up", "turmoil-double-apply"];

fn times(bug: &PlantedBug, usual: u64) -> u64 {
    if SLOW.contains(&bug.name) { usual / 10 } else { usual }
}

fn run(scenario: Scenario, seed: u64, engine: &mut Engine) -> RunReport {
    let spec = RunSpec::seeded(scenario, Default::default(), seed);
    run_spec(&spec, engine)
}

/// The first seed that shows `bug`.
fn find(bug: &PlantedBug, engine: &mut Engine) -> (u64, RunReport) {
    for seed in 0..FOUND_WITHIN {
        let report = run(bug.defect, seed, engine);
        if let Some(failure) = &report.failure {
            assert!(bug.is_found_by(failure), "{}: seed {seed} shows another bug: {failure:?}", bug.name);
            return (seed, report);
        }
    }
    panic!("{}: not found within {FOUND_WITHIN} seeds", bug.name);
}

#[test]
fn each_is_found_and_its_seed_fails_the_same_way_every_time() {
    let mut engine = Engine::new();
    for bug in PLANTED {
        let (seed, first) = find(bug, &mut engine);
        println!("{}: seed {seed}: {:?}", bug.name, first.failure);
        for _ in 0..times(bug, AGAIN) {
            let again = run(bug.defect, seed, &mut engine);
            assert_eq!(
                (again.hash, &again.failure),
                (first.hash, &first.failure),
                "{} seed {seed}",
                bug.name
            );
        }
    }
}

#[test]
fn no_twin_is_blamed() {
    let mut engine = Engine::new();
    for bug in PLANTED {
        for seed in 0..times(bug, TWIN_SEEDS) {
            let report = run(bug.twin, seed, &mut engine);
            assert_eq!(report.failure, None, "{} seed {seed}\n{}", bug.twin.name, report.output);
        }
    }
}

#[test]
fn names_are_unique_and_classes_are_known() {
    let mut names: Vec<_> = PLANTED.iter().map(|bug| bug.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), PLANTED.len());
    assert!(PLANTED.iter().all(|bug| ('a'..='o').contains(&bug.class)));
    assert!(SLOW.iter().all(|slow| names.contains(slow)), "{SLOW:?}");
}

/// The names that the Rust files of a folder stand for, without those of `shared`.
fn files(folder: &str, shared: &[&str]) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths =
        folder.read_dir().expect("the folder is there").map(|entry| entry.expect("it can be listed").path());
    let rust = paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    rust.filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|stem| stem != "mod" && !shared.contains(&&**stem))
        .map(|stem| stem.replace('_', "-"))
        .collect()
}

#[test]
fn each_is_a_file_of_its_name_and_each_file_is_listed() {
    let (mut kernel, mut tokio) = (BTreeSet::new(), BTreeSet::new());
    for bug in PLANTED {
        match bug.name.strip_prefix("tokio-").or(bug.name.strip_prefix("turmoil-")) {
            Some(name) => tokio.insert(name.to_owned()),
            None => kernel.insert(bug.name.to_owned()),
        };
    }
    let folders = ["streams", "connections", "system"].map(|folder| format!("src/bugs/{folder}"));
    assert_eq!(kernel, folders.iter().flat_map(|folder| files(folder, &[])).collect());
    assert_eq!(tokio, files("src/bugs/on_tokio", &["connector"]));
}
