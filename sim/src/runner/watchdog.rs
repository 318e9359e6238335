//! Stops a run that makes no call: `loop {}` in a simulated program never comes back to the kernel, so that no
//! oracle sees it and virtual time stands still. One thread looks at every job's heartbeat. A thread that computes must have had the
//! processor for so long, since on a busy machine it may wait for one; for a thread that sleeps the wall clock counts. A sweep ends
//! with the failure of that run, and reports all that came before; where there is no sweep, the process ends as one whose run has
//! failed.

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
            let states = |index| jobs::thread_id(index).and_then(OsThread::look);
            if let Some(index) = stuck.look(&jobs, Instant::now(), states) {
                report(index, limit);
            }
        }
    };
    // Without the thread there is no watchdog, and runs are none the worse for it.
    let _ = std::thread::Builder::new().name("watchdog".to_owned()).spawn(watch);
}

/// What is said of a run that makes no call.
pub(super) fn message() -> String {
    format!("no simulated call for {}", how_long(limit()))
}

/// How long, by which clock, and what it may be.
fn how_long(limit: Duration) -> String {
    let limit = limit.as_secs();
    format!("{limit} s (of processor time, where it computes): a busy loop, or blocked outside the simulator")
}

fn report(index: usize, limit: Duration) {
    // Not locked: the thread that hangs writes next.
    let _ = writeln!(
        std::io::stderr(),
        "watchdog: a run made no simulated call for {}\n{}",
        how_long(limit),
        jobs::line(index).trim_end()
    );
    crash_report::write_position(jobs::os_thread(index));
    if !jobs::report_hang(index) {
        // The thread that hangs cannot be unwound: the process is the smallest thing that can be ended. The seed has failed.
        exit(1)
    }
}

/// What Linux says of an OS thread (`proc_pid_stat(5)`).
#[derive(Clone, Copy)]
struct OsThread {
    /// It computes, or would if a processor were free.
    is_runnable: bool,
    /// How long it has computed, in all.
    computed: Duration,
}

impl OsThread {
    /// `None`: there is nothing that says so.
    fn look(id: u64) -> Option<OsThread> {
        OsThread::parse(&std::fs::read_to_string(format!("/proc/self/task/{id}/stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<OsThread> {
        // The name is in brackets, and may have blanks and brackets itself.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let is_runnable = fields.next()? == "R";
        // `utime` and `stime`, the 14th and the 15th, in units of USER_HZ: hundredths of a second on every machine.
        let mut ticks = fields.skip(10);
        let ticks = ticks.next()?.parse::<u64>().ok()? + ticks.next()?.parse::<u64>().ok()?;
        Some(OsThread { is_runnable, computed: Duration::from_millis(10 * ticks) })
    }
}

/// What was last seen of a job.
struct Standing {
    beats: (u64, u64),
    /// When, and how long its thread had computed then.
    at: Instant,
    computed: Option<Duration>,
    /// For how long it has stood still: slept, or computed.
    stood: Duration,
}

/// Which jobs stand still.
struct Stuck {
    limit: Duration,
    seen: BTreeMap<usize, Standing>,
}

impl Stuck {
    fn new(limit: Duration) -> Stuck {
        Stuck { limit, seen: BTreeMap::new() }
    }

    /// The first job that stood still for the whole limit.
    fn look(
        &mut self,
        progress: &[(usize, (u64, u64))],
        now: Instant,
        thread: impl Fn(usize) -> Option<OsThread>,
    ) -> Option<usize> {
        self.seen.retain(|index, _| progress.iter().any(|(other, _)| other == index));
        for &(index, beats) in progress {
            let fresh = || Standing { beats, at: now, computed: None, stood: Duration::ZERO };
            let last = self.seen.entry(index).or_insert_with(fresh);
            if last.beats != beats {
                *last = fresh();
                continue;
            }
            let thread = thread(index);
            last.stood += match (thread, last.computed) {
                // It may not have had a processor in between; what it computed before the first look counts little.
                (Some(thread), before) if thread.is_runnable => {
                    before.map_or(Duration::ZERO, |before| thread.computed.saturating_sub(before))
                }
                _ => now.duration_since(last.at),
            };
            (last.at, last.computed) = (now, thread.map(|thread| thread.computed));
            if last.stood >= self.limit {
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
        let asleep = |_| Some(OsThread { is_runnable: false, computed: Duration::ZERO });
        let mut stuck = Stuck::new(Duration::from_secs(10));
        assert_eq!(stuck.look(&[(0, (1, 1)), (1, (1, 1))], at(0), asleep), None);
        assert_eq!(stuck.look(&[(0, (1, 1)), (1, (1, 2))], at(9), asleep), None);
        assert_eq!(stuck.look(&[(1, (1, 2))], at(10), asleep), None, "job 0 ended in time");
        assert_eq!(stuck.look(&[(0, (3, 1)), (1, (1, 2))], at(18), asleep), None);
        assert_eq!(stuck.look(&[(0, (3, 1)), (1, (1, 2))], at(19), |_| None), Some(1), "nothing says more");
    }

    #[test]
    fn a_job_that_waits_for_a_processor_does_not_stand_still() {
        let start = Instant::now();
        let mut stuck = Stuck::new(Duration::from_secs(10));
        let mut look = |seconds, computed| {
            let thread = OsThread { is_runnable: true, computed: Duration::from_secs(computed) };
            stuck.look(&[(0, (1, 1))], start + Duration::from_secs(seconds), |_| Some(thread))
        };
        assert_eq!(look(0, 50), None);
        assert_eq!(look(1, 50), None);
        assert_eq!(look(100, 53), None, "it had the processor for 3 s");
        assert_eq!(look(200, 59), None, "and for 6 more");
        assert_eq!(look(300, 60), Some(0));
    }

    #[test]
    fn the_line_of_a_thread_is_read_whatever_its_name() {
        let line = "77 (a) R 1 (b) S 1 77 77 0 -1 64 9 0 0 0 250 50 0 0 20 0 1 0 8 9 1";
        let thread = OsThread::parse(line).unwrap();
        assert!(!thread.is_runnable);
        assert_eq!(thread.computed, Duration::from_secs(3));
        assert!(OsThread::parse("77 (a) R 1").is_none());
        assert!(OsThread::parse("").is_none());
    }
}
