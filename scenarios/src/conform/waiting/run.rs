//! The interpreter: workers make the calls that may wait, the program goes on when each has returned or is asleep.

mod clash;
mod set_up;
mod transfer;

use super::draw::Slot::{self, A, B, C, D, E, F, G, H, L, N, P, Q, S, T, U, V, W};
use super::draw::{RingOp, SLOTS, Step, WORKERS};
use super::make::{self, AWAITED, Done, Job, TIMEOUT, bytes, of, pattern};
use super::table::{Cell, Table, named};
use clash::consumes;
use eagain_net::{
    Domain, EpollOp, Errno, Events, Fd, FutexTimeout, Kernel, Linux, MaskHow, OpenFlags, PollFd, RecvFlags,
    Result, SendFlags, ShutdownHow, SigAction, SigSet, Signal, SocketAddr, SocketFlags, SocketOption,
    StatusFlags, ThreadId,
};
use std::any::TypeId;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);
/// Timeouts are over after it.
const LATER: Duration = Duration::from_millis(800);
/// How long a thread of the simulation has to come to rest.
const REST: Duration = Duration::from_micros(60);
const RESTARTS: Signal = Signal::SIGUSR1;
const ENDS: Signal = Signal::SIGUSR2;

/// Where a worker is: it has nothing to do, was given a call, is in it, has returned.
const IDLE: u32 = 0;
const GIVEN: u32 = 1;
const INSIDE: u32 = 2;
const DONE: u32 = 3;
const STOP: u32 = 4;

#[derive(Default)]
struct Desk {
    state: AtomicU32,
    job: Mutex<Option<Job>>,
    done: Mutex<Done>,
}

struct Worker {
    thread: ThreadId,
    desk: Arc<Desk>,
    /// What it is in, the object that it waits for, and whether it was seen asleep there.
    call: Option<(Step, u32)>,
    waited: bool,
    /// What it works on, and what that was like when the call was made, for the table.
    met: (&'static str, String),
    /// What Linux says of the thread. Open from the start: a number that the program closes must not come back while somebody
    /// only looks.
    stat: Option<File>,
}

/// Whether a thread's line in `/proc` says that it sleeps (`proc_pid_stat(5)`).
fn is_asleep(stat: &[u8]) -> bool {
    let after = stat.rsplit(|&byte| byte == b')').next().unwrap_or(&[]);
    after.trim_ascii_start().starts_with(b"S")
}

/// Whether every other thread of this process sleeps: those of the C library that do what AIO was given, and those of the kernel
/// that do what a ring was given, are not the program's own. It opens files, whose numbers nobody else may take: to be asked once
/// the workers rest.
fn others_sleep() -> bool {
    let me = std::fs::read_link("/proc/thread-self").unwrap_or_default();
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut others = threads.filter(|thread| Some(&*thread.file_name()) != me.file_name());
    // One that has ended meanwhile does nothing any more.
    others.all(|thread| std::fs::read(thread.path().join("stat")).map_or(true, |stat| is_asleep(&stat)))
}

fn work<K: Kernel>(k: K, desk: &Desk, words: Arc<[AtomicU32; 2]>) {
    let mut worker = make::Worker { k, ring: None, words };
    loop {
        let state = desk.state.load(SeqCst);
        match state {
            GIVEN => {
                let job = *desk.job.lock().unwrap_or_else(PoisonError::into_inner);
                desk.state.store(INSIDE, SeqCst);
                let done = job.map(|job| worker.make(job)).unwrap_or_default();
                *desk.done.lock().unwrap_or_else(PoisonError::into_inner) = done;
                desk.state.store(DONE, SeqCst);
            }
            STOP => return,
            _ => _ = k.futex_wait(&desk.state, state, FutexTimeout::Never),
        }
    }
}

struct Program<K> {
    k: K,
    slots: [Fd; SLOTS],
    /// Which open file each slot refers to; 0: none. Duplicates have the same.
    objects: [u32; SLOTS],
    made: u32,
    address: SocketAddr,
    sent: u8,
    workers: Vec<Worker>,
    /// What futexes are about.
    words: Arc<[AtomicU32; 2]>,
    /// Which kind of object each of those is that the program began with.
    kinds: BTreeMap<u32, &'static str>,
    /// What was ever put into which set, as objects.
    watched: BTreeSet<(u32, u32)>,
    /// The other end of each TCP connection that the program began with.
    peers: BTreeMap<u32, u32>,
    /// Ends whose receive buffer was filled, those whose size was set, and which ways ends are shut.
    full: BTreeSet<u32>,
    tight: BTreeSet<u32>,
    shut: BTreeMap<u32, [bool; 2]>,
}

/// Whether a call moves more than TCP takes for certain.
fn much(step: Step) -> bool {
    match step {
        Step::Write(_, len) | Step::Ring(_, _, len, _) | Step::Aio(false, _, len, _) => len > 100,
        _ => false,
    }
}

impl<K: Kernel> Program<K> {
    fn put(&mut self, slot: Slot, fd: Fd, object: Option<u32>) {
        self.made += 1;
        self.objects[slot as usize] = object.unwrap_or(self.made);
        let old = std::mem::replace(&mut self.slots[slot as usize], fd);
        if old.0 >= 0 && old != fd {
            let _ = self.k.close(old);
        }
    }

    /// What kind of object is in a slot.
    fn kind(&self, slot: Slot) -> &'static str {
        match self.objects[slot as usize] {
            0 => "nothing",
            object => self.kinds.get(&object).copied().unwrap_or("connection"),
        }
    }

    /// What poll says of an object, and what of it has to do with a call.
    fn state(&self, step: Step, slot: Slot) -> String {
        if let Step::SigWait(..) = step {
            let pending = self.k.sigpending().unwrap_or_default();
            return if AWAITED.iter().any(|&one| pending.contains(one)) { "pending" } else { "none" }
                .to_owned();
        }
        if let Step::Futex(..) = step {
            return String::new();
        }
        let all = Events::IN | Events::OUT | Events::RDHUP | Events::PRI;
        let mut fds = [PollFd::new(self.slots[slot as usize], all)];
        match self.k.poll(&mut fds, NOW, None) {
            Ok(_) => format!("{:?}", fds[0].revents).replace("POLL", ""),
            Err(errno) => format!("{errno:?}"),
        }
    }

    /// Waits until every worker has returned, or is asleep inside its call, and those who work for it sleep too.
    fn wait_until_idle(&mut self) {
        let real = TypeId::of::<K>() == TypeId::of::<Linux>();
        let rests = |worker: &Worker| match worker.desk.state.load(SeqCst) {
            GIVEN => false,
            INSIDE if real => {
                let mut text = [0; 512];
                let read = worker.stat.as_ref().and_then(|stat| stat.read_at(&mut text, 0).ok()).unwrap_or(0);
                is_asleep(&text[..read]) && worker.desk.state.load(SeqCst) == INSIDE
            }
            _ => true,
        };
        let helped = |worker: &Worker| matches!(worker.call, Some((Step::Aio(..) | Step::Ring(..), _)));
        let helpers = real && self.workers.iter().any(helped);
        let mut calm = 0;
        while calm < 2 {
            match real {
                true => self.k.sched_yield(),
                false => _ = self.k.nanosleep(REST),
            }
            let rest = self.workers.iter().all(rests) && (!helpers || others_sleep());
            calm = if rest { calm + 1 } else { 0 };
        }
    }

    /// What the workers that have returned came to. `true`: what came of it may have woken others.
    fn collect(&mut self, table: &mut Table, text: &mut String) -> bool {
        let mut accepted = Vec::new();
        for at in 0..self.workers.len() {
            let worker = &mut self.workers[at];
            if worker.desk.state.load(SeqCst) != DONE {
                worker.waited |= worker.call.is_some();
                continue;
            }
            worker.desk.state.store(IDLE, SeqCst);
            let Some((step, _)) = worker.call.take() else { continue };
            let done = std::mem::take(&mut *worker.desk.done.lock().unwrap_or_else(PoisonError::into_inner));
            let waited = std::mem::take(&mut worker.waited);
            let (object, state) = std::mem::take(&mut worker.met);
            let (call, flags) = named(step);
            table.note(Cell { call, object, flags, state, result: done.class, waited });
            *text += &format!(" [{at}: {}]", done.text);
            if let Some(fd) = done.new {
                accepted.push((if let Step::Accept(_, slot) = step { slot } else { Slot::X }, fd));
            }
        }
        // Only now: what was in the slot is closed, and whether who waits at its other end has returned while we look, is a race.
        let any = !accepted.is_empty();
        accepted.into_iter().for_each(|(slot, fd)| self.put(slot, fd, None));
        any
    }

    /// Puts an object into the set, unless calls wait for the two of them that would clash then.
    fn watch(&mut self, slot: Slot, events: Events) -> String {
        let (set, object) = (self.objects[E as usize], self.objects[slot as usize]);
        let calls = || self.workers.iter().filter_map(|worker| worker.call);
        if calls().any(|(_, its)| its == set) && calls().any(|(step, its)| its == object && consumes(step)) {
            return "clashes".to_owned();
        }
        let (set_fd, fd) = (self.slots[E as usize], self.slots[slot as usize]);
        let result = self.k.epoll_ctl(set_fd, EpollOp::Add, fd, events, slot as u64);
        if result.is_ok() {
            self.watched.insert((set, object));
        }
        said(result)
    }

    /// Gives a call to a worker, unless another waits for what it would take.
    fn give(&mut self, step: Step, slot: Slot) -> String {
        let signals = matches!(step, Step::SigWait(..));
        let words = matches!(step, Step::Futex(..));
        let object = if signals || words { 0 } else { self.objects[slot as usize] };
        if much(step) && !self.is_local(slot) {
            return "elsewhere".to_owned();
        }
        if self.workers.iter().filter_map(|worker| worker.call).any(|call| self.clash((step, object), call)) {
            return "clashes".to_owned();
        }
        let job = Job { step, fd: self.slots[slot as usize], address: self.address };
        let kind = match step {
            Step::SigWait(..) => "signals",
            Step::Futex(..) => "word",
            _ => self.kind(slot),
        };
        let met = (kind, self.state(step, slot));
        let Some(worker) = self.workers.iter_mut().find(|worker| worker.call.is_none()) else {
            return "nobody free".to_owned();
        };
        worker.met = met;
        worker.call = Some((step, object));
        *worker.desk.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(job);
        worker.desk.state.store(GIVEN, SeqCst);
        let _ = self.k.futex_wake(&worker.desk.state, 1);
        "given".to_owned()
    }

    fn option(&self, slot: Slot, option: SocketOption) -> String {
        said(self.k.setsockopt(self.slots[slot as usize], option))
    }

    fn replace(&mut self, from: Slot, to: Slot) -> String {
        let (old, new) = (self.slots[from as usize], self.slots[to as usize]);
        if new.0 < 0 {
            return "nothing there".to_owned();
        }
        let result = self.k.dup3(old, new);
        if result.is_ok() {
            self.objects[to as usize] = self.objects[from as usize];
        }
        said(result)
    }

    fn take_step(&mut self, step: Step) -> String {
        let k = self.k;
        let fd = |slot: Slot| self.slots[slot as usize];
        match step {
            Step::Recv(slot, ..) | Step::Read(slot, _) | Step::Accept(slot, _) | Step::Connect(slot) => {
                self.give(step, slot)
            }
            Step::Poll(slot, ..) | Step::Select(slot, _) | Step::Wait(slot, ..) => self.give(step, slot),
            Step::Write(slot, _) | Step::Add(slot, _) | Step::Ring(_, slot, ..) => self.give(step, slot),
            // A thread of the library cannot be interrupted, and its call on anything else may never end.
            Step::Aio(_, slot, ..) => match self.kind(slot) {
                "pipe" | "unix" => self.give(step, slot),
                kind if [B, D].contains(&slot) && !["counter", "udp"].contains(&kind) => {
                    self.give(step, slot)
                }
                _ => "elsewhere".to_owned(),
            },
            Step::SigWait(..) | Step::Futex(..) => self.give(step, G),
            // A lock of what is no file is one of whoever else has the same inode, as all counters have.
            Step::Flock(slot, _) | Step::TryFlock(slot, _) if self.kind(slot) != "file" => {
                "elsewhere".to_owned()
            }
            Step::SetLock(slot, _) | Step::TrySetLock(slot, _) | Step::GetLock(slot, _)
                if !["file", "nothing"].contains(&self.kind(slot)) =>
            {
                "elsewhere".to_owned()
            }
            Step::Flock(slot, _) | Step::SetLock(slot, _) => self.give(step, slot),
            Step::TryFlock(slot, lock) => said(k.flock(fd(slot), lock)),
            Step::TrySetLock(slot, lock) => said(k.fcntl_setlk(fd(slot), lock)),
            Step::GetLock(slot, lock) => {
                let found = k.fcntl_getlk(fd(slot), lock);
                let text = |(lock, pid): (_, i32)| {
                    format!("{lock:?} {}", if pid < 0 { "open file" } else { "process" })
                };
                of(found, |found| (found.map_or_else(|| "free".to_owned(), text), "")).text
            }
            Step::FutexWake(word, most) => {
                format!("{:?}", k.futex_wake(&self.words[usize::from(word) % 2], most.into()))
            }
            Step::Requeue(word, wake, most) => {
                let [from, to] = [word, word + 1].map(|at| &self.words[usize::from(at) % 2]);
                format!("{:?}", k.futex_cmp_requeue(from, 0, wake.into(), most.into(), to))
            }
            Step::Drain(slot, len) => self.drain(slot, len),
            Step::Fill(slot, len) => self.fill(slot, len),
            Step::Tight(slot) => self.tighten(slot),
            Step::Flood(slot) => self.flood(slot),
            Step::Empty(slot) => self.empty(slot),
            Step::Signal(which, how) => self.signal(AWAITED[usize::from(which) % AWAITED.len()], how),
            Step::Pending => {
                let pending = k.sigpending().unwrap_or_default();
                format!("{:?}", AWAITED.map(|one| pending.contains(one)))
            }
            Step::Send(slot, len) => {
                self.sent = self.sent.wrapping_add(1);
                let bytes: Vec<u8> = (0..len as u8).map(|at| at.wrapping_mul(7) ^ self.sent).collect();
                let result = k.send(fd(slot), &bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
                of(result, |n| (n.to_string(), "")).text
            }
            Step::Take(slot, len, flags) => {
                let mut buffer = [0; 128];
                let flags = flags | RecvFlags::DONTWAIT;
                of(k.recv(fd(slot), &mut buffer[..len], flags), |n| bytes(&buffer, n)).text
            }
            // A write may wait for a connection.
            Step::Count(slot, _) if k.getsockname(fd(slot)).is_ok() => "a socket".to_owned(),
            Step::Count(slot, _) if !self.is(slot, Events::OUT) => "full".to_owned(),
            Step::Count(slot, value) => said(k.write(fd(slot), &value.to_ne_bytes())),
            Step::Dial(slot) => match self.socket(SocketFlags::NONBLOCK) {
                Ok(new) => {
                    let result = k.connect(new, self.address);
                    let _ = k.fcntl_setfl(new, StatusFlags::NONE);
                    self.put(slot, new, None);
                    said(result)
                }
                Err(errno) => format!("{errno:?}"),
            },
            Step::Ask(slot) => {
                let all = Events::IN | Events::OUT | Events::RDHUP | Events::PRI;
                let mut fds = [PollFd::new(fd(slot), all)];
                of(k.poll(&mut fds, NOW, None), |_| (format!("{:?}", fds[0].revents), "")).text
            }
            Step::Close(slot) => {
                self.objects[slot as usize] = 0;
                let old = std::mem::replace(&mut self.slots[slot as usize], Fd(-1));
                said(k.close(old))
            }
            Step::Dup(from, to) => match k.dup(fd(from)) {
                Ok(new) => {
                    let object = self.objects[from as usize];
                    self.put(to, new, Some(object));
                    "ok".to_owned()
                }
                Err(errno) => format!("{errno:?}"),
            },
            Step::Replace(from, to) => self.replace(from, to),
            Step::Shutdown(slot, how) => {
                let how = [ShutdownHow::Read, ShutdownHow::Write, ShutdownHow::Both][how as usize % 3];
                self.shut(slot, how)
            }
            Step::LowAt(slot, bytes) => self.low_water(slot, bytes),
            Step::RecvTimeout(slot, on) => {
                self.option(slot, SocketOption::RecvTimeout(on.then_some(TIMEOUT)))
            }
            Step::SendTimeout(slot, on) => {
                self.option(slot, SocketOption::SendTimeout(on.then_some(TIMEOUT)))
            }
            Step::Nonblocking(slot, on) => {
                said(k.fcntl_setfl(fd(slot), if on { StatusFlags::NONBLOCK } else { StatusFlags::NONE }))
            }
            Step::Watch(slot, events) => self.watch(slot, events),
            Step::Forget(slot) => said(k.epoll_ctl(fd(E), EpollOp::Del, fd(slot), Events::NONE, 0)),
            Step::Poke(at, restart) => {
                let worker = &self.workers[at as usize % WORKERS];
                match worker.call {
                    None => "idle".to_owned(),
                    Some(_) => said(k.tgkill(worker.thread, if restart { RESTARTS } else { ENDS })),
                }
            }
            Step::Later => self.later(),
        }
    }

    fn signal(&mut self, signal: Signal, how: u8) -> String {
        let k = self.k;
        match how {
            0 => said(k.kill(k.getpid(), signal)),
            1 => {
                self.sent = self.sent.wrapping_add(1);
                said(k.sigqueue(k.getpid(), signal, self.sent.into()))
            }
            at => said(k.tgkill(self.workers[usize::from(at) % WORKERS].thread, signal)),
        }
    }

    /// Closes what is open, and ends what waits still.
    fn finish(&mut self) {
        let k = self.k;
        for fd in self.slots.into_iter().filter(|fd| fd.0 >= 0) {
            let _ = k.setsockopt(fd, SocketOption::Linger(Some(0)));
            let _ = k.close(fd);
        }
        let inside = |worker: &Worker| matches!(worker.desk.state.load(SeqCst), GIVEN | INSIDE);
        while self.workers.iter().any(inside) {
            for worker in self.workers.iter().filter(|worker| inside(worker)) {
                let _ = k.tgkill(worker.thread, ENDS);
            }
            let _ = k.nanosleep(REST);
        }
        for worker in &self.workers {
            worker.desk.state.store(STOP, SeqCst);
            let _ = k.futex_wake(&worker.desk.state, 1);
            let _ = k.join(worker.thread);
            if let Some(new) = worker.desk.done.lock().unwrap_or_else(PoisonError::into_inner).new {
                let _ = k.close(new);
            }
        }
        while k.sigtimedwait(SigSet::of(&AWAITED), NOW).is_ok() {}
    }
}

fn said<T>(result: Result<T>) -> String {
    result.map_or_else(|errno| format!("{errno:?}"), |_| "ok".to_owned())
}

/// Runs a program; what each step came to.
pub(super) fn run<K: Kernel>(k: K, ip: Ipv4Addr, steps: &[Step], table: &mut Table) -> Vec<String> {
    let _ = k.sigaction(Signal::SIGPIPE, SigAction::ignore());
    let mut program = Program {
        k,
        slots: [Fd(-1); SLOTS],
        objects: [0; SLOTS],
        made: 0,
        address: SocketAddr::from((ip, 0)),
        sent: 0,
        workers: Vec::new(),
        words: Arc::default(),
        kinds: BTreeMap::new(),
        watched: BTreeSet::new(),
        peers: BTreeMap::new(),
        full: BTreeSet::new(),
        tight: BTreeSet::new(),
        shut: BTreeMap::new(),
    };
    let log = match program.set_up() {
        Err(errno) => vec![format!("set-up: {errno:?}")],
        Ok(()) => {
            let each = steps.iter().map(|&step| {
                let mut text = program.take_step(step);
                program.wait_until_idle();
                while program.collect(table, &mut text) {
                    program.wait_until_idle();
                }
                text
            });
            each.collect()
        }
    };
    program.finish();
    log
}
