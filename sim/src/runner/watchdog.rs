//! Stops a run that makes no call: `loop {}` in a simulated program never comes back to the kernel, so that no
//! oracle sees it and virtual time stands still. One thread looks at every job's heartbeat, by the wall clock. A sweep ends with the
//! failure of that run, and reports all that came before; where there is no sweep, the process ends as one whose run has failed.

use super::{crash_report, jobs};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::exit;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a run may go on without a call. `EAGAIN_WATCHDOG` sets it in seconds; 0 turns the watchdog off, for a debugger.
pub const LIMIT: Duration = Duration::from_secs(10);
/// The variable.
pub const VARIABLE: &str = "EAGAIN_WATCHDOG";

/// How long, as the environment of this process says; [`LIMIT`] where it says something else than a number.
pub fn limit() -> Duration {
    read(|name| std::env::var(name).ok()).unwrap_or(LIMIT)
}

/// How long, as `variable` says. The error is a line for people.
pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Duration, String> {
    let Some(text) = variable(VARIABLE).filter(|text| !text.is_empty()) else { return Ok(LIMIT) };
    let wrong = |_| format!("{VARIABLE}: invalid number `{text}`: expected seconds");
    text.parse().map(Duration::from_secs).map_err(wrong)
}

static STARTED: OnceLock<()> = OnceLock::new();

/// Starts the watchdog, once for the process.
pub fn start() {
    let limit = limit();
    if limit.is_zero() || STARTED.set(()).is_err() {
        return;
    }
    let watch = move || {
        let mut stuck = Stuck::new(limit);
        loop {
            std::thread::sleep((limit / 20).clamp(Duration::from_millis(5), Duration::from_millis(250)));
            let mut jobs = jobs::progress();
            jobs.retain(|(index, _)| !jobs::hangs(*index));
            if let Some(index) = stuck.look(&jobs, Instant::now()) {
                report(index, limit);
            }
        }
    };
    // Without the thread there is no watchdog, and runs are none the worse for it.
    let _ = std::thread::Builder::new().name("watchdog".to_owned()).spawn(watch);
}

/// What is said of a run that makes no call.
pub(super) fn message() -> String {
    let limit = limit().as_secs();
    format!(
        "no simulated call for {limit} s: a thread computes without end, or is blocked outside the simulator"
    )
}

fn report(index: usize, limit: Duration) {
    // Not locked: the thread that hangs writes next.
    let _ = writeln!(
        std::io::stderr(),
        "watchdog: a run made no simulated call for {} s: a busy loop, or blocked outside the simulator\n{}",
        limit.as_secs(),
        jobs::line(index).trim_end()
    );
    crash_report::write_position(jobs::os_thread(index));
    if !jobs::report_hang(index) {
        // The thread that hangs cannot be unwound: the process is the smallest thing that can be ended. The seed has failed.
        exit(1)
    }
}

/// What was last seen of each job, and since when it is so.
struct Stuck {
    limit: Duration,
    seen: BTreeMap<usize, ((u64, u64), Instant)>,
}

impl Stuck {
    fn new(limit: Duration) -> Stuck {
        Stuck { limit, seen: BTreeMap::new() }
    }

    /// The first job that stood still for the whole limit.
    fn look(&mut self, progress: &[(usize, (u64, u64))], now: Instant) -> Option<usize> {
        self.seen.retain(|index, _| progress.iter().any(|(other, _)| other == index));
        for &(index, beats) in progress {
            let (last, since) = self.seen.entry(index).or_insert((beats, now));
            if *last != beats {
                (*last, *since) = (beats, now);
            } else if now.duration_since(*since) >= self.limit {
                return Some(index);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_job_that_stands_still_for_the_whole_limit_is_stuck() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut stuck = Stuck::new(Duration::from_secs(10));
        assert_eq!(stuck.look(&[(0, (1, 1)), (1, (1, 1))], at(0)), None);
        assert_eq!(stuck.look(&[(0, (1, 1)), (1, (1, 2))], at(9)), None);
        assert_eq!(stuck.look(&[(1, (1, 2))], at(10)), None, "job 0 ended in time");
        assert_eq!(stuck.look(&[(0, (3, 1)), (1, (1, 2))], at(18)), None);
        assert_eq!(stuck.look(&[(0, (3, 1)), (1, (1, 2))], at(19)), Some(1));
    }
}
