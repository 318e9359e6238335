//! How far a sweep is: a bar on a terminal, a plain line every ten seconds elsewhere. Both go to standard error.

use super::explore::Counters;
use super::samples::{Sample, Samples};
use crate::count::thousands;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Whether a bar is wanted: a terminal that moves its cursor.
pub fn wants_bar() -> bool {
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    std::io::stderr().is_terminal() && !dumb && std::env::var_os("CI").is_none()
}

/// Whether colours are wanted (`NO_COLOR`, see no-color.org).
fn wants_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Does `work` while the counters are shown; `total` where it is known.
pub fn shown<T>(counters: &Counters, total: Option<u64>, work: impl FnOnce() -> T) -> T {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let shower = scope.spawn(|| {
            let started = Instant::now();
            if wants_bar() {
                bar(counters, total, started, &ended)
            } else {
                lines(counters, total, started, &ended)
            }
            lock(counters).end(now(counters, started));
        });
        // Dropped on a panic too, so that the thread which shows ends and the scope with it.
        let guard = Ended(&ended);
        let result = work();
        drop(guard);
        shower.thread().unpark();
        result
    })
}

struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// How far it is now.
fn now(counters: &Counters, started: Instant) -> Sample {
    let seeds = counters.done.load(Ordering::Relaxed);
    let failures = counters.failed.load(Ordering::Relaxed);
    Sample { at: started.elapsed(), seeds, failures }
}

fn lock(counters: &Counters) -> MutexGuard<'_, Samples> {
    counters.samples.lock().unwrap_or_else(PoisonError::into_inner)
}

fn bar(counters: &Counters, total: Option<u64>, started: Instant, ended: &AtomicBool) {
    let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let template = match (total.is_some(), wants_colour()) {
        (true, true) => "{bar:30.green/dim} {pos}/{len} seeds, {rate}, {eta} left{msg:.red}",
        (true, false) => "{bar:30} {pos}/{len} seeds, {rate}, {eta} left{msg}",
        (false, true) => "{spinner:.green} {pos} seeds, {rate}, {elapsed}{msg:.red}",
        (false, false) => "{spinner} {pos} seeds, {rate}, {elapsed}{msg}",
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // Nothing can be done about a terminal that takes no text.
            let _ = write!(out, "{}/s", thousands(state.per_sec() as u64));
        };
        bar.set_style(style.with_key("rate", rate));
    }
    while !ended.load(Ordering::Acquire) {
        bar.set_position(counters.done.load(Ordering::Relaxed));
        let failed = match counters.failed.load(Ordering::Relaxed) {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        bar.set_message(failed + &slowest(counters));
        bar.tick();
        lock(counters).add(now(counters, started));
        std::thread::park_timeout(LOOK_EVERY);
    }
    bar.finish_and_clear();
}

fn lines(counters: &Counters, total: Option<u64>, started: Instant, ended: &AtomicBool) {
    let mut last = started;
    while !ended.load(Ordering::Acquire) {
        if last.elapsed() >= LINE_EVERY {
            last = Instant::now();
            let line = line(
                counters.done.load(Ordering::Relaxed),
                counters.failed.load(Ordering::Relaxed),
                total,
                started.elapsed(),
            );
            // Nobody may be reading any more.
            let _ = writeln!(std::io::stderr(), "{line}{}", slowest(counters));
        }
        lock(counters).add(now(counters, started));
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// The run that takes the longest, where that says why a sweep is slow.
fn slowest(counters: &Counters) -> String {
    let slowest = counters.slowest.lock().unwrap_or_else(PoisonError::into_inner);
    slowest.as_ref().map_or_else(String::new, |(time, run)| {
        format!(", {:.0} s the slowest run ({run})", time.as_secs_f64())
    })
}

fn line(done: u64, failed: u64, total: Option<u64>, elapsed: Duration) -> String {
    let rate = done as f64 / elapsed.as_secs_f64().max(1e-9);
    let mut line = match total {
        Some(total) => format!("{done}/{total} seeds"),
        None => format!("{done} seeds"),
    };
    line.push_str(&format!(", {} seeds/s, {failed} failed", thousands(rate.round() as u64)));
    if let Some(left) = total.and_then(|total| total.checked_sub(done)).filter(|_| rate > 0.0) {
        line.push_str(&format!(", {:.0} s left", left as f64 / rate));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_says_how_far_how_fast_and_how_long() {
        let after = Duration::from_secs(10);
        assert_eq!(line(500, 2, Some(1500), after), "500/1500 seeds, 50 seeds/s, 2 failed, 20 s left");
        assert_eq!(line(500, 0, None, after), "500 seeds, 50 seeds/s, 0 failed");
        assert_eq!(line(0, 0, Some(9), Duration::ZERO), "0/9 seeds, 0 seeds/s, 0 failed");
    }

    #[test]
    fn a_slow_run_is_named() {
        let counters = Counters::default();
        for (name, milliseconds) in [("fast", 999), ("slow", 12_400), ("less-slow", 11_000)] {
            counters.took(name, 10, Duration::from_millis(milliseconds));
            let said = slowest(&counters);
            assert_eq!(said.is_empty(), name == "fast", "{said}");
        }
        assert_eq!(slowest(&counters), ", 12 s the slowest run (slow --seed 0xa)");
    }

    #[test]
    fn what_is_shown_ends_with_the_work() {
        let counters = Counters::default();
        let work = || {
            counters.done.store(3, Ordering::Relaxed);
            7
        };
        assert_eq!(shown(&counters, Some(3), work), 7);
        assert_eq!(lock(&counters).all().last().map(|sample| sample.seeds), Some(3));
    }
}
