//! One simulated world: its components, and what they do to each other. What drives it is [`World::next`], which says
//! whose turn it is, and the calls, which enter through `crate::kernel`.
//!
//! ```text
//!   dispatch     what a planned event does        notify     who is woken when a file may be ready, and how
//!   process      its threads, its memory, exit    lifecycle  kill, crash, restart
//!   descriptors  what a call works on and holds   host, clocks   processors, what clocks show
//!   liveness     whether each client goes on (O6) spin       whether calls achieve anything (O3)
//!   who, describe, awaited   whom a failure concerns, what each thread does meanwhile, and who has to act before it goes on
//! ```

mod awaited;
mod clocks;
mod describe;
mod descriptors;
mod dispatch;
mod host;
mod lifecycle;
mod liveness;
mod notify;
mod process;
mod spin;
mod who;

pub(crate) use host::Host;
pub(crate) use lifecycle::{Factory, Lifecycle};
pub(crate) use liveness::{Grace, Liveness};
pub(crate) use process::Process;
pub(crate) use spin::{Made, SpinCheck};
pub(crate) use who::Who;

pub(crate) use crate::NONE;

use crate::Oracle;
use crate::network::{Net, Network};
use crate::object::{Locks, OpenFiles, Table};
use crate::run::{INTERRUPTED, Run};
use crate::scheduler::{Event, FutexQueues, Scheduler};
use crate::syscall::lock::LockWait;
use slab::Slab;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A descriptor that no program has: it stands for the open file that an operation under way holds (`World::by_borrowed_fd`).
pub(crate) const BORROWED_FD: eagain_net::Fd = eagain_net::Fd(i32::MIN);
/// A descriptor that no program has: the open file that the running thread's call holds (`World::hold`).
pub(crate) const HELD_FD: eagain_net::Fd = eagain_net::Fd(i32::MIN + 1);

/// One simulated world.
pub(crate) struct World {
    pub run: Run,
    pub scheduler: Scheduler,
    pub hosts: Table<Host>,
    pub processes: Table<Process>,
    pub files: OpenFiles,
    pub network: Network,
    pub pipes: Slab<crate::object::Pipe>,
    pub futexes: FutexQueues,
    /// What is locked of files.
    pub locks: Locks,
    /// Who waits for a lock of a file, in the order in which they came.
    pub lock_waits: Vec<LockWait>,
    pub knobs: crate::knobs::KernelKnobs,
    /// Foreground processes that have not ended.
    foreground: u32,
    /// Whether any signal was ever sent: else nobody need look for one.
    pub signals_sent: bool,
    /// Whether a process was ever stopped: without one, turns need not ask.
    pub any_stopped: bool,
    /// Whether a timer waits until a thread computes, or did: without one, wakes need not look for them.
    pub dormant_timers: bool,
    /// How many signalfds were made: without one, signals need not look for them.
    pub signalfds: u32,
    /// What [`BORROWED_FD`] stands for, or [`NONE`].
    borrowed_file: u32,
    /// Counts what events refer to and has no other identity.
    numbers: u32,
    pub liveness: Liveness,
    pub outside: Outside,
}

/// What a run has to do with the thread that waits for it, and not with itself.
#[derive(Default)]
pub(crate) struct Outside {
    /// Moves while calls are made.
    pub heartbeat: Arc<AtomicU64>,
    /// Set from outside, it ends the run.
    pub stop: Arc<AtomicBool>,
}

/// The larger collections of a world that is over, empty: the next one on this OS thread moves in, so that a sweep of small
/// worlds does not grow them anew each time. Nothing but their capacity outlives a world.
#[derive(Default)]
pub(crate) struct Recycled {
    scheduler: Scheduler,
    hosts: Table<Host>,
    processes: Table<Process>,
    files: OpenFiles,
    network: Network,
}

/// Whose turn it is.
pub(crate) enum Next {
    /// This thread goes on.
    Run(u32),
    /// Nothing can happen any more, or the run is over.
    End,
}

impl World {
    /// An empty world in the buffers of an earlier one.
    pub fn new(run: Run, knobs: crate::knobs::KernelKnobs, recycled: Recycled) -> World {
        let Recycled { scheduler, hosts, processes, files, network } = recycled;
        World {
            run,
            scheduler: Scheduler::recycled(scheduler),
            hosts,
            processes,
            files,
            network: Network::recycled(network),
            pipes: Slab::new(),
            futexes: FutexQueues::default(),
            locks: Locks::default(),
            lock_waits: Vec::new(),
            knobs,
            foreground: 0,
            signals_sent: false,
            any_stopped: false,
            dormant_timers: false,
            signalfds: 0,
            borrowed_file: NONE,
            numbers: 0,
            liveness: Liveness::default(),
            outside: Outside::default(),
        }
    }

    /// Calls were made; whether the run is to end.
    pub fn beat(&mut self) {
        self.outside.heartbeat.store(self.outside.heartbeat.load(Relaxed).wrapping_add(1), Relaxed);
        if self.outside.stop.load(Relaxed) {
            self.run.fail(Oracle::Own(INTERRUPTED), "", String::new());
        }
    }

    /// Leaves the buffers to the next world.
    pub fn move_out(&mut self) -> Recycled {
        self.hosts.clear();
        self.processes.clear();
        self.files.clear();
        Recycled {
            scheduler: std::mem::take(&mut self.scheduler),
            hosts: std::mem::take(&mut self.hosts),
            processes: std::mem::take(&mut self.processes),
            files: std::mem::take(&mut self.files),
            network: std::mem::take(&mut self.network),
        }
    }

    /// The network, for what changes nothing that anybody waits for.
    #[inline(always)]
    pub fn net(&mut self) -> Net<'_> {
        let World { network, run, scheduler, knobs, .. } = self;
        Net { net: network, run, scheduler, knobs }
    }

    /// Acts on the network, and then delivers what it reports to those who watch.
    #[inline(always)]
    pub fn on_network<R>(&mut self, act: impl FnOnce(&mut Net) -> R) -> R {
        let result = act(&mut self.net());
        self.deliver_notices();
        result
    }

    /// Delivers what the network has reported: after a step of it that is made without [`World::on_network`].
    #[inline(always)]
    pub fn deliver_notices(&mut self) {
        if self.network.has_notices() {
            self.deliver();
        }
    }

    /// Lets everything happen up to the next turn of a thread.
    #[inline(always)] // its one caller is the run loop
    pub fn next(&mut self) -> Next {
        loop {
            if self.run.failed() || self.scheduler.has_condemned() || self.foreground == 0 {
                return Next::End;
            }
            if self.run.has_too_many_events() {
                self.fail_no_end();
                return Next::End;
            }
            let Some((time, event)) = self.scheduler.next() else { return Next::End };
            self.run.advance(time);
            if time > self.liveness.look_at && self.check_liveness(time) {
                return Next::End;
            }
            if let Event::Thread(thread) = event {
                if self.any_stopped && self.processes[self.scheduler[thread].process()].is_stopped() {
                    self.scheduler.park(thread);
                } else if self.scheduler.start(thread) {
                    return Next::Run(thread);
                }
            } else {
                self.happen(event);
            }
        }
    }

    /// Lets everything happen that comes before `thread` at its time. `false`: another thread comes first, and this one
    /// has been put back into the plan.
    #[inline(always)]
    pub fn catch_up(&mut self, thread: u32) -> bool {
        let time = self.scheduler[thread].time();
        if self.scheduler.before(time, thread).is_some() {
            return self.catch_up_events_before(thread, time);
        }
        self.run.advance(time);
        true
    }

    #[inline(never)]
    fn catch_up_events_before(&mut self, thread: u32, time: u64) -> bool {
        while let Some(event) = self.scheduler.before(time, thread) {
            if matches!(event, Event::Thread(_)) || self.run.failed() {
                self.scheduler.yield_turn(thread);
                return false;
            }
            if let Some((at, event)) = self.scheduler.next() {
                self.run.advance(at);
                self.happen(event);
            }
            if self.run.failed() || self.scheduler.has_condemned() {
                self.scheduler.yield_turn(thread);
                return false;
            }
        }
        self.run.advance(time);
        true
    }

    /// Lets happen what is due by now, but no other thread go on.
    #[cold]
    pub fn catch_up_events(&mut self, time: u64) {
        while let Some(event) = self.scheduler.before(time, 0) {
            if matches!(event, Event::Thread(_)) || self.run.failed() {
                return;
            }
            if let Some((at, event)) = self.scheduler.next() {
                self.run.advance(at);
                self.happen(event);
            }
        }
    }

    /// The next number for something that the event queue refers to; none is used twice.
    pub fn next_number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    /// Whether a process runs, or will, whose end the run waits for.
    pub fn has_client(&self) -> bool {
        self.foreground > 0
    }

    /// The open file that [`BORROWED_FD`] stands for, or [`NONE`].
    pub fn borrowed_file(&self) -> u32 {
        self.borrowed_file
    }

    /// Whether the running thread is being unwound.
    pub fn is_dying(&self) -> bool {
        self.scheduler.is_unwinding()
    }

    /// The running thread has achieved something.
    #[inline]
    pub fn progress(&mut self) {
        self.scheduler.progress(&self.run);
    }
}
