//! A simulated thread: its time, its state, what it waits for.

use super::{Effort, FOREVER, Priority, Scheduler, WaitOn, is_pause};
use crate::NONE;
use crate::choice::Stream;
use crate::fault::Family;
use crate::object::ThreadSignals;
use crate::run::{Effect, Run};
use crate::trace::Kind;
use eagain_net::{Fd, SigSet, ThreadBody};
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
    pub name: String,
    /// The name that the program has given it; empty: none.
    pub given: String,
    pub process: u32,
    /// As `gettid(2)` gives it.
    pub tid: i32,
    pub spawned: u32,
    /// Its own time.
    pub time: u64,
    pub(super) state: State,
    pub(super) wake: Wake,
    /// When the wait ends by itself, or [`FOREVER`].
    pub(super) deadline: u64,
    /// A handler ends the last wait for good: it had a deadline, or the call has got somewhere already.
    pub no_restart: bool,
    /// The moment of the wall clock that the last wait was for.
    pub wall_deadline: Option<eagain_net::Instant>,
    /// When the event queue looks at the deadline next; `u64::MAX`: no entry there. One entry serves many waits.
    pub(super) timer_at: u64,
    pub(super) wait: WaitOn,
    /// Open files that its call holds while it waits, and the descriptor that it has reserved.
    pub holds: Vec<u32>,
    pub reserved: Option<Fd>,
    /// The call that it is in, for reports.
    pub call: Kind,
    pub call_args: [u64; 4],
    pub body: Option<ThreadBody>,
    pub(super) off_cpu: Stream,
    /// How its priority goes: what each call takes longer, and from which call on.
    pub(super) priority: Priority,
    pub interrupts: Stream,
    pub wakeups: Stream,
    /// Slices of computing, in an unmodified program.
    pub preemptions: Stream,
    pub signals: ThreadSignals,
    /// What it has achieved.
    pub effort: Effort,
    /// How often it took or gave a lock since its last call.
    pub turns: u32,
    pub joined: bool,
    /// It will not be joined.
    pub detached: bool,
    pub joiner: u32,
    /// The last place at which it could be interleaved.
    pub site: &'static str,
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
            turns: 0,
            joined: false,
            detached: false,
            joiner: NONE,
            site: "",
        }
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
            _ if t.no_restart && is_pause(waited) => t.effort.last = now,
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
