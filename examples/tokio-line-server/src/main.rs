//! The `eagain` command over this crate's scenarios.

fn main() -> std::process::ExitCode {
    eagain_sim::cli::main(tokio_line_server::scenarios::SCENARIOS)
}
