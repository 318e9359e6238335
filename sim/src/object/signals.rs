//! The signal state of a thread and of a process (`struct task_struct`, `struct signal_struct`): what is blocked, what is
//! pending, what is done. Who is sent a signal, and when its handler runs, is decided by `crate::syscall::signal`.

use super::SignalQueue;
use eagain_net::{Disposition, HandlerFn, SigAction, SigActionFlags, SigInfo, SigSet, Signal};

/// Signals that can be neither caught nor blocked.
pub(crate) const UNSTOPPABLE: SigSet = SigSet(1 << (9 - 1) | 1 << (19 - 1));
/// Signals that glibc keeps for itself and lets no program handle or block (nptl(7)).
pub(crate) const KEPT: SigSet = SigSet(1 << (32 - 1) | 1 << (33 - 1));
/// Signals whose default is to stop the process: SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU.
pub(crate) const STOPS: SigSet = SigSet(0xf << (19 - 1));
/// Signals whose default is to do nothing: SIGCHLD, SIGCONT, SIGURG, SIGWINCH.
const IGNORED: SigSet = SigSet(1 << (17 - 1) | 1 << (18 - 1) | 1 << (23 - 1) | 1 << (28 - 1));

/// What is to be done about a signal that is delivered.
pub(crate) enum Delivery {
    Handle(Frame),
    /// The process has stopped: the thread goes on when that does.
    Stop,
}

/// A handler that is about to run.
pub(crate) struct Frame {
    pub handler: HandlerFn,
    pub info: SigInfo,
    pub restart: bool,
    pub mask_before: SigSet,
}

/// What a thread blocks, and what is pending for it alone.
pub(crate) struct ThreadSignals {
    mask: SigSet,
    /// The mask to go back to when a wait with a mask of its own ends.
    saved_mask: Option<SigSet>,
    pending: SignalQueue,
    /// Handlers that run, one inside the other.
    handlers: u32,
    /// Signals that it waits for in `sigtimedwait`, although they are blocked.
    awaited: SigSet,
    /// It was woken for one, and has not run since: another one is for another thread (`wants_signal`).
    woken_for_signal: bool,
    /// It was woken as for a signal while it waited, and there is none: `EINTR` without a handler, unless the call is done
    /// by the time it runs.
    interrupted: bool,
    /// The process was stopped while it waited: it left the wait then, and what has come since is too late.
    stopped: bool,
}

impl ThreadSignals {
    pub fn new(mask: SigSet) -> ThreadSignals {
        ThreadSignals {
            mask,
            saved_mask: None,
            pending: SignalQueue::default(),
            handlers: 0,
            awaited: SigSet::EMPTY,
            woken_for_signal: false,
            interrupted: false,
            stopped: false,
        }
    }

    pub fn mask(&self) -> SigSet {
        self.mask
    }

    /// What can be blocked of `mask` is.
    pub fn set_mask(&mut self, mask: SigSet) {
        self.mask = SigSet(mask.0 & !UNSTOPPABLE.0);
    }

    /// A wait with a mask of its own begins, unless it has begun already.
    pub fn begin_wait(&mut self, mask: SigSet) {
        if self.saved_mask.is_none() {
            self.saved_mask = Some(self.mask);
            self.set_mask(mask);
        }
    }

    /// Such a wait is over, if there was one.
    #[inline]
    pub fn end_wait(&mut self) {
        if let Some(mask) = self.saved_mask {
            self.mask = mask;
            self.saved_mask = None;
        }
    }

    /// The handler of `signal` begins; the mask to go back to. That is the mask of before a wait; the handler still runs
    /// under that of the wait.
    pub fn enter_handler(&mut self, signal: Signal, action: &SigAction) -> SigSet {
        let before = self.saved_mask.take().unwrap_or(self.mask);
        self.mask = SigSet(self.mask.0 | action.mask.0);
        if !action.flags.contains(SigActionFlags::NODEFER) {
            self.mask = self.mask.with(signal);
        }
        self.handlers += 1;
        before
    }

    /// A handler has returned (`sigreturn(2)`).
    pub fn leave_handler(&mut self, mask: SigSet) {
        self.mask = mask;
        self.handlers -= 1;
    }

    #[inline]
    pub fn is_in_handler(&self) -> bool {
        self.handlers > 0
    }

    /// Waits for these from now on (`sigtimedwait(2)`); for none.
    pub fn set_awaited(&mut self, set: SigSet) {
        self.awaited = set;
    }

    pub fn awaits(&self, signal: Signal) -> bool {
        self.awaited.contains(signal)
    }

    pub fn blocks(&self, signal: Signal) -> bool {
        self.mask.contains(signal)
    }

    /// Whether it was woken for a signal, and has not run since.
    pub fn is_woken_for_signal(&self) -> bool {
        self.woken_for_signal
    }

    #[inline]
    pub fn set_woken_for_signal(&mut self, woken: bool) {
        self.woken_for_signal = woken;
    }

    /// Whether its process was stopped while it waited; that is over with being asked.
    #[inline]
    pub fn take_stopped(&mut self) -> bool {
        std::mem::take(&mut self.stopped)
    }

    /// Its process stops while it waits.
    pub fn set_stopped(&mut self) {
        self.stopped = true;
    }

    /// It is woken as for a signal, and there is none.
    pub fn set_interrupted(&mut self) {
        self.interrupted = true;
    }

    /// Whether a signal can be delivered to it now; an interruption without one is over with being asked.
    #[inline]
    pub fn has_deliverable(&mut self, process: &ProcessSignals) -> bool {
        let without = self.stopped | self.interrupted;
        (self.stopped, self.interrupted) = (false, false);
        without || self.pending(process).0 & !self.mask.0 != 0
    }

    /// The same, and an interruption is not over with it.
    #[inline]
    pub fn is_interrupted(&self, process: &ProcessSignals) -> bool {
        self.stopped || self.interrupted || self.pending(process).0 & !self.mask.0 != 0
    }

    /// What is pending for it, or for its process.
    #[inline]
    pub fn pending(&self, process: &ProcessSignals) -> SigSet {
        SigSet(self.pending.set().0 | process.pending.set().0)
    }

    /// What is pending for this thread alone.
    pub fn queue(&mut self) -> &mut SignalQueue {
        &mut self.pending
    }

    pub fn queued(&self) -> usize {
        self.pending.len()
    }

    /// What is pending is out of sight until it is put back with [`ThreadSignals::put_back`], before what comes meanwhile: another
    /// thread acts.
    pub fn set_aside(&mut self) -> SignalQueue {
        std::mem::take(&mut self.pending)
    }

    pub fn put_back(&mut self, pending: SignalQueue) {
        let came = std::mem::replace(&mut self.pending, pending);
        self.pending.append(came);
    }
}

/// What a process does with each signal, and what is pending for whichever of its threads takes it.
#[derive(Default)]
pub(crate) struct ProcessSignals {
    /// Where it is not the default.
    actions: Vec<(i32, SigAction)>,
    pending: SignalQueue,
}

impl ProcessSignals {
    /// Those of a new process; Rust's runtime ignores `SIGPIPE` before `main`.
    pub fn at_start(sigpipe_ignored: bool) -> ProcessSignals {
        let mut signals = ProcessSignals::default();
        if sigpipe_ignored {
            signals.set_action(Signal::SIGPIPE, SigAction::ignore());
        }
        signals
    }

    fn find(&self, signal: Signal) -> Option<&SigAction> {
        self.actions.iter().find(|(number, _)| *number == signal.0).map(|(_, action)| action)
    }

    /// What is done with a signal.
    pub fn action(&self, signal: Signal) -> SigAction {
        self.find(signal).cloned().unwrap_or_else(SigAction::default_action)
    }

    /// Sets what is done with a signal; what was before.
    pub fn set_action(&mut self, signal: Signal, action: SigAction) -> SigAction {
        let old = self.actions.iter().position(|(number, _)| *number == signal.0);
        let old = old.map(|at| self.actions.remove(at).1).unwrap_or_else(SigAction::default_action);
        self.actions.push((signal.0, action));
        old
    }

    /// Back to the default (`SA_RESETHAND`): the handler alone goes, flags and mask stay (`get_signal`).
    pub fn reset_action(&mut self, signal: Signal) {
        let actions = self.actions.iter_mut().filter(|(number, _)| *number == signal.0);
        actions.for_each(|(_, action)| action.disposition = Disposition::Default);
    }

    /// Takes out all actions: handlers may hold what makes calls when it is dropped.
    pub fn take_actions(&mut self) -> Vec<(i32, SigAction)> {
        std::mem::take(&mut self.actions)
    }

    pub fn has_handler(&self, signal: Signal) -> bool {
        self.find(signal).is_some_and(|action| matches!(action.disposition, Disposition::Handler(_)))
    }

    pub fn ignores(&self, signal: Signal) -> bool {
        match self.find(signal).map(|action| &action.disposition) {
            Some(Disposition::Ignore) => true,
            Some(Disposition::Handler(_)) => false,
            Some(Disposition::Default) | None => IGNORED.contains(signal),
        }
    }

    /// What is pending for whichever thread takes it.
    pub fn queue(&mut self) -> &mut SignalQueue {
        &mut self.pending
    }

    pub fn queued(&self) -> usize {
        self.pending.len()
    }
}
