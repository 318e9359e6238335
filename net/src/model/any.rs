//! Any of the pollers, any of the completers, chosen when the program runs: enums, so that calls stay direct.

use super::completer::Refused;
use super::{
    AioCompleter, Completer, EpollMode, EpollPoller, Event, Finished, Interest, ModelKind, Outcome,
    PollPoller, Poller, RingCompleter, ScanPoller, SelectPoller, SigioPoller, Waker,
};
use crate::{Advice, Errno, Fd, Kernel, Readiness, Result, Signals, Threads};
use std::fmt;
use std::time::Duration;

/// A poller of the model that was asked for.
#[allow(missing_docs)] // each variant is the model of its name
pub enum AnyPoller<K: Readiness + Signals + Threads> {
    Nonblocking(ScanPoller<K>),
    Select(SelectPoller<K>),
    Poll(PollPoller<K>),
    Epoll(EpollPoller<K>),
    EpollEdge(EpollPoller<K>),
    EpollOneshot(EpollPoller<K>),
    Sigio(SigioPoller<K>),
}

/// Why there is no poller, or no completer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The model does not report readiness.
    NotReadiness(ModelKind),
    /// The model does not report completion.
    NotCompletion(ModelKind),
    /// The kernel does not have it; the text says why.
    Unavailable(ModelKind, String),
    /// The kernel refused what the model needs.
    Kernel(ModelKind, Errno),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::NotReadiness(kind @ ModelKind::Blocking) => {
                write!(f, "the model {kind} has nothing to wait for: its calls wait themselves")
            }
            Refusal::NotReadiness(kind) => {
                write!(f, "the model {kind} reports completion, not readiness")
            }
            Refusal::NotCompletion(kind) => write!(f, "the model {kind} does not report completion"),
            Refusal::Unavailable(kind, reason) => {
                write!(f, "the model {kind} is not available here: {reason}")
            }
            Refusal::Kernel(kind, errno) => write!(f, "the model {kind} is not available here: {errno}"),
        }
    }
}

impl std::error::Error for Refusal {}

impl<K: Readiness + Signals + Threads> AnyPoller<K> {
    /// A poller with nothing registered. The calling thread is the one that waits with it.
    pub fn new(kernel: K, kind: ModelKind) -> std::result::Result<AnyPoller<K>, Refusal> {
        let epoll = |mode| EpollPoller::new(kernel, mode);
        let poller = match kind {
            ModelKind::Nonblocking => Ok(AnyPoller::Nonblocking(ScanPoller::new(kernel))),
            ModelKind::Select => SelectPoller::new(kernel).map(AnyPoller::Select),
            ModelKind::Poll => PollPoller::new(kernel).map(AnyPoller::Poll),
            ModelKind::Epoll => epoll(EpollMode::Level).map(AnyPoller::Epoll),
            ModelKind::EpollEdge => epoll(EpollMode::Edge).map(AnyPoller::EpollEdge),
            ModelKind::EpollOneshot => epoll(EpollMode::Oneshot).map(AnyPoller::EpollOneshot),
            ModelKind::Sigio => SigioPoller::new(kernel).map(AnyPoller::Sigio),
            ModelKind::Blocking | ModelKind::Aio | ModelKind::IoUring | ModelKind::Tokio => {
                return Err(Refusal::NotReadiness(kind));
            }
        };
        poller.map_err(|errno| Refusal::Kernel(kind, errno))
    }

    /// As [`EpollPoller::set_busy_polls`]; the other models sleep at once.
    pub fn set_busy_polls(&mut self, polls_max: u32) {
        if let AnyPoller::Epoll(poller) | AnyPoller::EpollEdge(poller) | AnyPoller::EpollOneshot(poller) =
            self
        {
            poller.set_busy_polls(polls_max);
        }
    }

    /// Which model it is.
    pub const fn kind(&self) -> ModelKind {
        match self {
            AnyPoller::Nonblocking(_) => ModelKind::Nonblocking,
            AnyPoller::Select(_) => ModelKind::Select,
            AnyPoller::Poll(_) => ModelKind::Poll,
            AnyPoller::Epoll(_) => ModelKind::Epoll,
            AnyPoller::EpollEdge(_) => ModelKind::EpollEdge,
            AnyPoller::EpollOneshot(_) => ModelKind::EpollOneshot,
            AnyPoller::Sigio(_) => ModelKind::Sigio,
        }
    }
}

/// The same call on whichever it is.
macro_rules! each {
    ($any:expr, $poller:ident => $call:expr) => {
        match $any {
            AnyPoller::Nonblocking($poller) => $call,
            AnyPoller::Select($poller) => $call,
            AnyPoller::Poll($poller) => $call,
            AnyPoller::Epoll($poller) | AnyPoller::EpollEdge($poller) | AnyPoller::EpollOneshot($poller) => {
                $call
            }
            AnyPoller::Sigio($poller) => $call,
        }
    };
}

impl<K: Readiness + Signals + Threads> Poller<K> for AnyPoller<K> {
    fn register(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        each!(self, poller => poller.register(fd, token, interest))
    }

    fn modify(&self, fd: Fd, token: u64, interest: Interest) -> Result<()> {
        each!(self, poller => poller.modify(fd, token, interest))
    }

    fn rearm(&self, fd: Fd, token: u64, interest: Interest, outcome: Outcome) -> Result<()> {
        each!(self, poller => poller.rearm(fd, token, interest, outcome))
    }

    fn resume(&self, fd: Fd, token: u64, interest: Interest, outcome: Outcome) -> Result<()> {
        each!(self, poller => poller.resume(fd, token, interest, outcome))
    }

    fn pause(&self, fd: Fd, token: u64) -> Result<()> {
        each!(self, poller => poller.pause(fd, token))
    }

    fn deregister(&self, fd: Fd) -> Result<()> {
        each!(self, poller => poller.deregister(fd))
    }

    fn forget(&self, fd: Fd) {
        each!(self, poller => poller.forget(fd))
    }

    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()> {
        each!(self, poller => poller.wait(events, timeout))
    }

    fn waker(&self) -> Waker<K> {
        each!(self, poller => poller.waker())
    }
}

impl<K: Readiness + Signals + Threads> fmt::Debug for AnyPoller<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyPoller({})", self.kind())
    }
}

/// A completer of the model that was asked for.
#[allow(missing_docs)] // each variant is the model of its name
pub enum AnyCompleter<K: Kernel> {
    Aio(AioCompleter<K>),
    IoUring(RingCompleter<K>),
}

impl<K: Kernel> AnyCompleter<K> {
    /// A completer with nothing in flight. The calling thread is the one that waits with it. `depth`: the ring's entries, or
    /// the threads that POSIX AIO may use. What a model demands besides is at its type.
    pub fn new(kernel: K, kind: ModelKind, depth: u32) -> std::result::Result<AnyCompleter<K>, Refusal> {
        if !kind.is_completion() {
            return Err(Refusal::NotCompletion(kind));
        }
        if let Advice::Unavailable(reason) = kind.probe(kernel) {
            return Err(Refusal::Unavailable(kind, reason));
        }
        let completer = match kind {
            ModelKind::Aio => AioCompleter::new(kernel, depth).map(AnyCompleter::Aio),
            _ => RingCompleter::new(kernel, depth).map(AnyCompleter::IoUring),
        };
        completer.map_err(|errno| Refusal::Kernel(kind, errno))
    }

    /// Which model it is.
    pub const fn kind(&self) -> ModelKind {
        match self {
            AnyCompleter::Aio(_) => ModelKind::Aio,
            AnyCompleter::IoUring(_) => ModelKind::IoUring,
        }
    }
}

/// The same call on whichever it is.
macro_rules! either {
    ($any:expr, $completer:ident => $call:expr) => {
        match $any {
            AnyCompleter::Aio($completer) => $call,
            AnyCompleter::IoUring($completer) => $call,
        }
    };
}

impl<K: Kernel> Completer<K> for AnyCompleter<K> {
    fn accept(&mut self, listener: Fd, token: u64) -> Result<()> {
        either!(self, completer => completer.accept(listener, token))
    }

    fn recv(&mut self, fd: Fd, token: u64) -> Result<()> {
        either!(self, completer => completer.recv(fd, token))
    }

    fn stop_receiving(&mut self, fd: Fd, token: u64) -> Result<()> {
        either!(self, completer => completer.stop_receiving(fd, token))
    }

    fn send(&mut self, fd: Fd, token: u64, buffer: Vec<u8>, from: usize) -> Result<(), Refused> {
        either!(self, completer => completer.send(fd, token, buffer, from))
    }

    fn forget(&mut self, fd: Fd) {
        either!(self, completer => completer.forget(fd))
    }

    fn wait(&mut self, finished: &mut Vec<Finished>, timeout: Option<Duration>) -> Result<()> {
        either!(self, completer => completer.wait(finished, timeout))
    }

    fn waker(&self) -> Waker<K> {
        either!(self, completer => completer.waker())
    }
}

impl<K: Kernel> fmt::Debug for AnyCompleter<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnyCompleter({})", self.kind())
    }
}
