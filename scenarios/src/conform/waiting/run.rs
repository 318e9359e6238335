//! The interpreter: workers make the calls that may wait, the program goes on when each has returned or is asleep.

use super::table::Table;
use super::{A, B, C, D, E, L, N, P, Q, SLOTS, Slot, Step, V, WORKERS};
use crate::conform::machine::digest;
use eagain_net::{
    Domain, EpollEvent, EpollOp, Errno, Events, Fd, FdSet, FutexTimeout, Kernel, Linux, MaskHow, PollFd,
    Result, SendFlags, ShutdownHow, SigAction, SigSet, Signal, SocketAddr, SocketFlags, SocketOption,
    StatusFlags, ThreadId,
};
use std::any::TypeId;
use std::collections::BTreeSet;
use std::fs::File;
use std::net::Ipv4Addr;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const NOW: Option<Duration> = Some(Duration::ZERO);
/// Of waits that have a timeout: longer than a program takes. `LATER` is over after it.
const TIMEOUT: Duration = Duration::from_millis(600);
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

/// A call for a worker.
#[derive(Clone, Copy)]
struct Job {
    step: Step,
    fd: Fd,
    address: SocketAddr,
}

/// What it came to: the text, its class in the table, and a new descriptor.
#[derive(Clone, Default)]
struct Done {
    text: String,
    class: String,
    new: Option<Fd>,
}

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
    /// What Linux says of the thread. Open from the start: a number that the program closes must not come back while somebody
    /// only looks.
    stat: Option<File>,
}

fn of<T>(result: Result<T>, text: impl FnOnce(T) -> (String, &'static str)) -> Done {
    match result {
        Ok(value) => {
            let (text, class) = text(value);
            Done { text, class: class.to_owned(), new: None }
        }
        Err(errno) => Done { text: format!("{errno:?}"), class: format!("{errno:?}"), new: None },
    }
}

fn bytes(buffer: &[u8], n: usize) -> (String, &'static str) {
    (format!("{n}:{:x}", digest(&buffer[..n])), if n > 0 { "bytes" } else { "0" })
}

fn ready(n: usize, what: String) -> (String, &'static str) {
    if n > 0 { (what, "ready") } else { ("0".to_owned(), "0") }
}

/// Makes a call; it may wait.
fn make<K: Kernel>(k: K, job: Job) -> Done {
    let Job { step, fd, address } = job;
    let limit = |timed: bool| timed.then_some(TIMEOUT);
    match step {
        Step::Recv(_, len, flags) => {
            let mut buffer = [0; 128];
            of(k.recv(fd, &mut buffer[..len], flags), |n| bytes(&buffer, n))
        }
        Step::Read(_, len) => {
            let mut buffer = [0; 128];
            of(k.read(fd, &mut buffer[..len]), |n| bytes(&buffer, n))
        }
        Step::Accept(..) => match k.accept4(fd, SocketFlags::NONE) {
            Ok((new, _)) => Done { text: "ok".to_owned(), class: "ok".to_owned(), new: Some(new) },
            Err(errno) => of(Err::<(), _>(errno), |()| (String::new(), "")),
        },
        Step::Connect(_) => of(k.connect(fd, address), |()| ("ok".to_owned(), "ok")),
        Step::Poll(_, events, timed) => {
            let mut fds = [PollFd::new(fd, events)];
            of(k.poll(&mut fds, limit(timed), None), |n| ready(n, format!("{:?}", fds[0].revents)))
        }
        Step::Select(_, timed) => {
            let mut sets = [(); 3].map(|()| FdSet::default());
            if !sets.iter_mut().all(|set| set.insert(fd)) {
                return of(Err::<(), _>(Errno::EBADF), |()| (String::new(), ""));
            }
            let [read, write, except] = &mut sets;
            let n = k.select(fd.0 + 1, Some(read), Some(write), Some(except), limit(timed), None);
            of(n, |n| ready(n, format!("{:?}", sets.map(|set| set.contains(fd)))))
        }
        Step::Wait(_, most, timed) => {
            let mut events = [EpollEvent::default(); 4];
            let n = k.epoll_wait(fd, &mut events[..most], limit(timed), None);
            of(n, |n| {
                ready(n, format!("{:?}", events[..n].iter().map(|e| (e.data, e.events)).collect::<Vec<_>>()))
            })
        }
        _ => Done::default(),
    }
}

fn work<K: Kernel>(k: K, desk: &Desk) {
    loop {
        let state = desk.state.load(SeqCst);
        match state {
            GIVEN => {
                let job = *desk.job.lock().unwrap_or_else(PoisonError::into_inner);
                desk.state.store(INSIDE, SeqCst);
                let done = job.map(|job| make(k, job)).unwrap_or_default();
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
    /// What was ever put into which set, as objects.
    watched: BTreeSet<(u32, u32)>,
}

/// What a call waits for can be had by one alone.
fn consumes(step: Step) -> bool {
    matches!(step, Step::Recv(..) | Step::Read(..) | Step::Accept(..) | Step::Connect(..))
}

/// The name of a call that may wait, its flags, and its slot.
fn named(step: Step) -> Option<(&'static str, String, Slot)> {
    Some(match step {
        Step::Recv(slot, len, flags) => {
            ("recv", format!("{flags:?}{}", if len == 0 { " of nothing" } else { "" }), slot)
        }
        Step::Read(slot, _) => ("read", format!("{slot:?}"), slot),
        Step::Accept(slot, _) => ("accept4", String::new(), slot),
        Step::Connect(slot) => ("connect", String::new(), slot),
        Step::Poll(slot, events, _) => ("poll", format!("{events:?}"), slot),
        Step::Select(slot, _) => ("select", String::new(), slot),
        Step::Wait(slot, most, _) => ("epoll_wait", format!("{most}"), slot),
        _ => return None,
    })
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

    fn socket(&self, flags: SocketFlags) -> Result<Fd> {
        let fd = self.k.socket(Domain::Inet, flags)?;
        self.k.setsockopt(fd, SocketOption::NoDelay(true))?;
        Ok(fd)
    }

    fn connection(&mut self, client: Slot, server: Slot) -> Result<()> {
        let fd = self.socket(SocketFlags::NONE)?;
        self.k.connect(fd, self.address)?;
        let (other, _) = self.k.accept4(self.slots[L as usize], SocketFlags::NONE)?;
        self.put(client, fd, None);
        self.put(server, other, None);
        Ok(())
    }

    fn set_up(&mut self) -> Result<()> {
        let k = self.k;
        for (signal, restart) in [(RESTARTS, true), (ENDS, false)] {
            k.sigaction(signal, SigAction::handler(restart, |_| {}))?;
        }
        k.sigprocmask(MaskHow::Unblock, SigSet::of(&[RESTARTS, ENDS]))?;
        let real = TypeId::of::<K>() == TypeId::of::<Linux>();
        for _ in 0..WORKERS {
            let desk = Arc::new(Desk::default());
            let inside = desk.clone();
            let thread = k.spawn("worker", Box::new(move || work(k, &inside)))?;
            let stat = real.then(|| File::open(format!("/proc/self/task/{}/stat", thread.0)).ok()).flatten();
            self.workers.push(Worker { thread, desk, call: None, waited: false, stat });
        }
        let listener = self.socket(SocketFlags::NONE)?;
        self.put(L, listener, None);
        k.bind(listener, self.address)?;
        k.listen(listener, 0)?;
        self.address = k.getsockname(listener)?;
        self.connection(A, B)?;
        self.connection(C, D)?;
        let counter = k.eventfd(0, SocketFlags::NONE)?;
        self.put(V, counter, None);
        let set = k.epoll_create()?;
        self.put(E, set, None);
        let (reader, writer) = k.pipe2(SocketFlags::NONE)?;
        self.put(P, reader, None);
        self.put(Q, writer, None);
        let socket = self.socket(SocketFlags::NONE)?;
        self.put(N, socket, None);
        Ok(())
    }

    /// Waits until every worker has returned, or is asleep inside its call.
    fn settle(&mut self) {
        let real = TypeId::of::<K>() == TypeId::of::<Linux>();
        let asleep = |worker: &Worker| {
            let mut text = [0; 512];
            let read = worker.stat.as_ref().and_then(|stat| stat.read_at(&mut text, 0).ok()).unwrap_or(0);
            let after = text[..read].rsplit(|&byte| byte == b')').next().unwrap_or(&[]);
            after.trim_ascii_start().starts_with(b"S")
        };
        let rests = |worker: &Worker| match worker.desk.state.load(SeqCst) {
            GIVEN => false,
            INSIDE if real => asleep(worker) && worker.desk.state.load(SeqCst) == INSIDE,
            _ => true,
        };
        let mut calm = 0;
        while calm < 2 {
            match real {
                true => self.k.sched_yield(),
                false => _ = self.k.nanosleep(REST),
            }
            calm = if self.workers.iter().all(rests) { calm + 1 } else { 0 };
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
            if let Some((name, flags, _)) = named(step) {
                table.note(name, flags, done.class, waited);
            }
            *text += &format!(" [{at}: {}]", done.text);
            if let (Step::Accept(_, slot), Some(fd)) = (step, done.new) {
                accepted.push((slot, fd));
            }
        }
        // Only now: what was in the slot is closed, and whether who waits at its other end has returned while we look, is a race.
        let any = !accepted.is_empty();
        accepted.into_iter().for_each(|(slot, fd)| self.put(slot, fd, None));
        any
    }

    /// Whether one of the two waits for what the other takes: who comes first would be a race.
    fn clash(&self, (step, object): (Step, u32), (other, its): (Step, u32)) -> bool {
        // Which of two that wait for one set is first, where a step wakes it twice, is a race too.
        let takes = |step| consumes(step) || matches!(step, Step::Wait(..));
        let both_accept = matches!((step, other), (Step::Accept(..), Step::Accept(..)));
        object == its && (takes(step) || takes(other)) && !both_accept
            || consumes(step) && self.watched.contains(&(its, object))
            || consumes(other) && self.watched.contains(&(object, its))
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
        let object = self.objects[slot as usize];
        if self.workers.iter().filter_map(|worker| worker.call).any(|call| self.clash((step, object), call)) {
            return "clashes".to_owned();
        }
        let job = Job { step, fd: self.slots[slot as usize], address: self.address };
        let Some(worker) = self.workers.iter_mut().find(|worker| worker.call.is_none()) else {
            return "nobody free".to_owned();
        };
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
            Step::Send(slot, len) => {
                self.sent = self.sent.wrapping_add(1);
                let bytes: Vec<u8> = (0..len as u8).map(|at| at.wrapping_mul(7) ^ self.sent).collect();
                let result = k.send(fd(slot), &bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT);
                of(result, |n| (n.to_string(), "")).text
            }
            Step::Take(slot, len, flags) => {
                let mut buffer = [0; 128];
                let flags = flags | eagain_net::RecvFlags::DONTWAIT;
                of(k.recv(fd(slot), &mut buffer[..len], flags), |n| bytes(&buffer, n)).text
            }
            // A write may wait for a connection.
            Step::Count(slot, _) if k.getsockname(fd(slot)).is_ok() => "a socket".to_owned(),
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
                said(k.shutdown(fd(slot), how))
            }
            Step::LowAt(slot, bytes) => self.option(slot, SocketOption::RecvLowAt(bytes)),
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
            Step::Later => said(k.nanosleep(LATER)),
        }
    }

    /// Ends what waits still, and closes what is open.
    fn finish(&mut self) {
        let k = self.k;
        for worker in &self.workers {
            while matches!(worker.desk.state.load(SeqCst), GIVEN | INSIDE) {
                let _ = k.tgkill(worker.thread, ENDS);
                let _ = k.nanosleep(REST);
            }
            worker.desk.state.store(STOP, SeqCst);
            let _ = k.futex_wake(&worker.desk.state, 1);
            let _ = k.join(worker.thread);
            if let Some(new) = worker.desk.done.lock().unwrap_or_else(PoisonError::into_inner).new {
                let _ = k.close(new);
            }
        }
        for fd in self.slots.into_iter().filter(|fd| fd.0 >= 0) {
            let _ = k.setsockopt(fd, SocketOption::Linger(Some(0)));
            let _ = k.close(fd);
        }
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
        watched: BTreeSet::new(),
    };
    let log = match program.set_up() {
        Err(errno) => vec![format!("set-up: {errno:?}")],
        Ok(()) => {
            let each = steps.iter().map(|&step| {
                let mut text = program.take_step(step);
                program.settle();
                while program.collect(table, &mut text) {
                    program.settle();
                }
                text
            });
            each.collect()
        }
    };
    program.finish();
    log
}
