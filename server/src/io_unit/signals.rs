//! Signals as events of the loop: the handler only sets a flag and rings, and the loop does the rest in its own time.

use super::units::Units;
use crate::storage_unit::Storage;
use eagain_net::{Errno, Kernel, SigAction, Signal};
use std::sync::Arc;

/// SIGTERM and SIGINT ask for a graceful stop. `ring` ends the loop's wait; it must be async-signal-safe. SIGPIPE is
/// ignored: a write says `EPIPE` by itself.
pub(super) fn stop_on_signal<K: Kernel, S: Storage + 'static>(
    units: &Arc<Units<K, S>>,
    ring: impl Fn() + Clone + Send + Sync + 'static,
) -> Result<(), Errno> {
    units.kernel.sigaction(Signal::SIGPIPE, SigAction::ignore())?;
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (units, ring) = (units.clone(), ring.clone());
        units.clone().kernel.sigaction(
            signal,
            SigAction::handler(true, move |_| {
                units.stop();
                ring();
            }),
        )?;
    }
    Ok(())
}
