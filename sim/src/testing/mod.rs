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
//! | `EAGAIN_GUIDED` | half of the runs are made of others that showed something new |
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
pub(crate) use environment::{warn_of_unheeded, warn_of_unknown};
pub use run::Test;

use crate::run::Scenario;
pub use crate::runner::invocation::Site;
use crate::runner::{MakeExecutor, engine, invocation, watchdog};

/// Runs a scenario as a test: panics where it fails. Called by the macros; [`site!`](crate::site) says where the test is.
pub fn test(scenario: &Scenario, site: &Site) {
    test_with(engine::make, scenario, site);
}

/// As [`test()`], with another executor than the engine of this process.
pub fn test_with(executor: MakeExecutor, scenario: &Scenario, site: &Site) {
    watchdog::start();
    invocation::set_test(scenario.name, site);
    let environment = Environment::of_process();
    let test = Test { scenario: *scenario, manifest: site.manifest.into(), path: site.path(), executor };
    let result = environment.and_then(|environment| {
        println!("{}", test.begins(&environment)?);
        test.run(&environment)
    });
    match result {
        Ok(text) => print!("{text}"),
        // Where the harness panics says nothing of the failure, and its backtrace hides it.
        Err(text) => {
            println!("{text}");
            std::panic::resume_unwind(Box::new(text))
        }
    }
}

#[cfg(test)]
mod tests;
