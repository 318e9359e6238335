//! A job of the runner as a process of its own: the statics of programs are those of an OS process, and a program that
//! crashes ends one. The parent has an [`Execute`] that sends the specification of a run to its worker and gets the report;
//! the worker is the same executable, which serves before `main` where the variable [`VARIABLE`] is set.
//!
//! | file | does |
//! |---|---|
//! | `mod` | the parent's side: starts a worker, asks it, and makes a report of its crash |
//! | `serve` | the worker's side: runs worlds, reports that it makes calls, and how it crashed |
//! | `message` | specification and report as bytes |

mod message;
mod serve;

use crate::crash;
use eagain_sim::Oracle;
use eagain_sim::choice::Mix;
use eagain_sim::run::{Failure, INTERRUPTED, RunReport, RunSpec};
use eagain_sim::runner::Execute;
use std::io::{BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Where it is set, the process is a worker: the number of the descriptor of its socket.
const VARIABLE: &str = "EAGAIN_WORKER";
/// That descriptor: high, so that it is free in a new process.
const SOCKET: i32 = 100;
/// A worker that crashed exits with this plus the signal.
const CRASHED: i32 = 128;
/// What it exits with when a simulated thread has no stack left.
const OVERFLOW: i32 = CRASHED + 127;

/// A worker is replaced after so many runs: where a process is killed in the middle of a call, its stack is dropped with what the
/// simulator had allocated for that call, some hundred bytes.
const RUNS_MAX: u32 = 10_000;

/// What a message to the parent begins with.
const BEAT: u8 = 0;
const REPORT: u8 = 1;
/// As [`REPORT`], and the worker ends.
const LAST_REPORT: u8 = 2;

/// Makes an executor with a worker of its own.
pub fn make() -> Box<dyn Execute> {
    make_with(&[])
}

/// The same, with variables in the worker's environment.
pub(crate) fn make_with(variables: &'static [(&'static str, &'static str)]) -> Box<dyn Execute> {
    Box::new(Executor { worker: None, variables, heartbeat: Arc::default(), stop: Arc::default() })
}

/// Whether this process is a worker that is running a world.
pub fn is_worker() -> bool {
    crate::image::check().is_ok() && serve::is_serving()
}

struct Executor {
    worker: Option<Worker>,
    variables: &'static [(&'static str, &'static str)],
    heartbeat: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

struct Worker {
    child: Child,
    socket: BufReader<UnixStream>,
    runs: u32,
}

impl Execute for Executor {
    fn run(&mut self, spec: &RunSpec) -> RunReport {
        self.ask(spec, None)
    }

    fn run_guided(&mut self, spec: &RunSpec, mix: &Mix) -> Option<RunReport> {
        Some(self.ask(spec, Some(mix)))
    }

    fn heartbeat(&self) -> Arc<AtomicU64> {
        self.heartbeat.clone()
    }

    fn stop(&self) -> Arc<AtomicBool> {
        self.stop.clone()
    }
}

impl Executor {
    /// # Panics
    /// Where no worker can be started, or it failed by itself: a failure of the harness.
    fn ask(&mut self, spec: &RunSpec, mix: Option<&Mix>) -> RunReport {
        let request = message::specification(spec, mix).unwrap_or_else(|line| panic!("{line}"));
        if self.worker.as_ref().is_some_and(|worker| worker.runs >= RUNS_MAX) {
            self.end_worker();
        }
        let worker = self.worker.get_or_insert_with(|| {
            Worker::start(self.variables)
                .unwrap_or_else(|error| panic!("cannot start a worker process: {error}"))
        });
        self.heartbeat.fetch_add(1, Ordering::Relaxed);
        let report = worker.ask(&request, &self.heartbeat, &self.stop);
        if let Ok((report, is_last)) = report {
            if is_last {
                self.end_worker();
            }
            return report;
        }
        if self.stop.load(Ordering::Relaxed)
            && let Some(mut worker) = self.worker.take()
        {
            let _ = worker.child.kill();
            let _ = worker.end();
            return RunReport::lost(failure(INTERRUPTED.into(), "", String::new()));
        }
        match self.worker.take().map(Worker::end) {
            Some(Ok(status)) => crash_report(status),
            Some(Err(error)) => panic!("a worker process is lost: {error}"),
            None => panic!("a worker process is lost"),
        }
    }
}

impl Worker {
    fn start(variables: &[(&str, &str)]) -> std::io::Result<Worker> {
        let (socket, other) = UnixStream::pair()?;
        let mut command = Command::new("/proc/self/exe");
        command
            .envs(variables.iter().copied())
            .env(VARIABLE, SOCKET.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let other = OwnedFd::from(other);
        let number = other.as_raw_fd();
        // SAFETY: between fork and exec only personality(2) and dup2(2) are called, which are async-signal-safe; the descriptor is
        // open until the child was made.
        unsafe {
            command.pre_exec(move || {
                // The same addresses of statics and functions in every worker. A sandbox may refuse it: then they are not.
                libc::personality(libc::ADDR_NO_RANDOMIZE as _);
                match libc::dup2(number, SOCKET) {
                    -1 => Err(std::io::Error::last_os_error()),
                    _ => Ok(()),
                }
            });
        }
        let child = command.spawn()?;
        drop(other);
        Ok(Worker { child, socket: BufReader::new(socket), runs: 0 })
    }

    /// The report, and whether the worker ends with it.
    fn ask(
        &mut self,
        request: &[u8],
        heartbeat: &AtomicU64,
        stop: &AtomicBool,
    ) -> std::io::Result<(RunReport, bool)> {
        self.runs += 1;
        self.socket.get_mut().write_all(request)?;
        loop {
            let mut head = [0; 9];
            self.socket.read_exact(&mut head[..1])?;
            if head[0] == BEAT {
                heartbeat.fetch_add(1, Ordering::Relaxed);
                if stop.load(Ordering::Relaxed) {
                    return Err(std::io::ErrorKind::Interrupted.into());
                }
                continue;
            }
            self.socket.read_exact(&mut head[1..])?;
            let mut length = [0; 8];
            length.copy_from_slice(&head[1..]);
            let mut body = vec![0; usize::try_from(u64::from_le_bytes(length)).unwrap_or(usize::MAX)];
            self.socket.read_exact(&mut body)?;
            let report = message::read_report(&body).ok_or_else(|| {
                std::io::Error::new(std::io::ErrorKind::InvalidData, "a report that cannot be read")
            })?;
            return Ok((report, head[0] == LAST_REPORT));
        }
    }

    /// The worker has closed its end: it is over, or about to be.
    fn end(mut self) -> std::io::Result<ExitStatus> {
        drop(self.socket);
        self.child.wait()
    }
}

impl Executor {
    /// At the end of its socket a worker ends by itself.
    fn end_worker(&mut self) {
        if let Some(worker) = self.worker.take() {
            let _ = worker.end();
        }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.end_worker();
    }
}

/// What is left of a run whose worker crashed: a failure, at the signal.
fn crash_report(status: ExitStatus) -> RunReport {
    let signal = match (status.signal(), status.code()) {
        (Some(signal), _) => signal,
        (None, Some(code)) if code > CRASHED => code - CRASHED,
        _ => panic!("a worker process failed: {status}"),
    };
    let (site, message) = match CRASHED + signal {
        OVERFLOW => (
            "stack overflow",
            "a simulated thread ran out of stack (2 MiB): an endless recursion, or a very large array",
        ),
        _ => (crash::signal_name(signal), "the program crashed the process that it ran in"),
    };
    RunReport::lost(failure(crash::ORACLE, site, format!("{message} ({site})")))
}

fn failure(oracle: Oracle, site: &str, message: String) -> Failure {
    Failure { oracle, site: site.to_owned(), thread: String::new(), message, time: 0, event: 0 }
}
