//! What is written about a run that ends in a way that nothing in it can catch: an abort, a stack overflow, or a thread that
//! computes without end, which the watchdog asks where it is. The signals are the stack's; which runs there are is the runner's.

use super::jobs;
use crate::stack::fatal;
use std::backtrace::Backtrace;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// How long an answer may take: the thread may have been interrupted while it held a lock that answering needs.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

static ANSWERED: AtomicBool = AtomicBool::new(false);

/// From now on a crash names the runs in progress.
pub(super) fn install() {
    fatal::on_crash(|write| jobs::each_line(write));
}

/// Has an OS thread that runs a world write where it is, and waits for it.
pub(super) fn write_position(os_thread: u64) {
    if os_thread == 0 {
        return;
    }
    fatal::interrupt(os_thread, answer);
    let asked = Instant::now();
    while !ANSWERED.load(SeqCst) && asked.elapsed() < ANSWER_WITHIN {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Not async-signal-safe: it allocates. The process is about to end, and whoever asked does not wait for ever.
fn answer() {
    let place = match fatal::running_thread() {
        Some((number, name)) if name.is_empty() => format!("simulated thread {number}"),
        Some((number, name)) => format!("simulated thread {number}, {name}"),
        None => "the scenario's own function, outside of all simulated threads".to_owned(),
    };
    let frames = program_frames(&Backtrace::force_capture().to_string());
    fatal::write(format!("  in {place}\n{frames}").as_bytes());
    ANSWERED.store(true, SeqCst);
}

/// The frames between the signal handler and the beginning of the simulated thread.
fn program_frames(backtrace: &str) -> String {
    let lines: Vec<&str> = backtrace.lines().collect();
    let is_frame =
        |line: &&str| line.trim_start().split(':').next().is_some_and(|n| n.parse::<u32>().is_ok());
    let handler = lines.iter().position(|line| line.contains("on_interrupt")).unwrap_or(0);
    let first = (handler + 1..lines.len()).find(|&at| is_frame(&lines[at])).unwrap_or(0);
    let ends = |line: &&&str| line.contains("corosensei") || line.contains("catch_unwind");
    let count = lines[first..].iter().take_while(|line| !ends(line)).count();
    lines[first..first + count].iter().map(|line| format!("  {line}\n")).collect()
}
