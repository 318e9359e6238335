//! The signals that end a process in the middle of a run: a stack overflow (SIGSEGV in a guard page) and an abort. The handler
//! says what happened, calls the hook of whoever knows which runs are in progress ([`on_crash`]), and ends the process with
//! status 4, by async-signal-safe calls only. And the signal that interrupts an OS thread which computes without end.
//!
//! Any other fault is left to whoever handled it before. Without sigaction(2) nothing is said.

#[cfg(unix)]
pub(super) use unix::running_and_limit;
#[cfg(unix)]
pub(crate) use unix::{install, interrupt, os_thread, watch, write};

#[cfg(not(unix))]
pub(crate) fn install() {}

#[cfg(not(unix))]
pub(crate) fn watch(_thread: usize, _limit: usize) {}

#[cfg(not(unix))]
pub(super) fn running_and_limit() -> (usize, usize) {
    (0, 0)
}

#[cfg(not(unix))]
pub(crate) fn os_thread() -> u64 {
    0
}

#[cfg(not(unix))]
pub(crate) fn interrupt(_os_thread: u64, _handler: fn()) {}

#[cfg(not(unix))]
pub(crate) fn write(_text: &[u8]) {}

use std::sync::OnceLock;

/// Writes about the runs in progress. Called in a signal handler: no lock, no allocation.
type CrashHook = fn(write: fn(&[u8]));

static CRASH_HOOK: OnceLock<CrashHook> = OnceLock::new();

/// From now on a crash calls `hook`, which writes what it knows. The first hook stays.
pub(crate) fn on_crash(hook: CrashHook) {
    let _ = CRASH_HOOK.set(hook);
}

#[cfg(unix)]
mod unix {
    use super::CRASH_HOOK;
    use std::cell::Cell;
    use std::mem::MaybeUninit;
    use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};
    use std::sync::{Once, OnceLock};

    thread_local! {
        /// The simulated thread that runs on this OS thread, and the lowest address of its stack, guard pages included.
        static RUNNING: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    }

    /// Room for the guard pages: corosensei makes one page, and pages are 64 KiB at most on the machines it runs on.
    const GUARD_MAX: usize = 64 * 1024;

    /// Interrupts an OS thread. Simulated signals are data: this one is free.
    const INTERRUPT: libc::c_int = libc::SIGUSR2;

    /// What handled SIGSEGV before; leaked, since it is needed as long as the process lives.
    static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(std::ptr::null_mut());

    static INTERRUPT_HANDLER: OnceLock<fn()> = OnceLock::new();

    /// Notes which simulated thread runs on this OS thread, and where its stack ends.
    #[inline]
    pub(crate) fn watch(thread: usize, limit: usize) {
        RUNNING.set((thread, limit));
    }

    /// The simulated thread that runs on this OS thread.
    pub(in crate::stack) fn running() -> usize {
        RUNNING.get().0
    }

    /// That, and the lowest address of its stack, guard pages included.
    pub(in crate::stack) fn running_and_limit() -> (usize, usize) {
        RUNNING.get()
    }

    /// Installs the handlers, once a process. That of an overflow runs on the alternate signal stack that std gives its threads.
    pub(crate) fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            if let Some(old) = handle(libc::SIGSEGV, on_fault as *const () as usize, flags) {
                PREVIOUS.store(Box::into_raw(Box::new(old)), SeqCst);
            }
            handle(libc::SIGABRT, on_abort as *const () as usize, 0);
        });
    }

    /// The calling OS thread, for [`interrupt`].
    pub(crate) fn os_thread() -> u64 {
        // SAFETY: has no preconditions.
        (unsafe { libc::pthread_self() }) as u64
    }

    /// Has an OS thread that runs a world call `handler` where it is now. The first handler stays.
    pub(crate) fn interrupt(os_thread: u64, handler: fn()) {
        let _ = INTERRUPT_HANDLER.set(handler);
        handle(INTERRUPT, on_interrupt as *const () as usize, 0);
        // SAFETY: the thread is that of a job which is still registered, and a job lives on its thread.
        unsafe { libc::pthread_kill(os_thread as libc::pthread_t, INTERRUPT) };
    }

    /// Installs a handler; what handled the signal before.
    fn handle(signal: libc::c_int, handler: usize, flags: libc::c_int) -> Option<libc::sigaction> {
        let mut old = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: all-zero is a valid sigaction (SIG_DFL, empty mask); the callers pass handlers of the type that `flags` ask
        // for; `old` is valid all-zero, and written by the call that succeeds.
        unsafe {
            let mut new: libc::sigaction = MaybeUninit::zeroed().assume_init();
            new.sa_sigaction = handler;
            new.sa_flags = flags;
            (libc::sigaction(signal, &new, old.as_mut_ptr()) == 0).then(|| old.assume_init())
        }
    }

    extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel hands a valid siginfo to a handler with SA_SIGINFO; for SIGSEGV it has an address.
        let address = unsafe { (*info).si_addr() } as usize;
        let (thread, limit) = RUNNING.get();
        if limit != 0 && (limit..limit + GUARD_MAX).contains(&address) {
            write(b"eagain: simulated thread ");
            // It formats on the stack, and so is async-signal-safe.
            write(itoa::Buffer::new().format(thread).as_bytes());
            write(b" ran out of stack (2 MiB): an endless recursion, or a very large array on the stack\n");
            end();
        }
        let previous = PREVIOUS.load(SeqCst);
        if !previous.is_null() {
            // SAFETY: it points to the leaked, initialised action of before. Returning repeats the faulting
            // instruction, which then meets that action.
            unsafe { libc::sigaction(signal, previous, std::ptr::null_mut()) };
        }
    }

    extern "C" fn on_abort(_: libc::c_int) {
        write(b"eagain: the process aborts\n");
        end();
    }

    extern "C" fn on_interrupt(_: libc::c_int) {
        if let Some(handler) = INTERRUPT_HANDLER.get() {
            handler();
        }
    }

    /// The process cannot go on: a failure of the harness.
    fn end() -> ! {
        if let Some(hook) = CRASH_HOOK.get() {
            hook(write);
        }
        // SAFETY: async-signal-safe.
        unsafe { libc::_exit(4) }
    }

    /// Writes to standard error, also from a signal handler.
    pub(crate) fn write(text: &[u8]) {
        // SAFETY: write(2) is async-signal-safe, and `text` is valid for its length. Nothing can be done about an error.
        let _ = unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
    }
}

/// The simulated thread that runs on this OS thread: number and name. `None`: what runs is the scenario's own function, or the
/// harness.
pub(crate) fn running_thread() -> Option<(usize, String)> {
    #[cfg(unix)]
    let number = unix::running();
    #[cfg(not(unix))]
    let number = 0;
    super::inside().then(|| {
        let name =
            super::with(|w| w.scheduler.get(w.scheduler.current()).map(|thread| thread.name().to_string()));
        (number, name.unwrap_or_default())
    })
}
