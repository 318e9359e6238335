//! A simulated thread: its time, its state, what it waits for.

use super::{NONE, WaitOn, World};
use crate::choice::Stream;
use crate::fault::Family;
use crate::object::SignalQueue;
use crate::run::Effect;
use crate::trace::Kind;
use eagain_net::{SigSet, ThreadBody};

/// What a thread is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// In the agenda, to go on at its time.
    Ready,
    /// On its stack.
    Running,
    /// Until something wakes it.
    Waiting,
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
    /// `process/0` for the first, and then the how-manieth spawn of its parent: `process/0.2`.
    pub name: String,
    pub process: u32,
    /// As `gettid(2)` gives it.
    pub tid: i32,
    pub spawned: u32,
    /// Its own time.
    pub time: u64,
    pub state: State,
    pub wake: Wake,
    /// When the wait ends by itself; `u64::MAX`: never.
    pub deadline: u64,
    /// A handler ends the last wait for good: it had a deadline, or the call has got somewhere already.
    pub no_restart: bool,
    /// The moment of the wall clock that the last wait was for.
    pub wall_deadline: Option<eagain_net::Instant>,
    /// When the agenda looks at the deadline next; `u64::MAX`: no entry there. One entry serves many waits.
    pub timer_at: u64,
    pub wait: WaitOn,
    /// The call that it is in, for reports.
    pub call: Kind,
    pub call_args: [u64; 4],
    pub body: Option<ThreadBody>,
    pub off_cpu: Stream,
    /// How its priority goes: what each call takes longer, and from which call on.
    pub pace: super::Pace,
    pub interrupts: Stream,
    pub wakeups: Stream,
    pub mask: SigSet,
    /// The mask to go back to when a wait with a mask of its own ends.
    pub saved_mask: Option<SigSet>,
    pub pending: SignalQueue,
    pub in_handler: u32,
    /// Signals that it waits for in `sigtimedwait`, although they are blocked.
    pub awaited: SigSet,
    /// It was stopped and continued while it waited: `EINTR` without a handler.
    pub stopped: bool,
    /// Calls since something got on.
    pub idle_calls: u32,
    /// How often it took or gave a lock since its last call.
    pub turns: u32,
    pub joined: bool,
    pub joiner: u32,
    /// The last place at which it could be interleaved.
    pub site: &'static str,
}

impl Thread {
    /// Whether a signal can be delivered to it now; a stop and continue is over with being asked.
    #[inline]
    pub fn has_deliverable(&mut self, process: &super::Process) -> bool {
        let stopped = std::mem::take(&mut self.stopped);
        stopped || (self.pending.set.0 | process.pending.set.0) & !self.mask.0 != 0
    }
}

/// What it costs to be woken, in nanoseconds of virtual time.
const WAKE_NS: u64 = 2_000;

impl World {
    /// A new thread of `process`, ready at `time`.
    pub fn add_thread(
        &mut self,
        process: u32,
        name: String,
        time: u64,
        mask: SigSet,
        body: ThreadBody,
    ) -> u32 {
        let index = self.threads.len() as u32;
        let owner = &mut self.processes[process as usize];
        let tid = owner.pid + owner.threads_made as i32;
        owner.threads_made += 1;
        owner.live_threads += 1;
        if self.run.keeps_events() {
            self.run.name_thread(index, &name);
        }
        self.threads.push(Thread {
            name,
            process,
            tid,
            spawned: 0,
            time,
            state: State::Ready,
            wake: Wake::Ready,
            deadline: u64::MAX,
            no_restart: false,
            wall_deadline: None,
            timer_at: u64::MAX,
            wait: WaitOn::Nothing,
            call: Kind::ThreadStart,
            call_args: [0; 4],
            body: Some(body),
            off_cpu: Stream::default(),
            pace: super::Pace::default(),
            interrupts: Stream::default(),
            wakeups: Stream::default(),
            mask,
            saved_mask: None,
            pending: SignalQueue::default(),
            in_handler: 0,
            awaited: SigSet::EMPTY,
            stopped: false,
            idle_calls: 0,
            turns: 0,
            joined: false,
            joiner: NONE,
            site: "",
        });
        self.queue.plan_thread(time, index);
        index
    }

    /// How long the thread is off the CPU now: 0 unless the family chooses otherwise.
    #[inline]
    pub fn off_cpu(&mut self, thread: u32) -> u64 {
        let t = &mut self.threads[thread as usize];
        let Thread { off_cpu, name, time, .. } = t;
        let delay = self.run.inject(
            Family::OffCpu,
            off_cpu,
            || name.clone(),
            |delay| Some(Effect { time: *time, thread, kind: Kind::FaultOffCpu, args: [delay, 0, 0, 0] }),
        );
        let delay = delay.map_or(0, |(delay, _)| delay);
        if t.pace.is_even() { delay } else { delay + self.paced(thread) }
    }

    /// Ends the wait of `thread`, if it waits.
    pub fn wake(&mut self, thread: u32, why: Wake) {
        if self.threads[thread as usize].state != State::Waiting {
            return;
        }
        self.stop_waiting(thread);
        let delay = self.off_cpu(thread);
        let now = self.run.now();
        let t = &mut self.threads[thread as usize];
        if why == Wake::Deadline && now.saturating_sub(t.time) >= crate::kernel::REAL_SLEEP_NS {
            // Whoever looks now and then, and sleeps in between, does not spin, whatever it slept in.
            t.idle_calls = 0;
        }
        t.state = State::Ready;
        t.wake = why;
        t.time = t.time.max(now) + WAKE_NS + delay;
        let time = t.time;
        self.queue.plan_thread(time, thread);
    }

    /// The time of a wait is over, or the entry is older than the wait.
    pub fn deadline(&mut self, thread: u32) {
        let now = self.run.now();
        let t = &mut self.threads[thread as usize];
        if t.timer_at <= now {
            t.timer_at = u64::MAX;
        }
        if t.state != State::Waiting {
            return;
        }
        if t.deadline <= now {
            self.wake(thread, Wake::Deadline);
        } else if t.deadline < t.timer_at {
            t.timer_at = t.deadline;
            let at = t.deadline;
            self.queue.plan(at, crate::scheduler::Event::Deadline(thread));
        }
    }

    /// A thread's function returned, or panicked.
    pub fn thread_ended(&mut self, thread: u32) {
        let t = &mut self.threads[thread as usize];
        if t.state == State::Ended {
            return;
        }
        t.state = State::Ended;
        let (process, joiner, time) = (t.process, t.joiner, t.time);
        if !self.dying {
            self.run.event_at(time, thread, Kind::ThreadEnd, [0; 4]);
        }
        if joiner != NONE {
            self.wake(joiner, Wake::Ready);
        }
        let owner = &mut self.processes[process as usize];
        owner.live_threads -= 1;
        if thread == owner.main_thread && !self.dying {
            // exit_group(2): the process ends with its main function.
            self.exit_process(process, 0);
        }
    }

    /// A server thread that panics ends its process (O16), unless the scenario allows it.
    pub fn thread_panicked(&mut self, message: String) {
        let thread = self.current;
        let t = &self.threads[thread as usize];
        let (name, process) = (t.name.clone(), t.process);
        self.print(thread, &format!("panicked: {message}"));
        if !self.processes[process as usize].may_panic {
            self.run.fail("O16", "panic", format!("{name} panicked: {message}"));
        }
        self.exit_process(process, 101);
    }

    /// A line that a simulated program printed.
    pub fn print(&mut self, thread: u32, line: &str) {
        let name = self.threads.get(thread as usize).map_or("-", |t| t.name.as_str());
        self.run.print(name, line);
    }
}
