//! Where every call enters: number it, let time pass and causes happen, act, charge the time, record. Each step has its
//! place here, so that no call can leave one out. A descriptor is looked up once: a call that waits holds its open file
//! until it returns (`fdget`, `fdput`), whatever becomes of the number meanwhile.

use super::outcome::Outcome;
use crate::calls::{Kind, Wait};
use crate::scheduler::Step;
use crate::stack::{give_up_killed, pause_for_ever, suspend, with};
use crate::syscall::signal;
use crate::world::{HELD_FD, Made, NONE, World};
use eagain_net::{Errno, Fd, Result, SigSet};

enum Turn<T> {
    Return(Result<T>, bool),
    Switch,
    Wait,
    Handlers,
    /// With what the call has come to, or whether it ends, whatever `SA_RESTART` says.
    Interrupted(Option<Result<T>>, bool),
    Dead,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Enter,
    Arrive,
    CatchUp,
    Act,
}

/// What a call made by a thread that is being unwound returns: it has no effect.
const DEAD: Errno = Errno::ESRCH;

/// Makes a call that never waits.
#[inline]
pub(crate) fn call<T: Outcome>(
    kind: Kind,
    args: [u64; 4],
    mut act: impl FnMut(&mut World) -> Result<T>,
) -> Result<T> {
    waiting_call(kind, args, move |w| Step::Done(act(w)))
}

/// Something that a scenario does to its world: it has its place in time like a call.
pub(crate) fn control(kind: Kind, args: [u64; 2], mut act: impl FnMut(&mut World)) {
    let _ = call(kind, [args[0], args[1], 0, 0], move |w| {
        w.progress();
        act(w);
        Ok(())
    });
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
#[inline]
pub(crate) fn waiting_call_on<T: Outcome, P: Default>(
    kind: Kind,
    args: [u64; 4],
    fd: Fd,
    mut act: impl FnMut(&mut World, Fd, &mut P) -> Step<T>,
    so_far: impl Fn(&mut World, Fd, &P) -> Option<Result<T>>,
) -> Result<T> {
    let (mut at, mut progress) = (fd, P::default());
    let mut stage = Stage::Enter;
    let mut waited = false;
    loop {
        let turn = with(|w| {
            if w.scheduler.is_unwinding() {
                return Turn::Dead;
            }
            let me = w.scheduler.current();
            if stage == Stage::Enter {
                w.begin_call(kind, args);
                stage = Stage::Arrive;
            }
            if stage == Stage::Arrive {
                if !w.catch_up(me) {
                    return Turn::Switch;
                }
                // What came before the call was made is handled before it, and does not interrupt it.
                if signal::has_deliverable_signal(w, me) {
                    return Turn::Handlers;
                }
                stage = Stage::Act;
            }
            if stage == Stage::CatchUp {
                if !w.catch_up(me) {
                    return Turn::Switch;
                }
                w.scheduler[me].signals.set_told(false);
                stage = Stage::Act;
            }
            match act(w, at, &mut progress) {
                Step::Done(result) => {
                    if at == HELD_FD {
                        w.let_go(me);
                    }
                    let handlers = w.end_call(kind, word(&result));
                    Turn::Return(result, handlers)
                }
                Step::Wait => {
                    if signal::has_deliverable_signal(w, me) {
                        // A signal comes before the wait, or has ended it.
                        w.stop_waiting(me);
                        w.scheduler.keep_running(me);
                        let result = so_far(w, at, &progress);
                        w.let_go(me);
                        (at, progress) = (fd, P::default());
                        return Turn::Interrupted(result, w.scheduler[me].no_restart);
                    }
                    if at != HELD_FD {
                        if fd != NOTHING {
                            w.hold(fd);
                        }
                        at = HELD_FD;
                    }
                    debug_assert!(kind.row().wait != Wait::Never, "{} waits", kind.name());
                    signal::may_interrupt(w, kind);
                    let process = w.scheduler[me].process;
                    w.processes[process].waits += 1;
                    Turn::Wait
                }
            }
        });
        match turn {
            Turn::Return(result, handlers) => {
                if handlers {
                    run_handlers();
                    if with(|w| w.is_over_for_me()) {
                        pause_for_ever();
                    }
                }
                return result;
            }
            Turn::Switch => suspend(),
            Turn::Wait => {
                waited = true;
                suspend();
            }
            Turn::Handlers => {
                run_handlers();
                if with(|w| w.is_over_for_me()) {
                    pause_for_ever();
                }
                with(|w| w.note_call(kind, args));
            }
            Turn::Interrupted(result, no_restart) => {
                let all_restart = run_handlers();
                if with(|w| w.is_over_for_me()) {
                    pause_for_ever();
                }
                // Handlers made calls of their own.
                with(|w| w.note_call(kind, args));
                let ends = no_restart || !all_restart || !kind.restarts(&args);
                if let Some(result) = result.or(ends.then_some(Err(Errno::EINTR))) {
                    with(|w| {
                        if !w.scheduler.is_unwinding() {
                            w.end_call(kind, word(&result));
                        }
                    });
                    return result;
                }
            }
            Turn::Dead => {
                if with(|w| w.count_dead_call()) && !give_up_killed() {
                    eprintln!("eagain: drops of what a scenario holds make calls without end; aborting");
                    std::process::abort();
                }
                return Err(DEAD);
            }
        }
        if waited {
            waited = false;
            stage = Stage::CatchUp;
        }
    }
}

/// A result as the number that a trace shows.
#[inline]
fn word<T: Outcome>(result: &Result<T>) -> i64 {
    match result {
        Ok(value) => value.word(),
        Err(errno) => -i64::from(errno.0),
    }
}

/// Runs the handlers of the signals that can be delivered to this thread; whether all of them have `SA_RESTART`.
pub(crate) fn run_handlers() -> bool {
    let mut all_restart = true;
    // Frames stack: the last set up runs first. So all are taken first, and then run from the last taken. What a
    // handler's mask has blocked meanwhile comes after it.
    let mut frames = Vec::new();
    loop {
        while let Some(frame) = with(signal::take_signal) {
            all_restart &= frame.restart;
            frames.push(frame);
        }
        let Some(frame) = frames.pop() else { return all_restart };
        (frame.handler)(&frame.info);
        with(|w| signal::leave_handler(w, frame.mask_before));
    }
}

/// A handler that is about to run.
pub(crate) struct Frame {
    pub handler: eagain_net::HandlerFn,
    pub info: eagain_net::SigInfo,
    pub restart: bool,
    pub mask_before: SigSet,
}

impl World {
    /// Steps 1 and 2: the call has a place in time, after a while off the CPU where the schedule chooses one.
    #[inline]
    fn begin_call(&mut self, kind: Kind, args: [u64; 4]) {
        let me = self.scheduler.current();
        let delay = self.scheduler.off_cpu(&mut self.run, me);
        let t = &mut self.scheduler[me];
        t.time += delay;
        t.effort.off_cpu(delay);
        if t.signals.is_in_handler() && !kind.row().signal_safe {
            self.report_unsafe(kind.name());
        }
        self.note_call(kind, args);
    }

    /// What the thread is in, for reports.
    #[inline]
    fn note_call(&mut self, kind: Kind, args: [u64; 4]) {
        if self.scheduler.current() == NONE {
            return;
        }
        let t = self.scheduler.running_mut();
        t.call = kind;
        t.call_args = args;
    }

    /// Steps 4 and 5: charge and record; the arguments are as noted. `true`: handlers are to run before the program goes on.
    #[inline(never)]
    fn end_call(&mut self, kind: Kind, word: i64) -> bool {
        let me = self.scheduler.current();
        let t = &mut self.scheduler[me];
        t.signals.end_wait();
        if self.knobs.loopback_latency_ns == 0 {
            // What takes no time has happened before the program goes on: a handler may have to run.
            let time = t.time;
            self.catch_up_events(time);
        }
        let World { scheduler, processes, hosts, run, signals_sent, .. } = self;
        let t = &mut scheduler[me];
        let process = &mut processes[t.process];
        t.effort.calls += 1;
        t.turns = 0;
        run.call(t.time, me, kind, &t.call_args, word);
        t.time = hosts[process.host].charge(t.time, u64::from(kind.row().cost));
        process.until_look -= 1;
        if process.until_look == 0 || process.memory_limit != 0 || t.effort.calls > self.knobs.spin_limit {
            let made = Made { thread: me, kind, args: t.call_args, word };
            return self.end_call_with_care(made);
        }
        run.failed() || process.exit.is_some() || *signals_sent && t.signals.has_deliverable(&process.signals)
    }

    /// A call that has ended, of a process that is looked at now and then, or has a thread that is.
    #[inline(never)]
    fn end_call_with_care(&mut self, made: Made) -> bool {
        let me = self.scheduler.current();
        let process = self.my_process();
        if self.processes[process].memory_limit != 0 {
            self.check_memory(process);
        }
        if self.processes[process].until_look == 0 {
            self.look_at(process);
        }
        self.judge_calls(made);
        // Who spins and is alone would never come to where a run ends, were it not stopped here.
        self.run.failed()
            || self.processes[process].exit.is_some()
            || signal::has_deliverable_signal(self, me)
    }

    /// The process of the running thread has ended, or the run has: the thread goes no further.
    fn is_over_for_me(&self) -> bool {
        !self.scheduler.is_unwinding()
            && (self.run.failed() || self.processes[self.my_process()].exit.is_some())
    }
}
