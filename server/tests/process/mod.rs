//! Servers as child processes that do not outlive their test.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

/// A process that does not outlive the test.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that nobody has at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs our server until it listens; where.
pub fn ours(arguments: &[&str]) -> (Process, u16) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_eagain-server"));
    let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.strip_prefix("listening at ").and_then(|rest| rest.split(' ').next());
    let port = address.and_then(|address| address.trim().rsplit(':').next()?.parse().ok());
    (Process(child), port.unwrap_or_else(|| panic!("{line}")))
}

/// Runs redis-server until it listens; `None`: none is installed here.
pub fn redis(port: u16, arguments: &[&str]) -> Option<Process> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--save", "", "--daemonize", "no"]).args(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    let process = Process(child);
    let is_ready = |line: String| line.contains("Ready to accept connections");
    assert!(lines.any(|line| is_ready(line.unwrap())), "redis-server has ended");
    // What else it says goes nowhere, and nobody waits for it.
    std::thread::spawn(move || lines.for_each(drop));
    Some(process)
}
