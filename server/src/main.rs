//! The server as a program on Linux: reads the command line, and runs. Its exit status: 0 for a stop that was asked
//! for, 1 for a failure, 2 for a command line that makes no sense, 3 for data on the disk that a person has to look at.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "this is where the machine is asked")]

mod program;

use eagain_net::{Errno, Linux, SigAction, Signal, Signals};
use eagain_server::config::Config;
use eagain_server::observe::{Level, Log};
use eagain_server::server::{self, ServeError};
use program::log::{Writer, line, print};
use program::{arguments, service};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print(&Config::usage());
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--version" || argument == "-v") {
        print(&format!("eagain-server {}", env!("CARGO_PKG_VERSION")));
        return ExitCode::SUCCESS;
    }
    let flags = arguments::expand(arguments, |name| std::env::var(name).ok());
    let config = flags.and_then(|flags| Config::from_arguments(flags).map_err(|error| error.to_string()));
    let mut config = match config {
        Ok(config) => config,
        Err(error) => {
            line(Level::Error, &error);
            return ExitCode::from(2);
        }
    };
    // A terminal that goes away is no reason to stop, and kills at once where nobody says so.
    if let Err(errno) = Linux.sigaction(Signal::SIGHUP, SigAction::ignore()) {
        line(Level::Warning, &format!("SIGHUP is not ignored: {errno}"));
    }
    let descriptors = Linux.raise_descriptor_limit();
    config.clients_fit = config.clients_that_fit(descriptors);
    let most = config.clients_fit.min(config.limits.clients_max);
    if most < config.limits.clients_max {
        let (wanted, why) = (config.limits.clients_max, config.why_no_more_clients_fit(descriptors));
        line(Level::Warning, &format!("maxclients is {most}, not {wanted}: {why}"));
        config.limits.clients_max = most;
    }
    if !config.listen.ip().is_loopback() && config.password.is_empty() {
        let at = config.listen;
        line(
            Level::Warning,
            &format!(
                "anybody who reaches {at} can read and change everything; set --requirepass-file, or --bind 127.0.0.1"
            ),
        );
    }
    config.chmod = Some(|path, mode| {
        let set = fs::set_permissions(path, Permissions::from_mode(mode));
        set.map_err(|error| Errno(error.raw_os_error().unwrap_or(Errno::EIO.0)))
    });
    let writer = Writer::new(config.log_file.clone());
    let sink = writer.clone();
    config.log = Log::new(config.log_level, move |level, text| sink.line(level, text));
    // Where it cannot be sent, the notification before it has said so.
    config.on_stop = Some(|| _ = service::notify("STOPPING=1"));
    let log = config.log.clone();
    let summary = format!("{} {}", config.model.name(), config.pattern.name());
    let notice = |text: &str| log.line(Level::Notice, || text);
    let ready = |at| {
        log.line(Level::Notice, || format!("listening at {at} ({summary})"));
        writer.start();
        print(&format!("listening at {at} ({summary})"));
        if let Err(error) = service::notify("READY=1") {
            log.line(Level::Warning, || format!("NOTIFY_SOCKET: {error}"));
        }
    };
    let served = match config.model {
        #[cfg(feature = "tokio")]
        eagain_net::model::ModelKind::Tokio => server::serve_on_tokio(Linux, config, notice, ready),
        _ => server::serve_with_log(Linux, config, notice, ready),
    };
    match &served {
        Ok(()) => log.line(Level::Notice, || "stopped"),
        Err(error) => log.line(Level::Error, || error.to_string()),
    }
    writer.flush();
    let Err(error) = served else { return ExitCode::SUCCESS };
    match error {
        ServeError::Refused(_) => ExitCode::from(2),
        ServeError::Damaged(_) => ExitCode::from(3),
        ServeError::Storage(_) | ServeError::Listen(..) | ServeError::Path(_) | ServeError::Kernel(_) => {
            ExitCode::FAILURE
        }
    }
}
