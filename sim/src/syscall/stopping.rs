//! Stop signals and `SIGCONT` (kernel/signal.c: `prepare_signal`, `do_signal_stop`). A process that is stopped runs nothing: its
//! threads leave what they wait in, and go on when it is continued, and so do the C library's for AIO and the kernel's for rings. Timers
//! and what arrives do not stop.

use super::aio;
use super::posix_timer;
use super::ring::work;
use crate::object::STOPS;
use crate::scheduler::Wake;
use crate::world::World;
use eagain_net::{SigSet, Signal};

/// A signal is about to be sent, to whomever and whether it is blocked or ignored: a stop signal and `SIGCONT` discard each
/// other, and `SIGCONT` continues.
pub(super) fn prepare(w: &mut World, process: u32, signal: Signal) {
    let discarded = match signal {
        Signal::SIGCONT => STOPS,
        signal if STOPS.contains(signal) => SigSet::EMPTY.with(Signal::SIGCONT),
        _ => return,
    };
    for signal in discarded.iter() {
        w.processes[process].signals.queue().discard(signal);
        for t in w.scheduler.iter_mut().filter(|t| t.process() == process) {
            t.signals.queue().discard(signal);
        }
        posix_timer::discarded(w, process, signal);
    }
    if signal == Signal::SIGCONT && w.processes[process].go_on() {
        let now = w.run.now();
        for thread in 0..w.scheduler.len() as u32 {
            if w.scheduler[thread].process() == process {
                w.scheduler.unpark(thread, now);
            }
        }
        aio::resume(w, process);
        work::resume(w, process);
    }
}

/// The process stops: whoever waits leaves its wait for it.
pub(super) fn stop(w: &mut World, process: u32) {
    w.processes[process].stop();
    (w.any_stopped, w.signals_sent) = (true, true);
    for thread in 0..w.scheduler.len() as u32 {
        let t = &mut w.scheduler[thread];
        if t.process() == process && t.is_waiting() {
            t.signals.set_stopped();
            w.wake(thread, Wake::Signal);
        }
    }
}
