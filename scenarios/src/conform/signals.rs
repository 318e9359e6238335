//! The calls of a program that concern signals: masks, raising, waiting, and a handler that notes who came.

use super::call::{Call, Op, signal};
use super::machine::{Calls, Machine};
use super::outcome::Outcome;
use super::state::{NOTES, Notes, SignalLog};
use eagain_net::{Linux, MaskHow, SigAction, SigInfo, SigSet, Signal, Signals};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

/// The signals that programs use. SIGPIPE stays ignored.
const USED: [Signal; 5] = [Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGIO, Signal(40), Signal(41)];

/// What is shown of a signal: its number, why, and the bits.
fn shown(info: &SigInfo) -> String {
    let band = info.band.named();
    if band.is_empty() {
        format!("{:?}/{:?}", info.signal, info.code)
    } else {
        format!("{:?}/{:?}/{band:?}", info.signal, info.code)
    }
}

/// The signals of programs are not blocked from now on; returns the mask before.
pub(super) fn unmasked<K: Calls>(k: K) -> SigSet {
    k.sigprocmask(MaskHow::Unblock, SigSet::of(&USED)).unwrap_or_default()
}

/// Blocks the signals of programs in the calling thread of the real process, and in those that it makes from now on: what
/// a program sends to its process is for the thread that runs the program.
pub fn keep_signals_out() {
    let _ = Linux.sigprocmask(MaskHow::Block, SigSet::of(&USED));
}

impl<K: Calls> Machine<K> {
    /// From its first call about signals on a program handles them.
    pub(super) fn prepare_signals(&mut self) {
        if self.signals.is_some() {
            return;
        }
        let notes =
            Arc::new(Notes { count: AtomicUsize::new(0), signals: [const { AtomicU32::new(0) }; NOTES] });
        for signal in USED {
            let inside = notes.clone();
            let handler = move |info: &SigInfo| {
                let at = inside.count.fetch_add(1, SeqCst);
                if let Some(note) = inside.signals.get(at) {
                    note.store(info.signal.0 as u32, SeqCst);
                }
            };
            let _ = self.k.sigaction(signal, SigAction::handler(true, handler));
        }
        let mask = unmasked(self.k);
        self.signals = Some(SignalLog { notes, mask });
    }

    pub(super) fn signal_call(&mut self, call: &Call) -> Outcome {
        self.prepare_signals();
        let signal = signal(call.args[0]);
        let set = SigSet::of(&[signal]);
        match call.op {
            Op::Block => Outcome::of(self.k.sigprocmask(MaskHow::Block, set).map(drop)),
            Op::Unblock => Outcome::of(self.k.sigprocmask(MaskHow::Unblock, set).map(drop)),
            Op::Raise => Outcome::of(self.k.tgkill(self.k.gettid(), signal)),
            Op::Kill => Outcome::of(self.k.kill(self.k.getpid(), signal)),
            Op::Queue => Outcome::of(self.k.sigqueue(self.k.getpid(), signal, 7)),
            Op::Tgkill => {
                let me = self.k.gettid();
                let other = self.threads.iter().copied().find(|thread| *thread != me);
                Outcome::of(self.k.tgkill(other.unwrap_or(me), signal))
            }
            Op::Pending => {
                let pending = self.k.sigpending().unwrap_or_default();
                let names: Vec<String> = pending.iter().map(|signal| format!("{signal:?}")).collect();
                Outcome::Text(if names.is_empty() { "none".to_owned() } else { names.join(" ") })
            }
            Op::TakeSignal => match self.k.sigtimedwait(set, Some(Duration::ZERO)) {
                Ok(info) => Outcome::Text(shown(&info)),
                Err(errno) => Outcome::Err(errno),
            },
            _ => Outcome::Text(self.take_notes()),
        }
    }

    fn take_notes(&mut self) -> String {
        let Some(log) = &self.signals else { return "none".to_owned() };
        let count = log.notes.count.swap(0, SeqCst).min(NOTES);
        let names = log.notes.signals[..count].iter().map(|n| format!("{:?}", Signal(n.load(SeqCst) as i32)));
        let names: Vec<String> = names.collect();
        if names.is_empty() { "none".to_owned() } else { names.join(" ") }
    }

    /// Takes what is pending, and puts the mask back; the handlers stay, they only count.
    pub(super) fn restore_signals(&mut self) {
        let Some(log) = self.signals.take() else { return };
        let used = SigSet::of(&USED).with(Signal::SIGPIPE);
        let _ = self.k.sigprocmask(MaskHow::Block, used);
        while self.k.sigtimedwait(used, Some(Duration::ZERO)).is_ok() {}
        let _ = self.k.sigprocmask(MaskHow::SetMask, log.mask);
    }
}
