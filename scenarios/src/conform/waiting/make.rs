//! The calls of a worker: each may wait.

use super::draw::{RingOp, Step};
use crate::conform::machine::digest;
use eagain_net::{
    CompletionRing, EpollEvent, Errno, Events, Fd, FdSet, FutexTimeout, Kernel, Operation, PollFd, RecvFlags,
    Result, RingParams, SendFlags, SigEvent, SigSet, Signal, SocketAddr, SocketFlags, Submission,
    SubmissionFlags,
};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// Of waits that have a timeout: longer than a program takes.
pub(super) const TIMEOUT: Duration = Duration::from_millis(600);
/// The signals that are waited for, blocked in all threads: a standard one, and two of real time.
pub(super) const AWAITED: [Signal; 3] = [Signal::SIGIO, Signal(40), Signal(41)];

/// A call for a worker.
#[derive(Clone, Copy)]
pub(super) struct Job {
    pub step: Step,
    pub fd: Fd,
    pub address: SocketAddr,
}

/// What it came to: the text, its class in the table, and a new descriptor.
#[derive(Clone, Default)]
pub(super) struct Done {
    pub text: String,
    pub class: String,
    pub new: Option<Fd>,
}

pub(super) fn of<T>(result: Result<T>, text: impl FnOnce(T) -> (String, &'static str)) -> Done {
    match result {
        Ok(value) => {
            let (text, class) = text(value);
            Done { text, class: class.to_owned(), new: None }
        }
        Err(errno) => Done { text: format!("{errno:?}"), class: format!("{errno:?}"), new: None },
    }
}

pub(super) fn bytes(buffer: &[u8], n: usize) -> (String, &'static str) {
    let here = &buffer[..n.min(buffer.len())];
    (format!("{n}:{:x}", digest(here)), if n > 0 { "bytes" } else { "0" })
}

fn ready(n: usize, what: String) -> (String, &'static str) {
    if n > 0 { (what, "ready") } else { ("0".to_owned(), "0") }
}

/// Bytes that do not repeat soon.
pub(super) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(7) ^ at >> 8) as u8).collect()
}

fn wrote(n: usize, len: usize) -> (String, &'static str) {
    (n.to_string(), if n < len { "short" } else { "all" })
}

/// The set of signals that a number means.
fn awaited(which: u8) -> SigSet {
    match which {
        3 => SigSet::of(&AWAITED),
        one => SigSet::of(&AWAITED[usize::from(one)..=usize::from(one)]),
    }
}

/// A worker's own: the ring that it made when it first used one.
pub(super) struct Worker<K: Kernel> {
    pub k: K,
    pub ring: Option<K::Ring>,
    /// What futexes are about, for all of them.
    pub words: Arc<[AtomicU32; 2]>,
}

impl<K: Kernel> Worker<K> {
    /// Makes a call; it may wait.
    pub fn make(&mut self, job: Job) -> Done {
        let (k, Job { step, fd, address }) = (self.k, job);
        let limit = |timed: bool| timed.then_some(TIMEOUT);
        match step {
            Step::Recv(_, len, flags) => {
                let mut buffer = [0; 128];
                of(k.recv(fd, &mut buffer[..len], flags), |n| bytes(&buffer, n))
            }
            // What a signalfd returns has numbers in it that differ.
            Step::Read(super::draw::Slot::G, len) => {
                of(k.read(fd, &mut vec![0; len]), |n| (n.to_string(), "bytes"))
            }
            Step::Read(_, len) => {
                let mut buffer = [0; 128];
                of(k.read(fd, &mut buffer[..len]), |n| bytes(&buffer, n))
            }
            Step::Write(_, len) => of(k.write(fd, &pattern(len)), |n| wrote(n, len)),
            Step::Add(_, number) => of(k.write(fd, &number.to_ne_bytes()), |n| wrote(n, 8)),
            Step::Accept(..) => match k.accept4(fd, SocketFlags::NONE) {
                Ok((new, _)) => Done { text: "ok".to_owned(), class: "ok".to_owned(), new: Some(new) },
                Err(errno) => of(Err::<(), _>(errno), |()| (String::new(), "")),
            },
            Step::Connect(_) => of(k.connect(fd, address), |()| ("ok".to_owned(), "ok")),
            Step::Poll(_, events, timed) => {
                let mut fds = [PollFd::new(fd, events)];
                of(k.poll(&mut fds, limit(timed), None), |n| ready(n, format!("{:?}", fds[0].revents)))
            }
            Step::Select(_, timed) => self.select(fd, limit(timed)),
            Step::Wait(_, most, timed) => {
                let mut events = [EpollEvent::default(); 4];
                let n = k.epoll_wait(fd, &mut events[..most], limit(timed), None);
                of(n, |n| {
                    let reported: Vec<_> = events[..n].iter().map(|e| (e.data, e.events)).collect();
                    ready(n, format!("{reported:?}"))
                })
            }
            Step::SigWait(which, timed) => of(k.sigtimedwait(awaited(which), limit(timed)), |info| {
                (format!("{:?}/{:?}/{}", info.signal, info.code, info.value), "ok")
            }),
            Step::Flock(_, lock) => of(k.flock_wait(fd, lock), |()| ("ok".to_owned(), "ok")),
            Step::SetLock(_, lock) => of(k.fcntl_setlkw(fd, lock), |()| ("ok".to_owned(), "ok")),
            Step::Futex(word, timed) => {
                let timeout = limit(timed).map_or(FutexTimeout::Never, FutexTimeout::Relative);
                let word = &self.words[usize::from(word) % 2];
                of(k.futex_wait(word, 0, timeout), |()| ("ok".to_owned(), "ok"))
            }
            Step::Ring(op, _, len, timed) => self.ring(op, fd, len, limit(timed)),
            Step::Aio(reads, _, len, timed) => self.aio(reads, fd, len, limit(timed)),
            _ => Done::default(),
        }
    }

    fn select(&self, fd: Fd, timeout: Option<Duration>) -> Done {
        let mut sets = [(); 3].map(|()| FdSet::default());
        if !sets.iter_mut().all(|set| set.insert(fd)) {
            return of(Err::<(), _>(Errno::EBADF), |()| (String::new(), ""));
        }
        let [read, write, except] = &mut sets;
        let n = self.k.select(fd.0 + 1, Some(read), Some(write), Some(except), timeout, None);
        of(n, |n| ready(n, format!("{:?}", sets.map(|set| set.contains(fd)))))
    }

    /// One operation, waited for; what has not completed then is cancelled.
    fn ring(&mut self, op: RingOp, fd: Fd, len: usize, timeout: Option<Duration>) -> Done {
        if self.ring.is_none() {
            let params = RingParams { entries: 8, cq_entries: 0, defer_taskrun: true };
            self.ring = self.k.io_uring_setup(params).ok();
        }
        let Some(ring) = &mut self.ring else {
            return Done { text: "no ring".to_owned(), ..Done::default() };
        };
        let (buffer, offset) = (vec![0; len], u64::MAX);
        let operation = match op {
            RingOp::Recv => Operation::Recv { fd, buffer, flags: RecvFlags::NONE },
            RingOp::RecvAll => Operation::Recv { fd, buffer, flags: RecvFlags::WAITALL },
            RingOp::Read => Operation::Read { fd, buffer, offset },
            RingOp::Accept => Operation::Accept { fd, flags: SocketFlags::NONE, multishot: false },
            RingOp::Poll => Operation::PollAdd { fd, events: Events::IN, multishot: false },
            RingOp::Send => Operation::Send { fd, buffer: pattern(len), from: 0, flags: SendFlags::NONE },
            RingOp::SendAll => {
                Operation::Send { fd, buffer: pattern(len), from: 0, flags: SendFlags::WAITALL }
            }
            RingOp::Write => Operation::Write { fd, buffer: pattern(len), offset },
        };
        let plain = |user_data, operation| Submission { user_data, operation, flags: SubmissionFlags::NONE };
        let mut done = Vec::new();
        let pushed = ring.push(plain(1, operation)).is_ok();
        let entered = ring.enter(1, timeout, None);
        ring.reap(&mut done);
        let at_once = done.len();
        if at_once == 0 {
            let _ = ring.push(plain(2, Operation::Cancel { user_data: 1 }));
            while done.len() < 2 {
                let _ = ring.enter(1, None, None);
                ring.reap(&mut done);
            }
        }
        let mut new = None;
        let mut text = format!("{pushed} {entered:?}");
        for one in &done {
            let result = match one.result {
                error if error < 0 => format!("{:?}", Errno(-error)),
                n if one.user_data == 1 && op == RingOp::Accept => {
                    new = Some(Fd(n));
                    "ok".to_owned()
                }
                n if one.user_data == 1 && matches!(op, RingOp::Recv | RingOp::RecvAll | RingOp::Read) => {
                    bytes(one.buffer.as_deref().unwrap_or_default(), n as usize).0
                }
                n => n.to_string(),
            };
            text += &format!(" {}:{result}", one.user_data);
        }
        let class = match (entered, at_once) {
            (Err(errno), _) => format!("{errno:?}"),
            (Ok(_), 0) => "nothing".to_owned(),
            (Ok(_), _) if done[0].result < 0 => format!("{:?}", Errno(-done[0].result)),
            (Ok(_), _) => "done".to_owned(),
        };
        Done { text, class, new }
    }

    /// A thread of the library reads or writes; what is not over then is cancelled, or waited for where that is too late.
    fn aio(&mut self, reads: bool, fd: Fd, len: usize, timeout: Option<Duration>) -> Done {
        let k = self.k;
        let started = match reads {
            true => k.aio_read(fd, vec![0; len], 0, SigEvent::None),
            false => k.aio_write(fd, pattern(len), 0, 0, SigEvent::None),
        };
        let id = match started {
            Ok(id) => id,
            Err((errno, _)) => return of(Err::<(), _>(errno), |()| (String::new(), "")),
        };
        let first = k.aio_suspend(&[id], timeout);
        let mut text = format!("{first:?}");
        if first.is_err() && k.aio_error(id) == Ok(eagain_net::AioState::InProgress) {
            text += &format!(" {:?}", k.aio_cancel(fd, Some(id)));
            while k.aio_error(id) == Ok(eagain_net::AioState::InProgress) {
                let _ = k.aio_suspend(&[id], None);
            }
        }
        let class = match (first, k.aio_return(id)) {
            (first, Ok((Ok(n), buffer))) => {
                let (reported, class) = match reads {
                    true => bytes(&buffer, n),
                    false => wrote(n, len),
                };
                text += &format!(" {reported}");
                first.map_or_else(|errno| format!("{errno:?}"), |()| class.to_owned())
            }
            (first, Ok((Err(errno), _))) => {
                text += &format!(" {errno:?}");
                format!("{:?}", first.err().unwrap_or(errno))
            }
            (_, Err(errno)) => format!("aio_return {errno:?}"),
        };
        Done { text, class, new: None }
    }
}
