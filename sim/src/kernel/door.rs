//! Where every call enters: number it, let time pass and causes happen, act, charge the time, record. Each step has its
//! place here, so that no call can leave one out.

use crate::calls::{Kind, Resolve, Wait};
use crate::scheduler::Step;
use crate::stack::{pause_for_ever, suspend, with};
use crate::trace::form;
use crate::world::{NONE, World};
use eagain_net::{Errno, Result, SigSet};

/// A value that can be shown in a trace.
pub(crate) trait Outcome {
    /// It as the number that the system call would return.
    fn word(&self) -> i64;
}

impl Outcome for () {
    fn word(&self) -> i64 {
        0
    }
}

macro_rules! outcomes {
    ($($type:ty => $value:expr;)*) => {
        $(impl Outcome for $type {
            fn word(&self) -> i64 {
                let value: fn(&$type) -> i64 = $value;
                value(self)
            }
        })*
    };
}

outcomes! {
    usize => |v| *v as i64;
    u32 => |v| i64::from(*v);
    i32 => |v| i64::from(*v);
    u64 => |v| *v as i64;
    eagain_net::Fd => |v| i64::from(v.0);
    (eagain_net::Fd, std::net::SocketAddr) => |v| i64::from(v.0.0);
    std::net::SocketAddr => |v| crate::network::address_word(*v) as i64;
    eagain_net::StatusFlags => |v| i64::from(v.0);
    eagain_net::SocketOption => |v| option_word(v);
    eagain_net::Instant => |v| v.0 as i64;
    eagain_net::ThreadId => |v| i64::from(v.0);
    eagain_net::SigSet => |v| v.0 as i64;
    eagain_net::SigAction => |_| 0;
    eagain_net::SigInfo => |v| i64::from(v.signal.0);
    eagain_net::TimerSpec => |v| v.value.as_nanos() as i64;
    eagain_net::FileStat => |v| v.len as i64;
    Vec<String> => |v| v.len() as i64;
}

fn option_word(option: &eagain_net::SocketOption) -> i64 {
    use eagain_net::SocketOption as O;
    match *option {
        O::ReuseAddr(v) | O::ReusePort(v) | O::NoDelay(v) | O::KeepAlive(v) => i64::from(v),
        O::SendBuffer(v) | O::RecvBuffer(v) | O::RecvLowAt(v) => i64::from(v),
        O::Linger(v) => v.map_or(-1, i64::from),
        O::RecvTimeout(v) | O::SendTimeout(v) => v.map_or(0, |d| d.as_nanos() as i64),
        O::Error(v) => v.map_or(0, |e| i64::from(e.0)),
    }
}

enum Turn<T> {
    Return(Result<T>, bool),
    Switch,
    Wait,
    Handlers,
    /// With whether that ends the call, whatever `SA_RESTART` says.
    Interrupted(bool),
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

/// More locks than that, taken or given in a row without a call, are a loop that waits for what it keeps from happening.
const TURNS_MAX: u32 = 1_000_000;

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
                if w.has_deliverable_signal(me) {
                    return Turn::Handlers;
                }
                stage = Stage::Act;
            }
            if stage == Stage::CatchUp {
                if !w.catch_up(me) {
                    return Turn::Switch;
                }
                stage = Stage::Act;
            }
            match act(w) {
                Step::Done(result) => {
                    let handlers = w.end_call(kind, args, &result);
                    Turn::Return(result, handlers)
                }
                Step::Wait => {
                    if w.has_deliverable_signal(me) {
                        // A signal comes before the wait, or has ended it.
                        w.stop_waiting(me);
                        w.scheduler.keep_running(me);
                        return Turn::Interrupted(w.scheduler[me].no_restart);
                    }
                    debug_assert!(kind.row().wait != Wait::Never, "{} waits", kind.name());
                    w.may_interrupt(kind);
                    let process = w.scheduler[me].process;
                    w.processes[process as usize].waits += 1;
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
            Turn::Interrupted(no_restart) => {
                let all_restart = run_handlers();
                if with(|w| w.is_over_for_me()) {
                    pause_for_ever();
                }
                if !(all_restart && kind.restarts(&args) && !no_restart) {
                    let result = Err(Errno::EINTR);
                    with(|w| {
                        if !w.scheduler.is_unwinding() {
                            w.end_call(kind, args, &result);
                        }
                    });
                    return result;
                }
            }
            Turn::Dead => {
                with(|w| w.count_dead_call());
                return Err(DEAD);
            }
        }
        if waited {
            waited = false;
            stage = Stage::CatchUp;
        }
    }
}

/// Runs the handlers of the signals that can be delivered to this thread; whether all of them have `SA_RESTART`.
pub(crate) fn run_handlers() -> bool {
    let mut all_restart = true;
    // Frames stack: the last set up runs first. So all are taken first, and then run from the last taken. What a
    // handler's mask has blocked meanwhile comes after it.
    let mut frames = Vec::new();
    loop {
        while let Some(frame) = with(|w| w.take_signal()) {
            all_restart &= frame.restart;
            frames.push(frame);
        }
        let Some(frame) = frames.pop() else { return all_restart };
        (frame.handler)(&frame.info);
        with(|w| w.leave_handler(frame.mask_before));
    }
}

/// A handler that is about to run.
pub(crate) struct Frame {
    pub handler: eagain_net::HandlerFn,
    pub info: eagain_net::SigInfo,
    pub restart: bool,
    pub mask_before: SigSet,
}

/// What it takes a disk to make data durable, in nanoseconds.
pub(crate) const SYNC_NS: u64 = 100_000;

/// Sleeping for less than this is spinning.
pub(crate) const REAL_SLEEP_NS: u64 = 10_000;

impl World {
    /// Steps 1 and 2: the call has a place in time, after a while off the CPU where the schedule chooses one.
    #[inline]
    fn begin_call(&mut self, kind: Kind, args: [u64; 4]) {
        let me = self.scheduler.current();
        let delay = self.scheduler.off_cpu(&mut self.run, me);
        let t = &mut self.scheduler[me];
        t.time += delay;
        if t.in_handler > 0 && !kind.row().signal_safe {
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

    /// Steps 4 and 5: charge and record. `true`: handlers are to run before the program goes on.
    #[inline]
    pub(crate) fn end_call<T: Outcome>(&mut self, kind: Kind, args: [u64; 4], result: &Result<T>) -> bool {
        let me = self.scheduler.current();
        let t = &mut self.scheduler[me];
        if let Some(mask) = t.saved_mask.take() {
            t.mask = mask;
        }
        if self.knobs.loopback_latency_ns == 0 {
            // What takes no time has happened before the program goes on: a handler may have to run.
            let time = t.time;
            self.catch_up_events(time);
        }
        let World { scheduler, processes, hosts, run, .. } = self;
        let t = &mut scheduler[me];
        let process = &mut processes[t.process as usize];
        t.idle_calls += 1;
        t.turns = 0;
        let word = match result {
            Ok(value) => value.word(),
            Err(errno) => -i64::from(errno.0),
        };
        run.call(t.time, me, kind, args, word);
        t.time = hosts[process.host as usize].charge(t.time, u64::from(kind.row().cost));
        // Its threads may still make calls after the one that was to be the last: 0 has had its turn.
        let was_last = process.life.calls_left == 1;
        process.life.calls_left = process.life.calls_left.saturating_sub(1);
        if was_last || process.memory_limit != 0 || t.idle_calls > self.knobs.spin_limit {
            return self.end_call_with_care(was_last);
        }
        run.failed() || process.exit.is_some() || t.has_deliverable(process)
    }

    /// A call that has ended, of a process that is watched, is to end, or has a thread that gets nothing on.
    #[inline(never)]
    fn end_call_with_care(&mut self, was_last: bool) -> bool {
        let me = self.scheduler.current();
        let process = self.my_process();
        if self.processes[process as usize].memory_limit != 0 {
            self.check_memory(process);
        }
        if was_last {
            self.chosen_end(process);
        }
        if self.scheduler[me].idle_calls > self.knobs.spin_limit {
            self.report_spin(me);
        }
        // Who spins and is alone would never come to where a run ends, were it not stopped here.
        self.run.failed()
            || self.processes[process as usize].exit.is_some()
            || self.has_deliverable_signal(me)
    }

    /// The process of the running thread has ended, or the run has: the thread goes no further.
    fn is_over_for_me(&self) -> bool {
        !self.scheduler.is_unwinding()
            && (self.run.failed() || self.processes[self.my_process() as usize].exit.is_some())
    }

    /// A handler made a call, or took a lock, that may be in use by the code that it interrupted.
    #[cold]
    pub(crate) fn report_unsafe(&mut self, what: &'static str) {
        let name = self.scheduler.running().name.clone();
        self.run.fail(
            "signal-safety",
            what,
            format!(
                "{name}: a signal handler uses {what}, which is not async-signal-safe (signal-safety(7))"
            ),
        );
    }

    fn report_spin(&mut self, thread: u32) {
        let name = self.scheduler[thread].name.clone();
        let limit = self.knobs.spin_limit;
        let waits = self.describe_threads();
        self.run.fail(
            "O3",
            "spin",
            format!("{name} made {limit} calls in a row that got nothing on\n{waits}"),
        );
    }

    /// A thread takes or gives a lock, or looks at a queue. Whether it has done so too often without a call in between.
    pub fn count_turn(&mut self, thread: u32) -> bool {
        let t = &mut self.scheduler[thread];
        t.turns += 1;
        if t.turns <= TURNS_MAX {
            return false;
        }
        let name = t.name.clone();
        let waits = self.describe_threads();
        let message =
            format!("{name} took and gave locks {TURNS_MAX} times in a row without a call\n{waits}");
        self.run.fail("O3", "spin without calls", message);
        true
    }

    /// Drops that call in a loop while their thread is unwound would never end.
    fn count_dead_call(&mut self) {
        if self.scheduler.current() == NONE {
            return;
        }
        let t = self.scheduler.running_mut();
        t.idle_calls += 1;
        if t.idle_calls > 1_000_000 {
            let name = &t.name;
            eprintln!("eagain: {name} was killed, and a drop of it makes calls without end; aborting");
            std::process::abort();
        }
    }

    /// What every thread that has not ended does, a line each.
    pub(crate) fn describe_threads(&self) -> String {
        use std::fmt::Write;
        let mut text = String::new();
        for t in self.scheduler.iter().filter(|t| !t.has_ended()) {
            if self.processes[t.process as usize].exit.is_some() {
                continue;
            }
            let doing = if t.is_waiting() { "waits in" } else { "runs, last in" };
            let until = match t.deadline() {
                u64::MAX => String::new(),
                at => format!(" until {}", crate::trace::Time(at)),
            };
            let names = Waiting { world: self, site: t.site };
            let call = crate::print::text(|out| form::put_call_of(out, &names, t.call, &t.call_args));
            let _ = writeln!(text, "  {} {doing} {call}{until}", t.name);
        }
        text
    }
}

/// What the words of a call refer to while it is under way.
struct Waiting<'a> {
    world: &'a World,
    site: &'a str,
}

impl Resolve for Waiting<'_> {
    fn text(&self, index: usize) -> Option<&str> {
        self.world.run.text_at(index)
    }

    fn host(&self, index: usize) -> Option<&str> {
        self.world.hosts.get(index).map(|host| host.name.as_str())
    }

    fn futex(&self) -> &str {
        if self.site.is_empty() { "word" } else { self.site }
    }
}
