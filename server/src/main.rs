//! The server as a program on Linux: reads the command line, and runs.

use eagain_net::Linux;
use eagain_server::config::Config;
use eagain_server::server;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{}", Config::usage());
        return ExitCode::SUCCESS;
    }
    let config = match Config::from_arguments(arguments) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("eagain-server: {error}");
            return ExitCode::from(2);
        }
    };
    let summary = format!("{} {}", config.model.name(), config.pattern.name());
    match server::serve(Linux, config, |at| println!("listening at {at} ({summary})")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ server::ServeError::Refused(_)) => {
            eprintln!("eagain-server: {error}");
            ExitCode::from(2)
        }
        Err(error) => {
            eprintln!("eagain-server: {error}");
            ExitCode::FAILURE
        }
    }
}
