//! Where every call enters. Each step has its place here, so that no call can leave one out:
//!
//! ```text
//!   begin_call   the thread may be off the CPU first
//!   catch_up     what comes earlier happens; another thread may go on
//!   act          an attempt; where the call would wait, the thread leaves its stack and comes back to catch_up
//!   end_call     the call is recorded, and its time charged
//! ```
//!
//! A descriptor is looked up once: a call that waits holds its open file until it returns (`fdget`, `fdput`), whatever becomes of
//! the number meanwhile.

use super::outcome::Outcome;
use crate::calls::{Kind, Row, Wait};
use crate::object::Delivery;
use crate::scheduler::Step;
use crate::stack::{give_up_killed, pause_for_ever, suspend, with};
use crate::syscall::signal;
use crate::world::{HELD_FD, Made, NONE, World};
use eagain_net::{Errno, Fd, Result};

/// What comes of an attempt of a call.
enum Attempted<T> {
    /// It is over; whether handlers run before it returns.
    Return(Result<T>, bool),
    /// Another thread comes first.
    Switch,
    /// The thread is listed where it waits.
    Wait,
    /// Signals came before the call was made.
    Handlers,
    /// A signal has ended the wait: what the call had come to by then, and whether it ends whatever `SA_RESTART` says.
    Interrupted(Option<Result<T>>, bool),
    /// The thread is being unwound.
    Dead,
}

/// What an attempt of a call begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The call is made.
    Enter,
    /// What comes earlier, before it acts for the first time.
    Arrive,
    /// What comes earlier, after it has waited.
    CatchUp,
    /// Acting.
    Act,
}

/// What a call made by a thread that is being unwound returns: it has no effect.
const DEAD: Errno = Errno::ESRCH;

/// More calls than that of a thread that is being unwound, and it will never be.
const DEAD_CALLS_MAX: u32 = 1_000_000;

/// Makes a call that never waits.
#[inline(always)]
pub(crate) fn call<T: Outcome>(
    kind: Kind,
    args: [u64; 4],
    mut act: impl FnMut(&mut World) -> Result<T>,
) -> Result<T> {
    waiting_call(kind, args, move |w| Step::Done(act(w)))
}

/// Something that a scenario does to its world: it has its place in time like a call.
pub(crate) fn control(kind: Kind, args: [u64; 2], mut act: impl FnMut(&mut World)) {
    let act = move |w: &mut World| {
        w.progress();
        act(w);
        Ok(())
    };
    let _ = crate::stack::native::as_harness(|| call(kind, [args[0], args[1], 0, 0], act));
}

/// Makes a call that may wait: `act` is attempted, and again each time the thread is woken.
#[inline]
pub(crate) fn waiting_call<T: Outcome>(
    kind: Kind,
    args: [u64; 4],
    mut act: impl FnMut(&mut World) -> Step<T>,
) -> Result<T> {
    waiting_call_on(kind, args, NOTHING, |w, _, ()| act(w), |_, _, ()| None)
}

/// No descriptor: nothing is held.
pub(super) const NOTHING: Fd = Fd(-1);

/// Makes a call that may wait, on `fd`. Its attempts share a `P`, and are given the descriptor to work on: [`HELD_FD`] once
/// the call has waited. `so_far`: what it returns where a signal finds it waiting and it has got somewhere. A call that is
/// made again after a handler begins anew: with the number, and with nothing done.
#[inline(always)]
pub(crate) fn waiting_call_on<T: Outcome, P: Default>(
    kind: Kind,
    args: [u64; 4],
    fd: Fd,
    act: impl FnMut(&mut World, Fd, &mut P) -> Step<T>,
    so_far: impl Fn(&mut World, Fd, &P) -> Option<Result<T>>,
) -> Result<T> {
    let mut call = Call { kind, args, fd, at: fd, stage: Stage::Enter };
    let mut act = act;
    let mut progress = P::default();
    // Most calls are over at once.
    match with(|w| call.attempt(w, &mut progress, &mut act, &so_far)) {
        Attempted::Return(result, false) => result,
        attempted => call.go_on(attempted, progress, act, so_far),
    }
}

/// A call under way. While it is attempted for the first time it lies in registers: nothing that is not inlined refers to it.
struct Call {
    kind: Kind,
    args: [u64; 4],
    /// The descriptor that it was given, and the one that it works on now.
    fd: Fd,
    at: Fd,
    stage: Stage,
}

impl Call {
    /// Attempts it once; what comes of it.
    #[inline(always)]
    fn attempt<T: Outcome, P: Default>(
        &mut self,
        w: &mut World,
        progress: &mut P,
        act: &mut impl FnMut(&mut World, Fd, &mut P) -> Step<T>,
        so_far: &impl Fn(&mut World, Fd, &P) -> Option<Result<T>>,
    ) -> Attempted<T> {
        if w.scheduler.is_unwinding() {
            return Attempted::Dead;
        }
        let me = w.scheduler.current();
        if self.stage == Stage::Enter {
            w.begin_call(self.kind, self.args);
            self.stage = Stage::Arrive;
        }
        if self.stage == Stage::Arrive {
            if !w.catch_up(me) {
                return Attempted::Switch;
            }
            // What came before the call was made is handled before it, and does not interrupt it.
            if signal::has_deliverable_signal(w, me) {
                return Attempted::Handlers;
            }
            self.stage = Stage::Act;
        }
        if self.stage == Stage::CatchUp {
            if !w.catch_up(me) {
                return Attempted::Switch;
            }
            let signals = &mut w.scheduler[me].signals;
            signals.set_woken_for_signal(false);
            self.stage = Stage::Act;
            if signals.take_stopped() {
                // It left its wait when it was stopped: what has come since then did not end it.
                return interrupted(w, me, self.at, progress, so_far);
            }
        }
        match act(w, self.at, progress) {
            Step::Done(result) => {
                let handlers = w.end_call(self.kind.row(), word(&result));
                if self.at == HELD_FD || w.scheduler[me].held().is_some() {
                    w.leave_call(me);
                }
                Attempted::Return(result, handlers)
            }
            Step::Wait => self.wait(w, me, progress, so_far),
        }
    }

    /// The attempt has listed the thread: it waits, unless a signal is there already.
    #[inline(always)]
    fn wait<T, P: Default>(
        &mut self,
        w: &mut World,
        me: u32,
        progress: &mut P,
        so_far: &impl Fn(&mut World, Fd, &P) -> Option<Result<T>>,
    ) -> Attempted<T> {
        if signal::has_deliverable_signal(w, me) {
            return interrupted(w, me, self.at, progress, so_far);
        }
        if self.at != HELD_FD {
            if self.fd != NOTHING {
                w.hold(self.fd);
            }
            self.at = HELD_FD;
        }
        debug_assert!(self.kind.row().wait != Wait::Never, "{} waits", self.kind.name());
        if w.scheduler[me].owes() {
            w.settle(me);
        }
        signal::may_interrupt(w, self.kind);
        let process = w.scheduler[me].process();
        w.processes[process].count_wait();
        Attempted::Wait
    }

    /// Does what has come of an attempt, and attempts it again until it is over.
    #[inline(never)]
    fn go_on<T: Outcome, P: Default>(
        mut self,
        mut attempted: Attempted<T>,
        mut progress: P,
        mut act: impl FnMut(&mut World, Fd, &mut P) -> Step<T>,
        so_far: impl Fn(&mut World, Fd, &P) -> Option<Result<T>>,
    ) -> Result<T> {
        loop {
            match attempted {
                Attempted::Return(result, handlers) => {
                    if handlers {
                        run_handlers_and_go_on();
                    }
                    return result;
                }
                Attempted::Switch => suspend(),
                Attempted::Wait => {
                    suspend();
                    self.stage = Stage::CatchUp;
                }
                Attempted::Handlers => {
                    run_handlers_and_go_on();
                    with(|w| w.note_call(self.kind, self.args));
                }
                Attempted::Interrupted(result, no_restart) => {
                    (self.at, progress) = (self.fd, P::default());
                    let handlers = run_handlers_and_go_on();
                    // Handlers made calls of their own.
                    with(|w| w.note_call(self.kind, self.args));
                    let ends = match handlers {
                        Handlers::None => self.kind.ends_without_handler(no_restart),
                        Handlers::AllRestart => no_restart || !self.kind.restarts(&self.args),
                        Handlers::Interrupt => true,
                    };
                    if let Some(result) = result.or(ends.then_some(Err(Errno::EINTR))) {
                        with(|w| {
                            if !w.scheduler.is_unwinding() {
                                w.end_call(self.kind.row(), word(&result));
                            }
                        });
                        return result;
                    }
                }
                Attempted::Dead => {
                    if with(|w| w.count_dead_call()) && !give_up_killed() {
                        eprintln!("eagain: drops of what a scenario holds make calls without end; aborting");
                        std::process::abort();
                    }
                    return Err(DEAD);
                }
            }
            attempted = with(|w| self.attempt(w, &mut progress, &mut act, &so_far));
        }
    }
}

/// A signal comes before the wait, or has ended it.
#[cold]
fn interrupted<T, P>(
    w: &mut World,
    me: u32,
    at: Fd,
    progress: &P,
    so_far: &impl Fn(&mut World, Fd, &P) -> Option<Result<T>>,
) -> Attempted<T> {
    w.stop_waiting(me);
    w.scheduler.keep_running(me);
    let result = so_far(w, at, progress);
    w.let_go(me);
    Attempted::Interrupted(result, w.scheduler[me].no_restart())
}

/// A result as the number that a trace shows.
#[inline(always)]
fn word<T: Outcome>(result: &Result<T>) -> i64 {
    match result {
        Ok(value) => value.word(),
        Err(errno) => -i64::from(errno.0),
    }
}

/// Which handlers have run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handlers {
    /// None: the thread was stopped and goes on, or the signal is another's.
    None,
    /// All of them have `SA_RESTART`.
    AllRestart,
    Interrupt,
}

/// As [`run_handlers`]. Where the process or the run has ended meanwhile the thread goes no further.
fn run_handlers_and_go_on() -> Handlers {
    let handlers = run_handlers();
    if with(|w| w.is_over_for_me()) {
        pause_for_ever();
    }
    handlers
}

/// Runs the handlers of the signals that can be delivered to this thread, and stops where one says so.
pub(crate) fn run_handlers() -> Handlers {
    let mut handlers = Handlers::None;
    // Frames stack: the last set up runs first. So all are taken first, and then run from the last taken. What a
    // handler's mask has blocked meanwhile comes after it.
    let mut frames = Vec::new();
    loop {
        while let Some(delivery) = with(signal::take_signal) {
            match delivery {
                Delivery::Stop => suspend(),
                Delivery::Handle(frame) => {
                    let all_restart = frame.restart && handlers != Handlers::Interrupt;
                    handlers = if all_restart { Handlers::AllRestart } else { Handlers::Interrupt };
                    frames.push(frame);
                }
            }
        }
        let Some(frame) = frames.pop() else { return handlers };
        (frame.handler)(&frame.info);
        with(|w| signal::leave_handler(w, frame.mask_before));
    }
}

impl World {
    /// The call has a place in time, after a while off the CPU where the schedule chooses one.
    #[inline(always)] // few instructions where nothing happens, and the arguments are stored where they stay
    fn begin_call(&mut self, kind: Kind, args: [u64; 4]) {
        let me = self.scheduler.current();
        let delay = self.scheduler.off_cpu(&mut self.run, me);
        let t = &mut self.scheduler[me];
        if delay != 0 {
            t.spend(delay);
            t.effort.off_cpu(delay);
        }
        t.enter(kind, args);
        if t.signals.is_in_handler() && !kind.row().signal_safe {
            self.report_unsafe(kind.name());
        }
    }

    /// What the thread is in, for reports.
    fn note_call(&mut self, kind: Kind, args: [u64; 4]) {
        if self.scheduler.current() == NONE {
            return;
        }
        self.scheduler.running_mut().enter(kind, args);
    }

    /// Records the call that was noted, and charges its time. `true`: handlers are to run before the program goes on.
    #[inline(never)]
    fn end_call(&mut self, row: &Row, word: i64) -> bool {
        let me = self.scheduler.current();
        if self.knobs.loopback_latency_ns == 0 {
            // What takes no time has happened before the program goes on: a handler may have to run.
            let t = &mut self.scheduler[me];
            t.signals.end_wait();
            let time = t.time();
            self.catch_up_events(time);
        }
        let World { scheduler, processes, hosts, run, knobs, signals_sent, .. } = self;
        let t = &mut scheduler[me];
        let process = &mut processes[t.process()];
        t.signals.end_wait();
        let calls = t.effort.count_call();
        run.call(t.time(), me, t.call(), row, t.call_args(), word);
        let (host, cost) = (&mut hosts[process.host()], u64::from(row.cost));
        match knobs.quantum_ns {
            0 => t.leave(host.charge(t.time(), cost), cost),
            quantum => t.leave_within(quantum, cost, |time, cost| host.charge(time, cost)),
        }
        let is_due = process.lifecycle.count_call();
        if is_due || process.has_memory_limit() || calls > self.knobs.spin_limit {
            let made = Made { thread: me, kind: t.call(), args: *t.call_args(), word };
            return self.end_call_with_care(made);
        }
        run.failed() || process.has_ended() || *signals_sent && t.signals.has_deliverable(&process.signals)
    }

    /// The thread waits: what its calls have cost is charged, though it may be less than a quantum.
    #[cold]
    fn settle(&mut self, me: u32) {
        let World { scheduler, processes, hosts, .. } = self;
        let t = &mut scheduler[me];
        let host = &mut hosts[processes[t.process()].host()];
        t.settle(|time, cost| host.charge(time, cost));
    }

    /// A call that has ended, of a process that is looked at now and then, or has a thread that is.
    #[inline(never)]
    fn end_call_with_care(&mut self, made: Made) -> bool {
        let me = self.scheduler.current();
        let process = self.my_process();
        if self.processes[process].has_memory_limit() {
            self.check_memory(process);
        }
        if self.processes[process].lifecycle.is_due() {
            self.look_at(process);
        }
        self.check_calls(made);
        // Who spins and is alone would never come to where a run ends, were it not stopped here.
        self.run.failed() || self.processes[process].has_ended() || signal::has_deliverable_signal(self, me)
    }

    /// Counts a call of a thread that is unwound; whether it makes too many: its drops call in a loop, or it has caught what
    /// unwinds it and goes on.
    fn count_dead_call(&mut self) -> bool {
        if self.scheduler.current() == NONE {
            return false;
        }
        let t = self.scheduler.running_mut();
        t.effort.count_call() > DEAD_CALLS_MAX
    }

    /// The process of the running thread has ended, or the run has: the thread goes no further.
    fn is_over_for_me(&self) -> bool {
        !self.scheduler.is_unwinding() && (self.run.failed() || self.processes[self.my_process()].has_ended())
    }
}
