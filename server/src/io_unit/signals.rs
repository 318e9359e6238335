//! Signals as events of the loop: the handler only sets a flag and wakes the loop, which does the rest.

use super::units::Units;
use crate::storage_unit::Storage;
use eagain_net::{Errno, Kernel, SigAction, Signal};
use std::sync::Arc;

/// What was there before, for [`restore`].
pub(super) type Dispositions = Vec<(Signal, SigAction)>;

/// SIGTERM and SIGINT ask for a graceful stop. `ring` ends the waiting of all loops; it must be async-signal-safe. SIGPIPE
/// is ignored: a write says `EPIPE` by itself.
pub(super) fn stop_on_signal<K: Kernel, S: Storage + 'static>(
    units: &Arc<Units<K, S>>,
    ring: impl Fn() + Clone + Send + Sync + 'static,
) -> Result<Dispositions, Errno> {
    let kernel = units.kernel;
    let mut before = vec![(Signal::SIGPIPE, kernel.sigaction(Signal::SIGPIPE, SigAction::ignore())?)];
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let (units, ring) = (units.clone(), ring.clone());
        let stop = SigAction::handler(true, move |_| {
            units.stop();
            ring();
        });
        before.push((signal, kernel.sigaction(signal, stop)?));
    }
    Ok(before)
}

/// Ends a call that waits, and does nothing else; what it does by default is nothing at all (`signal(7)`).
pub(super) const ENDS_CALLS: Signal = Signal::SIGURG;

/// From now on, and until [`restore`], [`ENDS_CALLS`] ends the call of the thread that it is sent to.
pub(super) fn end_calls<K: Kernel>(kernel: K) -> Result<(Signal, SigAction), Errno> {
    Ok((ENDS_CALLS, kernel.sigaction(ENDS_CALLS, SigAction::handler(false, |_| {}))?))
}

/// A second signal, after the loops' end, does what it did before.
pub(super) fn restore<K: Kernel>(kernel: K, before: Dispositions) -> Result<(), Errno> {
    before.into_iter().try_for_each(|(signal, action)| kernel.sigaction(signal, action).map(drop))
}
