//! The server as a program on Linux: reads the command line, and runs. Its exit status: 0 for a stop that was asked
//! for, 1 for a failure, 2 for a command line that makes no sense, 3 for data on the disk that a person has to look at.

use eagain_net::model::ModelKind;
use eagain_net::{Linux, SigAction, Signal, Signals};
use eagain_server::config::Config;
use eagain_server::server;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{}", Config::usage());
        return ExitCode::SUCCESS;
    }
    let mut config = match Config::from_arguments(arguments) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("eagain-server: {error}");
            return ExitCode::from(2);
        }
    };
    // A terminal that goes away is no reason to stop, and kills at once where nobody says so.
    if let Err(errno) = Linux.sigaction(Signal::SIGHUP, SigAction::ignore()) {
        eprintln!("eagain-server: SIGHUP is not ignored: {errno}");
    }
    let descriptors = Linux.raise_descriptor_limit();
    let most = config.clients_that_fit(descriptors);
    if most < config.limits.clients_max {
        eprintln!(
            "eagain-server: maxclients is {most}, not {}: of {descriptors} descriptors (ulimit -Hn) some are for the server itself",
            config.limits.clients_max
        );
        config.limits.clients_max = most;
    }
    let summary = format!("{} {}", config.model.name(), config.pattern.name());
    let tell = |line: &str| eprintln!("eagain-server: {line}");
    let ready = |at| println!("listening at {at} ({summary})");
    let served = match config.model {
        #[cfg(feature = "tokio")]
        ModelKind::Tokio => server::serve_on_tokio(Linux, config, tell, ready),
        _ => server::serve_telling(Linux, config, tell, ready),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error @ server::ServeError::Refused(_)) => {
            eprintln!("eagain-server: {error}");
            ExitCode::from(2)
        }
        Err(error @ server::ServeError::Damaged(_)) => {
            eprintln!("eagain-server: {error}");
            ExitCode::from(3)
        }
        Err(error) => {
            eprintln!("eagain-server: {error}");
            ExitCode::FAILURE
        }
    }
}
