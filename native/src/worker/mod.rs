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
use std::collections::VecDeque;
use std::io::{BufReader, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

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
const RUNS_MAX: usize = 10_000;

/// What a message to the parent begins with.
const BEAT: u8 = 0;
const REPORT: u8 = 1;
/// As [`REPORT`], and the worker ends.
const LAST_REPORT: u8 = 2;

/// How many bytes of reports a worker keeps until it is through with what it was sent.
const REPLIES_BYTES: usize = 64 << 10;

/// Makes an executor with a worker of its own.
pub fn make() -> Box<dyn Execute> {
    make_with(&[])
}

/// The same, with variables in the worker's environment.
pub(crate) fn make_with(variables: &'static [(&'static str, &'static str)]) -> Box<dyn Execute> {
    Box::new(Executor {
        worker: None,
        variables,
        executable: message::executable(),
        announced: VecDeque::new(),
        sent: VecDeque::new(),
        alone: 0,
        took: None,
        pace: TOGETHER,
        heartbeat: Arc::default(),
        stop: Arc::default(),
    })
}

/// Whether this process is a worker that is running a world.
pub fn is_worker() -> bool {
    crate::image::check().is_ok() && serve::is_serving()
}

/// So long may what is sent to a worker at once take. Each time costs two switches between processes, some 20 us.
const TOGETHER: Duration = Duration::from_millis(4);
/// And so many runs are that at most.
const TOGETHER_MAX: usize = 32;

struct Executor {
    worker: Option<Worker>,
    variables: &'static [(&'static str, &'static str)],
    /// Where the executable lies.
    executable: (usize, usize),
    /// Requests that were announced, and are not with the worker.
    announced: VecDeque<Vec<u8>>,
    /// Requests that the worker has not answered, the first of which it is at.
    sent: VecDeque<Vec<u8>>,
    /// So many runs are sent alone: with one of them a worker was lost, and nobody knows which.
    alone: usize,
    took: Option<Duration>,
    /// How long a run takes: the longest of late.
    pace: Duration,
    heartbeat: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
}

struct Worker {
    child: Child,
    socket: BufReader<UnixStream>,
    runs: usize,
}

impl Execute for Executor {
    fn run(&mut self, spec: &RunSpec) -> RunReport {
        self.ask(spec, None)
    }

    fn run_guided(&mut self, spec: &RunSpec, mix: &Mix) -> Option<RunReport> {
        Some(self.ask(spec, Some(mix)))
    }

    fn ahead(&self) -> usize {
        let runs = TOGETHER.as_nanos() / self.pace.as_nanos().max(1);
        usize::try_from(runs).unwrap_or(usize::MAX).clamp(1, TOGETHER_MAX)
    }

    fn announce(&mut self, spec: &RunSpec) {
        let request = self.request(spec, None);
        self.announced.push_back(request);
    }

    fn took(&self) -> Option<Duration> {
        self.took
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
    /// For a scenario of a library.
    fn request(&self, spec: &RunSpec, mix: Option<&Mix>) -> Vec<u8> {
        message::specification(spec, mix, self.executable).unwrap_or_else(|line| panic!("{line}"))
    }

    /// # Panics
    /// Where no worker can be started, or it failed by itself: a failure of the harness.
    fn ask(&mut self, spec: &RunSpec, mix: Option<&Mix>) -> RunReport {
        let request = self.request(spec, mix);
        // Nobody asks for these after all.
        while self.sent.front().is_some_and(|first| *first != request) {
            if self.answer().is_none() {
                self.sent.clear();
            }
        }
        if self.sent.is_empty() {
            while self.announced.pop_front().is_some_and(|first| first != request) {}
            self.sent.push_back(request);
            if self.alone == 0 {
                self.sent.append(&mut self.announced);
            }
            self.alone = self.alone.saturating_sub(1);
            self.send();
        }
        loop {
            match self.answer() {
                Some(report) => return report,
                None => self.send(),
            }
        }
    }

    /// Sends to a worker what it has to answer. Where it is gone, it does not answer.
    fn send(&mut self) {
        if self.worker.as_ref().is_some_and(|worker| worker.runs + self.sent.len() > RUNS_MAX) {
            self.end_worker();
        }
        let worker = self.worker.get_or_insert_with(|| {
            Worker::start(self.variables)
                .unwrap_or_else(|error| panic!("cannot start a worker process: {error}"))
        });
        self.heartbeat.fetch_add(1, Ordering::Relaxed);
        worker.send(&self.sent);
    }

    /// The report of the first run that the worker was sent. `None`: the worker is lost, and nobody knows with which of several; the
    /// first has to be sent again.
    fn answer(&mut self) -> Option<RunReport> {
        let worker = self.worker.as_mut()?;
        if let Ok(Answer { report, took, is_last }) = worker.answer(&self.heartbeat, &self.stop) {
            self.sent.pop_front();
            self.took = Some(took);
            self.pace = took.max(self.pace * 3 / 4);
            if is_last {
                self.end_worker();
                self.take_back(0);
            }
            return Some(report);
        }
        let mut worker = self.worker.take()?;
        if self.stop.load(Ordering::Relaxed) {
            let _ = worker.child.kill();
            let _ = worker.end();
            self.sent.clear();
            return Some(RunReport::lost(failure(INTERRUPTED.into(), "", String::new())));
        }
        let status = worker.end().unwrap_or_else(|error| panic!("a worker process is lost: {error}"));
        // Who sees itself crash has answered all that it can.
        if self.sent.len() > 1 && status.code().is_none_or(|code| code <= CRASHED) {
            self.alone = self.sent.len() - 1;
            self.take_back(1);
            return None;
        }
        self.sent.pop_front();
        self.take_back(0);
        Some(crash_report(status))
    }

    /// The worker is gone: what it has not answered is to be sent to the next, but for the first `but`.
    fn take_back(&mut self, but: usize) {
        for request in self.sent.drain(but..).rev() {
            self.announced.push_front(request);
        }
    }

    /// At the end of its socket a worker ends by itself.
    fn end_worker(&mut self) {
        if let Some(worker) = self.worker.take() {
            let _ = worker.end();
        }
    }
}

/// What a worker says of a run.
struct Answer {
    report: RunReport,
    took: Duration,
    /// It ends with this.
    is_last: bool,
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
        Ok(Worker { child, socket: BufReader::with_capacity(REPLIES_BYTES, socket), runs: 0 })
    }

    fn send(&mut self, requests: &VecDeque<Vec<u8>>) {
        self.runs += requests.len();
        let length: usize = requests.iter().map(Vec::len).sum();
        let mut message = (length as u64).to_le_bytes().to_vec();
        requests.iter().for_each(|request| message.extend_from_slice(request));
        let _ = self.socket.get_mut().write_all(&message);
    }

    fn answer(&mut self, heartbeat: &AtomicU64, stop: &AtomicBool) -> std::io::Result<Answer> {
        let kind = loop {
            let mut kind = [0];
            self.socket.read_exact(&mut kind)?;
            if kind[0] != BEAT {
                break kind[0];
            }
            heartbeat.fetch_add(1, Ordering::Relaxed);
            if stop.load(Ordering::Relaxed) {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
        };
        let [took, length] = [self.number()?, self.number()?];
        let mut body = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.socket.read_exact(&mut body)?;
        let report = message::read_report(&body).ok_or_else(|| {
            std::io::Error::new(std::io::ErrorKind::InvalidData, "a report that cannot be read")
        })?;
        Ok(Answer { report, took: Duration::from_nanos(took), is_last: kind == LAST_REPORT })
    }

    fn number(&mut self) -> std::io::Result<u64> {
        let mut number = [0; 8];
        self.socket.read_exact(&mut number)?;
        Ok(u64::from_le_bytes(number))
    }

    /// The worker has closed its end: it is over, or about to be.
    fn end(mut self) -> std::io::Result<ExitStatus> {
        drop(self.socket);
        self.child.wait()
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
