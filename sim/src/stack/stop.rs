//! A stop for a debugger: at the event that `run --stop-at` names, the stacks of all simulated threads are written, and, where the
//! process is traced, it gets SIGTRAP, on the stack of the thread that makes the event.
//!
//! A thread that waits leaves what its stack looks like behind when it is suspended, as long as a stop lies ahead. Nothing of this
//! reaches the run.

use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of the event; 0: none.
static AT: AtomicU64 = AtomicU64::new(0);
/// The stacks of the threads that are suspended, by index.
static SUSPENDED: Mutex<BTreeMap<u32, Backtrace>> = Mutex::new(BTreeMap::new());

/// The next run of this process stops at the event of this number, the first one where several threads run worlds.
#[cfg(feature = "cli")]
pub fn stop_at(event: u64) {
    suspended().clear();
    AT.store(event, Relaxed);
}

/// Nothing stops any more; whether the event had come.
#[cfg(feature = "cli")]
pub fn stops_no_more() -> bool {
    AT.swap(0, Relaxed) == 0
}

/// Whether somebody traces this process, a debugger as a rule.
pub fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|process| process.trim() != "0")
}

/// Whether a stop lies ahead.
#[inline]
pub(crate) fn is_ahead() -> bool {
    AT.load(Relaxed) != 0
}

/// `thread` is about to be suspended.
#[cold]
pub(super) fn suspends(thread: u32) {
    suspended().insert(thread, Backtrace::force_capture());
}

/// The event of this number happened, and `thread` made it, or nobody; `names` are those of all threads by index, of which the
/// `ended` are no more.
#[cold]
pub(crate) fn reached(event: u64, thread: u32, names: &[String], ended: impl Fn(u32) -> bool) {
    if AT.compare_exchange(event, 0, Relaxed, Relaxed).is_err() {
        return;
    }
    let mut text = format!("\nstacks at event #{event}\n");
    let mut stacks = std::mem::take(&mut *suspended());
    stacks.retain(|thread, _| !ended(*thread));
    if (thread as usize) < names.len() {
        stacks.insert(thread, Backtrace::force_capture());
    }
    for (index, stack) in &stacks {
        let makes_it = if *index == thread { ", which makes this event" } else { "" };
        let name = names.get(*index as usize).map_or("-", String::as_str);
        text.push_str(&format!("\n{name}{makes_it}\n{}", of_program(&stack.to_string())));
    }
    eprintln!("{text}");
    if is_traced() {
        trap();
    }
}

fn suspended() -> MutexGuard<'static, BTreeMap<u32, Backtrace>> {
    SUSPENDED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The frames of a program on a stack: without those of the simulator and of std, and of whoever runs the thread.
fn of_program(stack: &str) -> String {
    const OTHERS: [&str; 5] = ["std::", "core::", "alloc::", "eagain_sim::", "eagain_net::"];
    let here = std::env::current_dir().unwrap_or_default();
    let mut text = String::new();
    let mut frames = stack.lines().peekable();
    while let Some(line) = frames.next() {
        let Some((_, function)) = line.split_once(": ") else { continue };
        let place = frames.next_if(|line| line.trim_start().starts_with("at ")).map_or("", str::trim_start);
        if function.contains("corosensei") || place.contains("/corosensei-") {
            // Below is the engine.
            break;
        }
        // Those of an inlined function have no path, but a file.
        let file = here.join(place.trim_start_matches("at ").trim_start_matches("./"));
        let is_others = OTHERS.iter().any(|other| function.trim_start_matches(['<', '&']).starts_with(other))
            || file.starts_with("/rustc")
            || file.starts_with(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
        if !is_others {
            text.push_str(&format!("    {function}\n"));
            if !place.is_empty() {
                text.push_str(&format!("        {place}\n"));
            }
        }
    }
    text
}

#[cfg(unix)]
fn trap() {
    // SAFETY: raise(3) has no preconditions.
    unsafe { libc::raise(libc::SIGTRAP) };
}

#[cfg(not(unix))]
fn trap() {}
