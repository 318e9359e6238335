//! A stop for a debugger: at the event that `run --stop-at` or `replay --stop-at` names, the stacks of all simulated threads are kept, and,
//! where the process is traced, it gets SIGTRAP, on the stack of the thread that makes the event.
//!
//! A thread that waits leaves what its stack looks like behind when it is suspended, as long as a stop lies ahead. Nothing of this
//! reaches the run.

use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

/// A stop that lies ahead of a run, and what is known of stacks. They become text when the run is over: that needs symbols, and so
/// files of the machine. Not in statics, which an unmodified program has of its own.
pub(crate) struct Stop {
    /// The number of the event.
    at: u64,
    /// Whether the process was traced when the run began.
    traced: bool,
    /// Until the event has happened.
    ahead: bool,
    /// Of the threads that are suspended, and then of all, by index.
    stacks: BTreeMap<u32, Backtrace>,
    /// The thread that made the event.
    maker: u32,
}

impl Stop {
    /// At the event of this number.
    pub fn at(event: u64) -> Stop {
        Stop { at: event, traced: is_traced(), ahead: true, stacks: BTreeMap::new(), maker: u32::MAX }
    }

    /// Whether it lies ahead.
    pub fn is_ahead(&self) -> bool {
        self.ahead
    }

    /// `thread` is about to be suspended.
    #[cold]
    pub fn suspends(&mut self, thread: u32) {
        if self.ahead {
            self.stacks.insert(thread, Backtrace::force_capture());
        }
    }

    /// An event happened, and `thread` made it, or nobody. Threads that have `ended` have no stack.
    #[cold]
    pub fn passes(&mut self, event: u64, thread: u32, ended: impl Fn(u32) -> bool) {
        if !self.ahead || event != self.at {
            return;
        }
        self.ahead = false;
        self.stacks.retain(|thread, _| !ended(*thread));
        if thread != u32::MAX {
            self.stacks.insert(thread, Backtrace::force_capture());
            self.maker = thread;
        }
        if self.traced {
            trap();
        }
    }

    /// The stacks of all threads at the event, with these names by index; nothing where it has not come.
    pub fn text(&self, names: &[String]) -> String {
        if self.ahead {
            return String::new();
        }
        let mut text = format!("\nstacks at event #{}\n", self.at);
        for (index, stack) in &self.stacks {
            let makes_it = if *index == self.maker { ", which makes this event" } else { "" };
            let name = names.get(*index as usize).map_or("-", String::as_str);
            text.push_str(&format!("\n{name}{makes_it}\n{}", of_program(&stack.to_string())));
        }
        text + "\n"
    }
}

/// Whether somebody traces this process, a debugger as a rule.
pub fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    tracer.is_some_and(|process| process.trim() != "0")
}

/// The frames of a program on a stack: without those of the simulator and of std, and of whoever runs the thread.
fn of_program(stack: &str) -> String {
    const OTHERS: [&str; 3] = ["std::", "core::", "alloc::"];
    const OURS: [&str; 3] = ["net::", "sim::", "native::"];
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
        let path = function.trim_start_matches(['<', '&']);
        let ours =
            path.strip_prefix("eagain_").is_some_and(|rest| OURS.iter().any(|our| rest.starts_with(our)));
        let is_others = OTHERS.iter().any(|other| path.starts_with(other))
            || ours
            || function == "__rust_try"
            || file.starts_with("/rustc")
            || is_ours(&file);
        if !is_others {
            text.push_str(&format!("    {function}\n"));
            if !place.is_empty() {
                text.push_str(&format!("        {place}\n"));
            }
        }
    }
    text
}

/// Whether a source file is of one of this project's packages below the scenario: in its repository, or as they are published.
fn is_ours(file: &Path) -> bool {
    let Some(home) = Path::new(env!("CARGO_MANIFEST_DIR")).parent() else { return false };
    let Ok(below) = file.strip_prefix(home) else { return false };
    let mut folders = below.iter().filter_map(OsStr::to_str);
    let package = folders.next().unwrap_or_default();
    let package = package.strip_prefix("eagain-").unwrap_or(package);
    let ours = ["net", "sim", "native", "eagain"]
        .iter()
        .any(|name| package.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')));
    ours && folders.next() == Some("src")
}

/// An instruction, not raise(3), which is a simulated call in an unmodified program.
#[cfg(target_arch = "x86_64")]
fn trap() {
    // SAFETY: int3 changes no register and no memory; the debugger that it traps into goes on behind it.
    unsafe { std::arch::asm!("int3", options(nomem, nostack, preserves_flags)) };
}

#[cfg(all(unix, not(target_arch = "x86_64")))]
fn trap() {
    // SAFETY: raise(3) has no preconditions.
    unsafe { libc::raise(libc::SIGTRAP) };
}

#[cfg(not(unix))]
fn trap() {}
