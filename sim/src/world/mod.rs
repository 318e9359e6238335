//! The whole state of one run: hosts, processes, threads, files, wire, agenda, choices, trace. All of it is data; what
//! drives it is [`World::next`], which says whose turn it is, and the calls, which enter through `crate::kernel::door`.
//!
//! Time: each thread has its own, which its calls advance. The lowest (time, thread) runs; before it acts, everything
//! that is planned earlier has happened. So threads are truly parallel in virtual time, and no choice ever refers to the
//! set of threads that could run.

mod clocks;
mod happen;
mod host;
mod life;
mod notify;
mod process;
mod wait;

pub(crate) use host::{Host, TIME_WAIT_NS};
pub(crate) use life::{Factory, Life};
pub(crate) use notify::{ALL, Watcher};
pub(crate) use process::Process;

use crate::object::{Conn, OpenFile, Sock};
use crate::run::Run;
use crate::scheduler::{Event, FutexQueues, Scheduler};
use slab::Slab;

/// No index.
pub(crate) const NONE: u32 = u32::MAX;
/// A descriptor that no program has: it stands for the open file that an operation under way holds (`World::on_file`).
pub(crate) const LENT: eagain_net::Fd = eagain_net::Fd(i32::MIN);

/// One simulated world.
pub(crate) struct World {
    pub run: Run,
    pub scheduler: Scheduler,
    pub hosts: Vec<Host>,
    pub processes: Vec<Process>,
    pub files: Slab<OpenFile>,
    pub socks: Slab<Sock>,
    pub conns: Slab<Conn>,
    pub conn_generation: u32,
    pub futexes: FutexQueues,
    pub knobs: crate::knobs::KernelKnobs,
    /// Foreground processes that have not ended.
    pub foreground: u32,
    /// How many signalfds were made: without one, signals need not look for them.
    pub signalfds: u32,
    /// What [`LENT`] stands for, or [`NONE`].
    pub lent: u32,
    /// Counts what entries of the agenda refer to and has no other identity.
    pub numbers: u32,
    /// Ways between hosts that carry nothing.
    pub cuts: Vec<crate::network::Cut>,
    /// Hosts that are down, or cut off, the one counted as the other.
    pub hosts_away: u32,
    /// The agenda has an entry for the beginning of the quiet tail.
    pub quiet_planned: bool,
    /// When partitions begin.
    pub partitions: crate::choice::Stream,
    /// When hosts are cut off one after another.
    pub swizzles: crate::choice::Stream,
}

/// The larger collections of a world that is over, empty: the next one on this OS thread moves in, so that a sweep of small
/// worlds does not grow them anew each time. Nothing but their capacity outlives a world.
#[derive(Default)]
pub(crate) struct Rooms {
    scheduler: Scheduler,
    hosts: Vec<Host>,
    processes: Vec<Process>,
    files: Slab<OpenFile>,
    socks: Slab<Sock>,
    conns: Slab<Conn>,
}

/// Whose turn it is.
pub(crate) enum Next {
    /// This thread goes on.
    Run(u32),
    /// Nothing can happen any more, or the run is over.
    End,
}

impl World {
    /// An empty world in the rooms of an earlier one.
    pub fn new(run: Run, knobs: crate::knobs::KernelKnobs, rooms: Rooms) -> World {
        let Rooms { scheduler, hosts, processes, files, socks, conns } = rooms;
        World {
            run,
            scheduler: Scheduler::recycled(scheduler),
            hosts,
            processes,
            files,
            socks,
            conns,
            conn_generation: 0,
            futexes: FutexQueues::default(),
            knobs,
            foreground: 0,
            signalfds: 0,
            lent: NONE,
            numbers: 0,
            cuts: Vec::new(),
            hosts_away: 0,
            quiet_planned: false,
            partitions: crate::choice::Stream::default(),
            swizzles: crate::choice::Stream::default(),
        }
    }

    /// Leaves the rooms to the next world.
    pub fn move_out(&mut self) -> Rooms {
        self.hosts.clear();
        self.processes.clear();
        self.files.clear();
        self.socks.clear();
        self.conns.clear();
        Rooms {
            scheduler: std::mem::take(&mut self.scheduler),
            hosts: std::mem::take(&mut self.hosts),
            processes: std::mem::take(&mut self.processes),
            files: std::mem::take(&mut self.files),
            socks: std::mem::take(&mut self.socks),
            conns: std::mem::take(&mut self.conns),
        }
    }

    /// Lets everything happen up to the next turn of a thread.
    pub fn next(&mut self) -> Next {
        loop {
            if self.run.failed() || self.scheduler.has_condemned() || self.foreground == 0 {
                return Next::End;
            }
            if self.run.cut_off() {
                return Next::End;
            }
            let Some((time, event)) = self.scheduler.next() else { return Next::End };
            self.run.advance(time);
            if self.run.is_stuck(self.knobs.stuck_after_ns) {
                let waits = self.describe_threads();
                self.run.fail(
                    "O6",
                    "stuck",
                    format!("nothing got on for a long time after faults had stopped\n{waits}"),
                );
                return Next::End;
            }
            if let Event::Thread(thread) = event {
                if self.scheduler.start(thread) {
                    return Next::Run(thread);
                }
            } else {
                self.happen(event);
            }
        }
    }

    /// Lets everything happen that comes before `thread` at its time. `false`: another thread comes first, and this one
    /// has been put back into the plan.
    #[inline]
    pub fn catch_up(&mut self, thread: u32) -> bool {
        let time = self.scheduler[thread].time;
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
    pub fn settle(&mut self, time: u64) {
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

    /// Whether the running thread is being unwound.
    pub fn is_dying(&self) -> bool {
        self.scheduler.is_unwinding()
    }

    /// Something got on: the clock of the liveness oracle starts anew.
    #[inline]
    pub fn progress(&mut self) {
        self.scheduler.progress(&mut self.run);
    }
}
