//! The `eagain` command over this crate's scenarios.

fn main() -> std::process::ExitCode {
    eagain_sim::cli::main(your_own_server::scenarios::SCENARIOS)
}
