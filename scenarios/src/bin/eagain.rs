//! The `eagain` command over the scenarios of this crate.

use eagain_sim::{cli, runner::engine};
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before there is another thread: what a compared program sends to its process is for that program.
    eagain_scenarios::conform::keep_signals_out();
    cli::main_with(&cli::Registry {
        scenarios: eagain_scenarios::SCENARIOS,
        bugs: eagain_scenarios::bugs::PLANTED,
        extras: &[eagain_scenarios::conform::COMMAND],
        regressions: concat!(env!("CARGO_MANIFEST_DIR"), "/regressions"),
        executor: engine::make,
    })
}
