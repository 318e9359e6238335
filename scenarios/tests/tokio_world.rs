//! Every story that tokio can tell holds there, and is the same run twice, also after other runs on the same thread.

use eagain_scenarios::SCENARIOS;
use eagain_sim::choice::{Base, Overrides};
use eagain_sim::run::{Record, RunReport, RunSpec, Scenario, Settings};
use eagain_sim::runner::{Execute, engine, settings};

/// Seeds of each; a sweep (`cargo eagain explore --set model=tokio`) runs more.
const SEEDS: u64 = 12;

fn run(executor: &mut dyn Execute, scenario: Scenario, settings: &Settings, seed: u64) -> RunReport {
    let (base, overrides, settings) = (Base::Seed(seed), Overrides::new(), settings.clone());
    executor.run(&RunSpec { scenario, settings, base, overrides, record: Record::Hash })
}

#[test]
fn the_stories_hold_on_tokio_and_repeat() {
    let mut set = Settings::from([("model".to_owned(), "tokio".to_owned())]);
    let stories = settings::select(SCENARIOS, &mut set).unwrap().chosen;
    let mut executor = engine::make();
    let mut told = 0;
    for story in stories {
        let mut hashes = Vec::new();
        for seed in 0..SEEDS {
            let report = run(&mut *executor, story, &set, seed);
            assert_eq!(report.failure, None, "{} seed {seed}", story.name);
            hashes.extend(report.refused.is_none().then_some(report.hash));
        }
        told += usize::from(!hashes.is_empty());
        for (seed, hash) in hashes.iter().enumerate().rev() {
            let again = run(&mut *executor, story, &set, seed as u64);
            assert_eq!(again.hash, *hash, "{} seed {seed}", story.name);
        }
    }
    assert!(told >= 11, "only {told} stories");
}
