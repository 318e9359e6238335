//! Ctrl-C (and SIGTERM, which is how a CI system cancels): the first ends the sweep and the runs that are under way, with the
//! summary of what was done; the second ends the process.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A flag that the first interruption sets. Where it cannot be had, an interruption ends the process at once, as ever.
pub fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // In this order: the one that kills looks at the flag before the other sets it.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&flag));
        let _ = signal_hook::flag::register(signal, Arc::clone(&flag));
    }
    flag
}
