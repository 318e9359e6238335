//! Unmodified programs in simulated worlds: the programs are in `programs/`, and nothing of eagain is in them; the worlds are in
//! `scenarios/`.

mod programs;
mod scenarios;

use std::process::ExitCode;

fn main() -> ExitCode {
    eagain::main(scenarios::ALL)
}
