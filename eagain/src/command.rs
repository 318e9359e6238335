//! Scenarios as a command and as tests, run in worker processes.

use eagain_native::worker;
use eagain_sim::PlantedBug;
use eagain_sim::cli::{self, Registry};
use eagain_sim::run::Scenario;
use eagain_sim::runner::Execute;
use eagain_sim::testing::Site;
use std::process::ExitCode;

/// A command over these scenarios: `list`, `run`, `explore`, `replay`, `shrink`, `trace`, `check`, `faults`. Regression files are
/// in the folder `regressions` of their package; of the current directory, where the command is not started by cargo.
pub fn main(scenarios: &[Scenario]) -> ExitCode {
    main_with_bugs(scenarios, &[])
}

/// As [`main`], with planted bugs for the subcommand `bugs`.
pub fn main_with_bugs(scenarios: &[Scenario], bugs: &[PlantedBug]) -> ExitCode {
    cli::main_with(&Registry {
        scenarios,
        bugs,
        extras: &[],
        regressions: "regressions",
        executor: worker::make,
    })
}

/// What runs single worlds, each given as a [`RunSpec`](eagain_sim::run::RunSpec), in a worker process of its own.
pub fn executor() -> Box<dyn Execute> {
    worker::make()
}

/// Runs a scenario as a test: panics where it fails. Called by [`scenario`](crate::scenario).
pub fn test(scenario: &Scenario, site: &Site) {
    eagain_sim::testing::test_with(worker::make, scenario, site);
}
