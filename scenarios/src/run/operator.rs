//! Who stops a server by a signal.

use eagain_net::{Signal, Signals, now, sleep};
use eagain_sim::{HostId, Sim, SimKernel, choose, fail};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// Sends a signal to a server, which must still be there (O16).
pub(super) fn send(k: SimKernel, pid: &AtomicI32, signal: Signal) {
    if let Err(errno) = k.kill(pid.load(SeqCst), signal) {
        fail("O16", "server gone", format!("it had ended before it was asked to: {errno}"));
    }
}

/// A process of a server on `host`, and what happens to it.
pub(crate) struct Stop {
    pub host: HostId,
    pub pid: Arc<AtomicI32>,
    /// When it did not run any more.
    pub at: Arc<AtomicU64>,
    /// For how long it does not run.
    pub after: Duration,
}

/// An operator who, once `begun`, stops the process (SIGSTOP), notes when, sends SIGTERM after so long, and has it go on. `stopping` is
/// called before SIGTERM.
pub(crate) fn stop_while_stopped(
    sim: &mut Sim,
    stop: Stop,
    begun: impl Fn() -> bool + Send + 'static,
    stopping: impl FnOnce() + Send + 'static,
) {
    let Stop { host, pid, at, after } = stop;
    sim.client(host, "operator", move |k| {
        while !begun() {
            sleep(k, Duration::from_millis(1));
        }
        sleep(k, Duration::from_micros(choose("patience", 100, 5_000)));
        send(k, &pid, Signal::SIGSTOP);
        at.store(now(k).0, SeqCst);
        sleep(k, after);
        stopping();
        send(k, &pid, Signal::SIGTERM);
        send(k, &pid, Signal::SIGCONT);
    });
}
