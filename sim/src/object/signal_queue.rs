//! Pending signals: a standard one at most once, real-time ones queued with their values (`signal(7)`).

use eagain_net::{SigCode, SigInfo, SigSet, Signal};
use std::collections::VecDeque;

/// The pending signals of a thread or of a process.
#[derive(Default)]
pub(crate) struct SignalQueue {
    set: SigSet,
    queue: VecDeque<SigInfo>,
}

impl SignalQueue {
    /// Adds one. A standard signal that is pending already is lost (`legacy_queue`), unless a timer sends it: `false`.
    #[must_use]
    pub fn push(&mut self, info: SigInfo) -> bool {
        if !info.signal.is_realtime() && info.code != SigCode::Timer && self.set.contains(info.signal) {
            return false;
        }
        self.set = self.set.with(info.signal);
        self.queue.push_back(info);
        true
    }

    /// It pends without a place in the queue, and what was said with it is lost (`TRACE_SIGNAL_LOSE_INFO`). `false`: it pended.
    #[must_use]
    pub fn pend(&mut self, signal: Signal) -> bool {
        let is_new = !self.set.contains(signal);
        self.set = self.set.with(signal);
        is_new
    }

    /// Adds all of another one.
    pub fn append(&mut self, other: SignalQueue) {
        for signal in other.set.iter().filter(|signal| !other.queue.iter().any(|info| info.signal == *signal))
        {
            let _ = self.pend(signal);
        }
        for info in other.queue {
            // One that is pending already stays one.
            let _ = self.push(info);
        }
    }

    /// Takes out the first of the lowest-numbered signal in `wanted`.
    pub fn take(&mut self, wanted: SigSet) -> Option<SigInfo> {
        let signal = SigSet(self.set.0 & wanted.0).iter().next()?;
        let Some(at) = self.queue.iter().position(|info| info.signal == signal) else {
            self.set = self.set.without(signal);
            return Some(SigInfo::plain(signal, SigCode::User));
        };
        let info = self.queue.remove(at)?;
        if !self.queue.iter().any(|other| other.signal == signal) {
            self.set = self.set.without(signal);
        }
        Some(info)
    }

    /// Forgets every pending `signal`.
    pub fn discard(&mut self, signal: Signal) {
        self.queue.retain(|info| info.signal != signal);
        self.set = self.set.without(signal);
    }

    /// Those that pend.
    pub fn set(&self) -> SigSet {
        self.set
    }

    /// How many are queued.
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}
