//! Each mutant is found by the scenario that it names, and by the oracle that it names; `docs/MUTANTS.md` has all of them.

use eagain_scenarios::SCENARIOS;
use eagain_scenarios::mutants::{ALL, Mutant, SEEDS, table};
use eagain_sim::run::{RunSpec, Scenario};
use eagain_sim::{Engine, run_spec};

fn find(mutant: &Mutant, engine: &mut Engine) -> Result<u64, String> {
    let named = SCENARIOS.iter().find(|scenario| scenario.name == mutant.scenario);
    let named = named.unwrap_or_else(|| panic!("{}: no scenario is called {}", mutant.name, mutant.scenario));
    let scenario = Scenario { body: mutant.body, ..*named };
    let (oracle, site) = mutant.found_by;
    let mut others = Vec::new();
    for seed in 0..SEEDS {
        let report = run_spec(&RunSpec::seeded(scenario, Default::default(), seed), engine);
        match report.failure {
            Some(failure) if failure.oracle == oracle && failure.site == site => return Ok(seed),
            Some(failure) => others.push(format!("{} at {}", failure.oracle, failure.site)),
            None => {}
        }
    }
    others.sort();
    others.dedup();
    Err(format!("{}: not found by {oracle} at {site} within {SEEDS} seeds, but by {others:?}", mutant.name))
}

#[test]
fn each_is_found_by_its_scenario() {
    let mut engine = Engine::new();
    let found: Vec<_> = ALL.iter().map(|mutant| (mutant.name, find(mutant, &mut engine))).collect();
    let missed: Vec<_> = found.iter().filter_map(|(_, found)| found.as_ref().err()).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn the_page_has_all_of_them() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/MUTANTS.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    assert!(page.contains(&table()), "the table of docs/MUTANTS.md is to be:\n{}", table());
}
