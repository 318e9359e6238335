//! A simulated thread: its time, its state, the call that it is in and what that holds, what it waits for. Its signals and what it
//! has achieved are objects of their own.

use super::{Effort, FOREVER, Priority, Scheduler, WaitOn, is_pause};
use crate::NONE;
use crate::choice::Stream;
use crate::fault::Family;
use crate::object::ThreadSignals;
use crate::run::{Effect, Run};
use crate::trace::Kind;
use eagain_net::{Fd, Instant, SigSet, ThreadBody};
use std::borrow::Cow;

/// What a thread is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// In the event queue, to go on at its time.
    Ready,
    /// On its stack.
    Running,
    /// Until something wakes it.
    Waiting,
    /// Until its process is continued.
    Stopped,
    /// Over.
    Ended,
}

/// Why a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wake {
    /// What it waited for may be so; it looks again.
    Ready,
    /// Its time was over.
    Deadline,
    /// A signal is to be handled.
    Signal,
}

/// A thread of a process.
pub(crate) struct Thread {
    /// `process/0` for the first, and then its number among the spawns of its parent: `process/0.2`.
    name: String,
    /// The name that the program has given it; empty: none.
    given: String,
    process: u32,
    tid: i32,
    /// How many threads it has made.
    spawned: u32,
    /// Its own time.
    pub(super) time: u64,
    /// What its calls have cost that is not in its time yet: less than a quantum.
    owed: u64,
    /// How much of it went into calls and computing, and not into waiting.
    computed: u64,
    pub(super) state: State,
    pub(super) wake: Wake,
    /// When the wait ends by itself, or [`FOREVER`].
    pub(super) deadline: u64,
    /// A handler ends the last wait for good: it had a deadline, or the call has got somewhere already.
    pub(super) no_restart: bool,
    /// The moment of the wall clock that the last wait for a futex was for.
    wall_deadline: Option<Instant>,
    /// When the event queue looks at the deadline next; `u64::MAX`: no entry there. One entry serves many waits.
    pub(super) timer_at: u64,
    pub(super) wait: WaitOn,
    /// Open files that its call holds while it waits, and the descriptor that it has reserved.
    holds: Vec<u32>,
    reserved: Option<Fd>,
    /// The call that it is in, for reports.
    call: Kind,
    call_args: [u64; 4],
    body: Option<ThreadBody>,
    pub(super) off_cpu: Stream,
    /// How its priority goes: what each call takes longer, and from which call on.
    pub(super) priority: Priority,
    interrupts: Stream,
    wakeups: Stream,
    /// Slices of computing, in an unmodified program.
    preemptions: Stream,
    pub signals: ThreadSignals,
    /// What it has achieved.
    pub effort: Effort,
    /// How often it took or gave a lock since its last call.
    locks: u32,
    joined: bool,
    /// It will not be joined.
    detached: bool,
    /// The thread that waits for its end, or [`NONE`].
    joiner: u32,
    /// The last place at which it could be interleaved.
    site: &'static str,
}

impl Thread {
    /// A thread that begins at `time`.
    pub fn new(
        name: String,
        given: String,
        process: u32,
        tid: i32,
        time: u64,
        mask: SigSet,
        body: ThreadBody,
    ) -> Thread {
        Thread {
            name,
            given,
            process,
            tid,
            spawned: 0,
            time,
            owed: 0,
            computed: 0,
            state: State::Ready,
            wake: Wake::Ready,
            deadline: FOREVER,
            no_restart: false,
            wall_deadline: None,
            timer_at: u64::MAX,
            wait: WaitOn::Nothing,
            holds: Vec::new(),
            reserved: None,
            call: Kind::ThreadStart,
            call_args: [0; 4],
            body: Some(body),
            off_cpu: Stream::default(),
            priority: Priority::default(),
            interrupts: Stream::default(),
            wakeups: Stream::default(),
            preemptions: Stream::default(),
            signals: ThreadSignals::new(mask),
            effort: Effort::default(),
            locks: 0,
            joined: false,
            detached: false,
            joiner: NONE,
            site: "",
        }
    }

    /// Its name in the keys of its choices.
    pub fn name(&self) -> &str {
        &self.name
    }

    #[inline(always)]
    pub fn process(&self) -> u32 {
        self.process
    }

    /// As `gettid(2)` gives it.
    pub fn tid(&self) -> i32 {
        self.tid
    }

    /// The name that the program has given it; empty: none.
    pub fn given(&self) -> &str {
        &self.given
    }

    /// The program gives it another name. The keys of its choices stay.
    pub fn rename(&mut self, given: &str) {
        self.given = given.to_owned();
    }

    /// The name of the next thread that it makes.
    pub fn next_spawn(&mut self) -> String {
        self.spawned += 1;
        format!("{}.{}", self.name, self.spawned)
    }

    /// Its function, once.
    pub fn take_body(&mut self) -> Option<ThreadBody> {
        self.body.take()
    }

    /// Its name for people: what the program has given it is behind the name that the keys of its choices have.
    pub fn shown(&self) -> Cow<'_, str> {
        match &*self.given_word() {
            "" => Cow::Borrowed(&self.name),
            given => Cow::Owned(format!("{}:{given}", self.name)),
        }
    }

    /// The name that the program has given it, in one word.
    pub fn given_word(&self) -> String {
        self.given.split_whitespace().collect::<Vec<_>>().join("-")
    }

    // Its time and its calls.

    /// Its own time.
    #[inline(always)]
    pub fn time(&self) -> u64 {
        self.time
    }

    /// Its time goes on by `ns` nanoseconds: it computes, or is off the CPU.
    #[inline(always)]
    pub fn spend(&mut self, ns: u64) {
        self.time += ns;
    }

    /// It makes a call, or goes on in it after a handler has made some.
    #[inline(always)]
    pub fn enter(&mut self, call: Kind, args: [u64; 4]) {
        (self.call, self.call_args) = (call, args);
    }

    /// The call that it is in, or was in last.
    #[inline(always)]
    pub fn call(&self) -> Kind {
        self.call
    }

    #[inline(always)]
    pub fn call_args(&self) -> &[u64; 4] {
        &self.call_args
    }

    /// It computes without a call for `ns` nanoseconds.
    #[inline(always)]
    pub fn compute(&mut self, ns: u64) {
        self.time += ns;
        self.computed += ns;
    }

    /// For how long it has computed: its calls, and what it does between them.
    pub fn computed(&self) -> u64 {
        self.computed
    }

    /// Its call is over, at `time`; it took `ns` nanoseconds of a processor.
    #[inline(always)]
    pub fn leave(&mut self, time: u64, ns: u64) {
        self.locks = 0;
        self.time = time;
        self.computed += ns;
    }

    /// Its call is over, and has cost `ns`. That is charged once it comes to a quantum, with what was not charged before.
    #[cold]
    pub fn leave_within(&mut self, quantum: u64, ns: u64, charge: impl FnOnce(u64, u64) -> u64) {
        self.owed += ns;
        if self.owed >= quantum {
            self.settle(charge);
        }
        self.leave(self.time, ns);
    }

    /// Whether its calls have cost what was not charged.
    #[inline(always)]
    pub fn owes(&self) -> bool {
        self.owed != 0
    }

    /// What its calls have cost is charged: from a time on, so many nanoseconds, and it is over when that says.
    pub fn settle(&mut self, charge: impl FnOnce(u64, u64) -> u64) {
        self.time = charge(self.time, std::mem::take(&mut self.owed));
    }

    /// It is at a place at which it can be interleaved.
    pub fn at_site(&mut self, site: &'static str) {
        self.site = site;
    }

    /// The last place at which it could be interleaved.
    pub fn site(&self) -> &'static str {
        self.site
    }

    /// It takes or gives a lock; how often it has done so since its last call.
    pub fn count_lock(&mut self) -> u32 {
        self.locks += 1;
        self.locks
    }

    /// The stream of a family that is about threads, and the name of the choices.
    #[inline(always)]
    pub fn stream(&mut self, family: Family) -> (&mut Stream, &str) {
        let stream = match family {
            Family::Interrupt => &mut self.interrupts,
            Family::Wakeup => &mut self.wakeups,
            Family::Preempt => &mut self.preemptions,
            _ => &mut self.off_cpu,
        };
        (stream, &self.name)
    }

    // What its call holds while it waits.

    /// Its call holds an open file.
    #[inline(always)]
    pub fn hold(&mut self, file: u32) {
        self.holds.push(file);
    }

    /// The open file that its call was made on.
    #[inline(always)]
    pub fn held(&self) -> Option<u32> {
        self.holds.first().copied()
    }

    /// One of the open files that its call holds, the last first, which it holds no more.
    #[inline(always)]
    pub fn let_go(&mut self) -> Option<u32> {
        self.holds.pop()
    }

    /// Its call will return this descriptor.
    pub fn reserve(&mut self, fd: Fd) {
        self.reserved = Some(fd);
    }

    /// The descriptor that its call was to return, which is reserved no more.
    #[inline(always)]
    pub fn take_reserved(&mut self) -> Option<Fd> {
        self.reserved.take()
    }

    // Waiting.

    #[inline]
    pub fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// What it waits for, while it does.
    pub fn waits_on(&self) -> &WaitOn {
        &self.wait
    }

    /// The epoll set that it waits for.
    pub fn epoll_set(&self) -> Option<u32> {
        match self.wait {
            WaitOn::Epoll(set) if self.is_waiting() => Some(set),
            _ => None,
        }
    }

    pub fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    pub fn is_stopped(&self) -> bool {
        self.state == State::Stopped
    }

    /// Why its last wait ended.
    #[inline]
    pub fn woken_by(&self) -> Wake {
        self.wake
    }

    /// When the wait ends by itself, or [`FOREVER`].
    #[inline]
    pub fn deadline(&self) -> u64 {
        self.deadline
    }

    /// Whether a handler ends the last wait for good: it had a deadline, or the call has got somewhere already.
    pub fn no_restart(&self) -> bool {
        self.no_restart
    }

    /// The wait for a futex that begins is for a moment of the wall clock, or for none.
    pub fn set_wall_deadline(&mut self, at: Option<Instant>) {
        self.wall_deadline = at;
    }

    /// The moment of the wall clock that the last wait for a futex was for.
    pub fn wall_deadline(&self) -> Option<Instant> {
        self.wall_deadline
    }

    // Its end.

    /// `thread` joins it: `None` where another has done so or waits for it, else whether it is over.
    pub fn join(&mut self, thread: u32) -> Option<bool> {
        if self.joined || self.joiner != NONE && self.joiner != thread {
            return None;
        }
        let ended = self.has_ended();
        match ended {
            true => self.joined = true,
            false => self.joiner = thread,
        }
        Some(ended)
    }

    /// Whoever waits for its end does so no more.
    pub fn join_no_more(&mut self) {
        self.joiner = NONE;
    }

    /// The thread that waits for its end, or [`NONE`].
    pub fn joiner(&self) -> u32 {
        self.joiner
    }

    /// It will not be joined.
    pub fn detach(&mut self) {
        self.detached = true;
    }

    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// It is over; whether it was not before.
    pub fn end(&mut self) -> bool {
        std::mem::replace(&mut self.state, State::Ended) != State::Ended
    }
}

/// What it costs to be woken, in nanoseconds of virtual time.
const WAKE_NS: u64 = 2_000;

impl Scheduler {
    /// How long the thread is off the CPU now, in nanoseconds: 0 unless a fault says otherwise.
    #[inline(always)]
    pub fn off_cpu(&mut self, run: &mut Run, thread: u32) -> u64 {
        let t = &mut self.threads[thread as usize];
        if t.priority.is_even() && run.passes(Family::OffCpu, &mut &mut t.off_cpu) {
            return 0;
        }
        self.choose_off_cpu(run, thread)
    }

    #[cold]
    fn choose_off_cpu(&mut self, run: &mut Run, thread: u32) -> u64 {
        let Thread { off_cpu, name, time, .. } = &mut self.threads[thread as usize];
        // A thread may be ahead of the world, by a sync that was slow, and its faults have stopped then.
        let is_quiet = *time >= run.quiet_from();
        let delay = run.inject(
            Family::OffCpu,
            off_cpu,
            || name.clone(),
            |delay| (!is_quiet).then_some(Effect { time: *time, thread, args: [delay, 0, 0, 0] }),
        );
        let delay = delay.map_or(0, |(delay, _)| delay);
        if self[thread].priority.is_even() { delay } else { delay + self.slowness(run, thread) }
    }

    /// The wait of `thread` has ended, and it is listed nowhere any more: it goes on a little later.
    #[inline(always)]
    pub fn make_ready(&mut self, run: &mut Run, thread: u32, why: Wake) {
        let delay = self.off_cpu(run, thread);
        let now = run.now();
        let t = &mut self.threads[thread as usize];
        let waited = now.saturating_sub(t.time);
        match why {
            // Whoever looks now and then, and sleeps in between, does not spin, whatever it slept in.
            Wake::Deadline => t.effort.slept(now, waited),
            // It would have ended by itself.
            _ if t.no_restart && is_pause(waited) => t.effort.paused(now),
            _ => {}
        }
        t.state = State::Ready;
        t.wake = why;
        t.time = t.time.max(now) + WAKE_NS + delay;
        self.queue.plan_thread(t.time, thread);
    }

    /// Its process has stopped: `thread`, which runs or could, does not go on.
    pub fn park(&mut self, thread: u32) {
        let t = &mut self.threads[thread as usize];
        if matches!(t.state, State::Ready | State::Running) {
            t.state = State::Stopped;
        }
    }

    /// Its process is continued.
    pub fn unpark(&mut self, thread: u32, now: u64) {
        let t = &mut self.threads[thread as usize];
        if t.state == State::Stopped {
            t.state = State::Ready;
            t.time = t.time.max(now) + WAKE_NS;
            self.queue.plan_thread(t.time, thread);
        }
    }
}
