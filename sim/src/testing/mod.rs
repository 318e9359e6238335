//! Scenarios as ordinary tests, which libtest and nextest see: [`scenarios!`](crate::scenarios) declares them, and
//! [`scenario_tests!`](crate::scenario_tests) makes tests of some that are there already.
//!
//! | variable | does |
//! |---|---|
//! | `EAGAIN_SEED` | runs just that seed and prints its trace; `commit`: made of the git commit |
//! | `EAGAIN_SEEDS` | how many seeds each test runs |
//! | `EAGAIN_SET` | settings, as `model=poll,workers=4`; scenarios without such a knob are skipped |
//! | `EAGAIN_REPLAY` | a replay file, run by the test of its scenario |
//! | `EAGAIN_CHECK` | also runs every seed in another process, and compares |
//! | `EAGAIN_SHARD` | `I/N` or `auto`: only this part of the seeds |
//! | `EAGAIN_JOBS` | threads of each test; 1 unless it is set, since tests run beside each other |
//! | `EAGAIN_OUT` | where the folders of failures go |
//! | `EAGAIN_WATCHDOG` | seconds without a call after which a run is stopped; 0: never |
//!
//! A misspelt one is warned about, and what would test nothing fails: 0 seeds, or a setting that the scenario nearly has. Replay files in the crate's folder `regressions/` (a failure's `replay.json`, renamed to
//! `<scenario>-<what it was>.json` and committed) are run before any seed, and must hold.
#![allow(
    clippy::disallowed_methods,
    reason = "what to run comes from the environment; nothing of it reaches a run"
)]

mod declare;
mod environment;
mod run;

pub use declare::hyphens;
pub use environment::Environment;
pub(crate) use environment::warn_of_unknown;
pub use run::Test;

use crate::run::Scenario;
use crate::runner::{MakeExecutor, engine, settings, watchdog};

/// Runs a scenario as a test: panics where it fails. Called by the macros; `manifest` is the folder of the crate, `module` and
/// `function` are the test's own name.
pub fn test(scenario: &Scenario, manifest: &str, module: &str, function: &str) {
    test_with(engine::make, scenario, manifest, module, function);
}

/// As [`test()`], with another executor than the engine of this process.
pub fn test_with(executor: MakeExecutor, scenario: &Scenario, manifest: &str, module: &str, function: &str) {
    watchdog::start();
    settings::set_package(manifest.as_ref());
    let environment = Environment::of_process();
    // libtest leaves the crate's name out.
    let path = module
        .split_once("::")
        .map_or_else(|| function.to_owned(), |(_, rest)| format!("{rest}::{function}"));
    let test = Test { scenario: *scenario, manifest: manifest.into(), path, executor };
    let result = environment.and_then(|environment| {
        println!("{}", test.begins(&environment)?);
        test.run(&environment)
    });
    match result {
        Ok(text) => print!("{text}"),
        Err(text) => panic!("{text}"),
    }
}

#[cfg(test)]
mod tests;
