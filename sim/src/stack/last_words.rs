//! What is said when a run ends in a way that nothing in it can catch: an abort (of a simulated program, or by a panic while
//! another unwinds), and a thread that computes without end, which the watchdog asks where it is. Where there are no
//! POSIX signals, nothing is said.

#[cfg(unix)]
pub(crate) use unix::{install, os_thread, tell_where};

#[cfg(not(unix))]
pub(crate) fn install() {}

#[cfg(not(unix))]
pub(crate) fn os_thread() -> u64 {
    0
}

#[cfg(not(unix))]
pub(crate) fn tell_where(_os_thread: u64) {}

#[cfg(unix)]
mod unix {
    use crate::runner::jobs;
    use crate::stack::overflow::{running, say, say_number};
    use crate::stack::{inside, with};
    use std::backtrace::Backtrace;
    use std::mem::MaybeUninit;
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::time::{Duration, Instant};

    /// The signal by which a thread is asked where it is. Simulated signals are data: this one is free.
    const ASKED: libc::c_int = libc::SIGUSR2;
    /// How long an answer may take: the thread may have been stopped while it held a lock that answering needs.
    const ANSWER_WITHIN: Duration = Duration::from_secs(5);

    static ANSWERED: AtomicBool = AtomicBool::new(false);

    /// Installs the handler of an abort, once a process.
    pub(crate) fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| handle(libc::SIGABRT, on_abort as *const () as usize));
    }

    /// The name of the calling OS thread, for [`tell_where`].
    pub(crate) fn os_thread() -> u64 {
        // SAFETY: has no preconditions.
        (unsafe { libc::pthread_self() }) as u64
    }

    /// Has an OS thread that runs a world say where it is, and waits for it.
    #[expect(clippy::disallowed_methods, reason = "the process ends right after: no run sees this clock")]
    pub(crate) fn tell_where(os_thread: u64) {
        if os_thread == 0 {
            return;
        }
        handle(ASKED, on_asked as *const () as usize);
        // SAFETY: the thread is that of a job which is still registered, and a job lives on its thread.
        unsafe { libc::pthread_kill(os_thread as libc::pthread_t, ASKED) };
        let asked = Instant::now();
        while !ANSWERED.load(SeqCst) && asked.elapsed() < ANSWER_WITHIN {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn handle(signal: libc::c_int, handler: usize) {
        // SAFETY: all-zero is a valid sigaction; the handlers take the one argument that a handler without SA_SIGINFO gets.
        unsafe {
            let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
            action.sa_sigaction = handler;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }

    extern "C" fn on_abort(_: libc::c_int) {
        say(b"eagain: the process aborts\n");
        jobs::each_line(say);
        // SAFETY: async-signal-safe. An abort inside a run is a failure of the harness: status 4.
        unsafe { libc::_exit(4) };
    }

    /// Not async-signal-safe: it allocates. The process is about to end, and whoever asked does not wait for ever.
    extern "C" fn on_asked(_: libc::c_int) {
        say(b"  in simulated thread ");
        say_number(running());
        if inside() {
            let name = with(|w| w.threads.get(w.current as usize).map(|thread| thread.name.to_string()));
            say(b", ");
            say(name.unwrap_or_default().as_bytes());
        }
        say(b"\n");
        say(program_frames(&Backtrace::force_capture().to_string()).as_bytes());
        ANSWERED.store(true, SeqCst);
    }

    /// The frames between this handler and the beginning of the simulated thread.
    fn program_frames(backtrace: &str) -> String {
        let lines: Vec<&str> = backtrace.lines().collect();
        let is_frame =
            |line: &&str| line.trim_start().split(':').next().is_some_and(|n| n.parse::<u32>().is_ok());
        let handler = lines.iter().position(|line| line.contains("on_asked")).unwrap_or(0);
        let first = (handler + 1..lines.len()).find(|&at| is_frame(&lines[at])).unwrap_or(0);
        let ends = |line: &&&str| line.contains("corosensei") || line.contains("catch_unwind");
        let count = lines[first..].iter().take_while(|line| !ends(line)).count();
        lines[first..first + count].iter().map(|line| format!("  {line}\n")).collect()
    }
}
