//! A process: a descriptor table with a limit, signal dispositions, threads; how it begins and ends.

use super::{NONE, Who, World};
use crate::Oracle;
use crate::choice::{Distribution, Domain, Stream};
use crate::fault::Family;
use crate::object::{AioOp, AioTable, DescriptorTable, Object, PosixTimers, ProcessSignals, ResourceLimits};
use crate::panic::Panic;
use crate::run::{Effect, Run};
use crate::scheduler::{Thread, Wake};
use crate::syscall::{aio, descriptor, lock};
use crate::trace::Kind;
use eagain_net::{Errno, Resource, Rlimit, SigSet, ThreadBody};
use std::borrow::Cow;

/// What `getrandom` gives.
const ENTROPY: Domain = Domain("entropy");

/// What the buffers of a process's sockets held, all together, when its table was given the `installed`-th file and the
/// network had buffered `ever` bytes. Until the table is given another, they hold at most as much more as the network has
/// buffered since: so a call need not sum them up.
#[derive(Default)]
struct Bound {
    sum: u64,
    ever: u64,
    installed: u64,
}

/// A process of a host.
pub(crate) struct Process {
    name: String,
    host: u32,
    pid: i32,
    main_thread: u32,
    /// The thread that took the last signal which the main thread did not (`curr_target`).
    signal_target: u32,
    live_threads: u32,
    threads_made: u32,
    pub fds: DescriptorTable,
    /// That of descriptors is in the table, too.
    rlimits: ResourceLimits,
    /// When the table counts as full.
    fd_faults: Stream,
    pub signals: ProcessSignals,
    pub timers: PosixTimers,
    /// By a signal, until `SIGCONT`.
    stopped: bool,
    /// It counts for the end of the run.
    foreground: bool,
    may_panic: bool,
    /// Bytes that it may hold; 0: no limit.
    memory_limit: u64,
    /// What it may hold at most, as far as it was summed up.
    buffers: Bound,
    /// How often its threads have slept in a call.
    waits: u64,
    /// How it ended.
    exit: Option<i32>,
    pub lifecycle: super::Lifecycle,
    pub(super) spin_check: super::SpinCheck,
    pub(super) grace: super::Grace,
    rings_made: u32,
    pub aio: AioTable,
}

/// What a scenario allows a process, each time that it begins.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    may_panic: bool,
    descriptors: Rlimit,
    memory: u64,
}

impl Process {
    pub fn name(&self) -> &str {
        &self.name
    }

    #[inline(always)]
    pub fn host(&self) -> u32 {
        self.host
    }

    /// As `getpid(2)` gives it.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    pub fn main_thread(&self) -> u32 {
        self.main_thread
    }

    /// Its end is expected where it panics.
    pub fn allow_to_panic(&mut self) {
        self.may_panic = true;
    }

    pub fn may_panic(&self) -> bool {
        self.may_panic
    }

    /// It may hold so many bytes; 0: no limit.
    pub fn limit_memory(&mut self, bytes: u64) {
        self.memory_limit = bytes;
    }

    /// Whether what it holds is limited.
    #[inline(always)]
    pub fn has_memory_limit(&self) -> bool {
        self.memory_limit != 0
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            may_panic: self.may_panic,
            descriptors: self.rlimits.files_at_start(),
            memory: self.memory_limit,
        }
    }

    /// It takes the place of one that had these.
    pub(super) fn set_limits(&mut self, limits: Limits) {
        (self.may_panic, self.memory_limit) = (limits.may_panic, limits.memory);
        self.limit_descriptors(limits.descriptors);
    }

    /// From outside, as `ulimit -n` does it.
    pub fn limit_descriptors(&mut self, limit: Rlimit) {
        self.rlimits.give_files(limit);
        self.fds.set_limit(limit.soft);
    }

    pub fn rlimits(&self) -> &ResourceLimits {
        &self.rlimits
    }

    /// setrlimit(2).
    pub fn set_rlimit(&mut self, resource: Resource, limit: Rlimit) {
        self.rlimits.set(resource, limit);
        if resource == Resource::Files {
            self.fds.set_limit(limit.soft);
        }
    }

    /// A stop signal stops it.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// `SIGCONT` continues it; whether it was stopped.
    pub fn go_on(&mut self) -> bool {
        std::mem::take(&mut self.stopped)
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// The thread that took the last signal which the main thread did not.
    pub fn signal_target(&self) -> u32 {
        self.signal_target
    }

    /// `thread`, which is not the main one, takes a signal.
    pub fn set_signal_target(&mut self, thread: u32) {
        self.signal_target = thread;
    }

    /// A thread of it sleeps in a call.
    #[inline(always)]
    pub fn count_wait(&mut self) {
        self.waits += 1;
    }

    /// How often its threads have slept in a call.
    pub fn waits(&self) -> u64 {
        self.waits
    }

    /// Whether the run waits for its end.
    pub(super) fn is_awaited(&self) -> bool {
        self.foreground && self.exit.is_none()
    }

    /// How it ended; `None`: it has not.
    #[inline]
    pub fn exit_status(&self) -> Option<i32> {
        self.exit
    }

    #[inline]
    pub fn has_ended(&self) -> bool {
        self.exit.is_some()
    }

    /// How many of its threads have not ended.
    pub fn live_threads(&self) -> u32 {
        self.live_threads
    }

    /// An AIO operation, the stream by which turns are late, and the name of the choices.
    pub fn aio_turns(&mut self, id: u32) -> Option<(&mut AioOp, &mut Stream, &str)> {
        let (op, turns) = self.aio.get_with_turns(id)?;
        Some((op, turns, &self.name))
    }

    /// Whether a descriptor is free: `EMFILE` where the table is full, or counts as full for a while (`fd.limit`). It is that of the
    /// running `thread`, and has the index `process`.
    pub(super) fn check_fd_free(&mut self, run: &mut Run, process: u32, thread: u32) -> Result<(), Errno> {
        let now = run.now();
        let Process { fds, fd_faults, name, foreground, .. } = self;
        let full = run.inject(
            Family::FdLimit,
            fd_faults,
            || name.clone(),
            |full_for| {
                if *foreground || !fds.fill(now, full_for) {
                    return None;
                }
                let args = [u64::from(process), full_for, 0, 0];
                Some(Effect { time: now, thread, args })
            },
        );
        if let Some((_, event)) = full {
            fds.filled_by(event);
        }
        fds.check_free(now).map_err(|cause| {
            if let Some(cause) = cause {
                run.blame(cause);
            }
            Errno::EMFILE
        })
    }

    /// The name of its next ring.
    pub fn next_ring_name(&mut self) -> String {
        self.rings_made += 1;
        format!("{}#{}", self.name, self.rings_made)
    }
}

impl World {
    /// A choice that the running thread makes.
    pub fn choose_workload(&mut self, name: &'static str, low: u64, high: u64) -> u64 {
        let me = self.scheduler.current();
        let thread = self.scheduler[me].name();
        self.run.choose_workload(me, Cow::Borrowed(name), low, high, || format!("{thread}:{name}"))
    }

    /// `getrandom(2)`.
    pub fn sys_getrandom(&mut self, buffer: &mut [u8]) {
        let process = self.my_process();
        let name = &self.processes[process].name;
        let everything = Distribution::uniform(0, u64::MAX >> 16);
        for chunk in buffer.chunks_mut(4) {
            let actor = u32::MAX - process;
            let word = self.run.choose_named(actor, "entropy", ENTROPY, everything, || name.clone()) as u32;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }

    /// A new process on `host`, its main thread ready at `time`.
    pub fn add_process(
        &mut self,
        host: u32,
        name: String,
        foreground: bool,
        time: u64,
        body: eagain_net::ThreadBody,
    ) -> u32 {
        let index = self.processes.len();
        self.network.add_process(&name);
        let main_name = [&*name, "/0"].concat();
        self.processes.push(Process {
            host,
            pid: 1000 + index as i32 * 1000,
            main_thread: NONE,
            signal_target: NONE,
            live_threads: 0,
            threads_made: 0,
            fds: DescriptorTable::new(self.knobs.fd_limit),
            rlimits: ResourceLimits::new(self.knobs.fd_limit, self.knobs.sigpending_limit),
            fd_faults: Stream::default(),
            signals: ProcessSignals::at_start(self.knobs.sigpipe_ignored),
            timers: PosixTimers::default(),
            stopped: false,
            foreground,
            may_panic: false,
            memory_limit: 0,
            buffers: Bound::default(),
            waits: 0,
            exit: None,
            spin_check: super::SpinCheck::default(),
            grace: super::Grace::default(),
            lifecycle: super::Lifecycle::new(&name),
            rings_made: 0,
            aio: AioTable::default(),
            name,
        });
        self.foreground += u32::from(foreground);
        let main = self.add_thread(index, main_name, "", time, eagain_net::SigSet::EMPTY, body);
        let process = &mut self.processes[index];
        (process.main_thread, process.signal_target) = (main, main);
        index
    }

    /// The process that runs now.
    #[inline]
    pub fn me(&mut self) -> &mut Process {
        let process = self.scheduler.running().process();
        &mut self.processes[process]
    }

    /// The index of the process that runs now.
    #[inline]
    pub fn my_process(&self) -> u32 {
        self.scheduler.running().process()
    }

    /// The host of the running thread.
    pub fn my_host(&self) -> u32 {
        self.processes[self.my_process()].host
    }

    /// The world's time after `timeout` nanoseconds of this host's clock.
    #[inline]
    pub fn deadline_after(&self, timeout: u64) -> u64 {
        let host = self.my_host();
        self.run.now().saturating_add(self.hosts[host].true_duration(timeout))
    }

    /// O4: what a process holds, in its own memory and in the buffers of its sockets, must stay below its limit.
    pub fn check_memory(&mut self, process: u32) {
        let limit = self.processes[process].memory_limit;
        let Some(heap) = crate::allocator::held(process) else { return };
        let ever = self.network.ever_buffered();
        let Process { buffers: bound, fds, .. } = &self.processes[process];
        if bound.installed == fds.installed() && heap.saturating_add(bound.sum + (ever - bound.ever)) <= limit
        {
            return;
        }
        let (mut buffers, mut grows_with_the_network) = (0, true);
        for file in self.processes[process].fds.files() {
            let open = &self.files[file];
            let tcp = matches!(open.object, Object::Socket(_)) && !open.is_shared();
            grows_with_the_network &= tcp || !open.object.has_buffers();
            buffers += match open.object {
                Object::Socket(sock) => self.network.buffered(sock),
                Object::Udp(sock) => self.network.udp_buffered(sock),
                Object::Unix(sock) => self.network.unix_buffered(sock),
                Object::Pipe { pipe, end, .. } if end.reads() => self.pipes[pipe as usize].len() as u64,
                _ => 0,
            };
        }
        if grows_with_the_network {
            let p = &mut self.processes[process];
            p.buffers = Bound { sum: buffers, ever, installed: p.fds.installed() };
        }
        if heap + buffers > limit {
            let name = self.processes[process].name.clone();
            // No figures of the heap in the text: they may differ between builds.
            let message = format!("{name} holds more than {limit} bytes");
            self.fail_in(Who::Process(process), Oracle::BoundedMemory, "memory", message);
        }
    }

    /// A new thread of `process`, ready at `time`.
    pub fn add_thread(
        &mut self,
        process: u32,
        name: String,
        given: &str,
        time: u64,
        mask: SigSet,
        body: ThreadBody,
    ) -> u32 {
        let owner = &mut self.processes[process];
        let tid = owner.pid + owner.threads_made as i32;
        owner.threads_made += 1;
        owner.live_threads += 1;
        let thread = self.scheduler.add(Thread::new(name, given.to_owned(), process, tid, time, mask, body));
        if self.run.wants_names() {
            let shown = self.scheduler[thread].shown();
            self.run.name_thread(thread, &shown);
        }
        thread
    }

    /// A program gives another name to a thread that runs already. The keys of its choices stay.
    pub fn rename_thread(&mut self, thread: u32, given: &str) {
        self.scheduler[thread].rename(given);
        let shown = self.scheduler[thread].shown();
        self.run.rename_thread(thread, &shown);
    }

    /// For how long the threads of a process have computed, in nanoseconds.
    pub fn cpu_time(&self, process: u32) -> u64 {
        self.scheduler.iter().filter(|t| t.process() == process).map(Thread::computed).sum()
    }

    /// A thread's function returned, or panicked.
    pub fn thread_ended(&mut self, thread: u32) {
        let t = &mut self.scheduler[thread];
        if !t.end() {
            return;
        }
        let (process, joiner, time) = (t.process(), t.joiner(), t.time());
        if !self.scheduler.is_unwinding() {
            self.run.event_at(time, thread, Kind::ThreadEnd, [0; 4]);
        }
        if joiner != NONE {
            self.wake(joiner, Wake::Ready);
        }
        let owner = &mut self.processes[process];
        owner.live_threads -= 1;
        if thread == owner.main_thread && !self.scheduler.is_unwinding() {
            // exit_group(2): the process ends with its main function.
            self.exit_process(process, 0);
        }
    }

    /// The running thread has panicked, and its stack is unwound. It ends; its process too where it is the main thread. That
    /// breaks O16 unless the process may panic, or the panic is returned to whoever joins the thread.
    pub fn thread_panicked(&mut self, panic: Panic) {
        let thread = self.scheduler.current();
        let t = &self.scheduler[thread];
        let (name, process, detached) = (t.shown().into_owned(), t.process(), t.is_detached());
        let Panic { message, place } = panic;
        self.print(thread, &format!("panicked: {message}"));
        let owner = &self.processes[process];
        let is_main = owner.main_thread == thread;
        if !owner.may_panic {
            let message = format!("{name} panicked: {message}");
            let role = self.role_of(Who::Thread(thread));
            self.run.thread_panicked(thread, role, place, message);
            if is_main || detached {
                self.run.nobody_joins(thread);
            }
        }
        if is_main && !self.is_dying() {
            self.exit_process(process, 101);
        }
    }

    /// A line that a simulated program printed.
    pub fn print(&mut self, thread: u32, line: &str) {
        let name = self.scheduler.get(thread).map_or("-".into(), |t| t.shown());
        self.run.print(&name, line);
    }

    /// `exit_group(2)`: every thread of the process ends where it is, every descriptor is closed.
    pub fn exit_process(&mut self, process: u32, status: i32) {
        let p = &mut self.processes[process];
        if p.exit.is_some() {
            return;
        }
        p.exit = Some(status);
        let foreground = p.foreground;
        if self.scheduler.current() != NONE {
            let time = self.scheduler.running().time();
            self.run.event_at(time, self.scheduler.current(), Kind::Exit, [status as u64, 0, 0, 0]);
        }
        self.foreground -= u32::from(foreground);
        self.release_process(process);
    }

    /// The host of a process was switched off, or the process was killed: no code of it runs any more.
    pub fn kill_process(&mut self, process: u32, fault: Option<Family>) {
        let p = &mut self.processes[process];
        if p.exit.is_some() {
            return;
        }
        p.exit = Some(-9);
        let foreground = p.foreground;
        self.foreground -= u32::from(foreground);
        self.run.event_or_fault(fault, Kind::Killed, [u64::from(process), 0, 0, 0]);
        self.release_process(process);
    }

    /// First the kernel's state (descriptors released, locks left as they are), then the stacks, by the run loop.
    fn release_process(&mut self, process: u32) {
        for thread in 0..self.scheduler.len() as u32 {
            if self.scheduler[thread].process() != process {
                continue;
            }
            if self.scheduler[thread].has_ended() {
                continue;
            }
            if self.scheduler[thread].is_waiting() {
                self.stop_waiting(thread);
            }
            self.let_go(thread);
            self.scheduler.condemn(thread);
        }
        self.processes[process].timers = PosixTimers::default();
        aio::end(self, process);
        for file in self.processes[process].fds.take_all() {
            lock::process_closes(self, process, file);
            descriptor::release_file(self, file);
        }
        self.plan_restart(process);
    }
}
