//! What happens when a simulated thread runs out of stack: a line that names it and the run, instead of a bare SIGSEGV.
//!
//! The guard pages below each stack turn the overflow into a fault; the handler looks whether the address lies in those
//! of the stack that runs, says so with async-signal-safe calls only, and ends the process with status 4. Any other
//! fault is left to whoever handled it before. Where there is no sigaction(2), an overflow is a bare fault.

#[cfg(unix)]
pub(crate) use unix::{install, watch};
#[cfg(unix)]
pub(super) use unix::{running, say, say_number};

#[cfg(not(unix))]
pub(crate) fn install() {}

#[cfg(not(unix))]
pub(crate) fn watch(_thread: usize, _limit: usize) {}

#[cfg(unix)]
mod unix {
    use crate::runner::jobs;
    use std::cell::Cell;
    use std::mem::MaybeUninit;
    use std::sync::Once;
    use std::sync::atomic::{AtomicPtr, Ordering::SeqCst};

    thread_local! {
        /// The simulated thread that runs on this OS thread, and the lowest address of its stack, guard pages included.
        static RUNNING: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
    }

    /// Room for the guard pages: corosensei makes one page, and pages are 64 KiB at most on the machines it runs on.
    const GUARD_MAX: usize = 64 * 1024;

    /// What handled SIGSEGV before; leaked, since it is needed as long as the process lives.
    static PREVIOUS: AtomicPtr<libc::sigaction> = AtomicPtr::new(std::ptr::null_mut());

    /// Notes which simulated thread runs on this OS thread, and where its stack ends.
    #[inline]
    pub(crate) fn watch(thread: usize, limit: usize) {
        RUNNING.set((thread, limit));
    }

    /// The simulated thread that runs on this OS thread.
    pub(in crate::stack) fn running() -> usize {
        RUNNING.get().0
    }

    /// Installs the handler, once a process. It runs on the alternate signal stack that std gives its threads.
    pub(crate) fn install() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            let mut old = MaybeUninit::<libc::sigaction>::zeroed();
            // SAFETY: all-zero is a valid sigaction (SIG_DFL, empty mask); the handler has the type that SA_SIGINFO asks
            // for; `old` is written by the call that succeeds, and only then read.
            unsafe {
                let mut new: libc::sigaction = MaybeUninit::zeroed().assume_init();
                new.sa_sigaction = on_fault as *const () as usize;
                new.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                if libc::sigaction(libc::SIGSEGV, &new, old.as_mut_ptr()) == 0 {
                    PREVIOUS.store(Box::into_raw(Box::new(old.assume_init())), SeqCst);
                }
            }
        });
    }

    extern "C" fn on_fault(signal: libc::c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
        // SAFETY: the kernel hands a valid siginfo to a handler with SA_SIGINFO; for SIGSEGV it has an address.
        let address = unsafe { (*info).si_addr() } as usize;
        let (thread, limit) = RUNNING.get();
        if limit != 0 && (limit..limit + GUARD_MAX).contains(&address) {
            say(b"eagain: simulated thread ");
            say_number(thread);
            say(
                b" ran out of stack (256 KiB): a recursion without end, or a very large array on the stack\n",
            );
            jobs::each_line(say);
            // SAFETY: async-signal-safe; the process cannot go on, its stack is used up.
            unsafe { libc::_exit(4) };
        }
        let previous = PREVIOUS.load(SeqCst);
        if !previous.is_null() {
            // SAFETY: it points to the leaked, initialised action of before. Returning repeats the faulting
            // instruction, which then meets that action.
            unsafe { libc::sigaction(signal, previous, std::ptr::null_mut()) };
        }
    }

    pub(in crate::stack) fn say(text: &[u8]) {
        // SAFETY: write(2) is async-signal-safe, and `text` is valid for its length. Nothing can be done about an error.
        let _ = unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
    }

    pub(in crate::stack) fn say_number(mut number: usize) {
        let mut digits = [0; 20];
        let mut first = digits.len();
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        say(&digits[first..]);
    }
}
