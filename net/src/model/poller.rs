//! One contract for every model that reports readiness.

use super::Waker;
use crate::{Events, Fd, Readiness, Result, Threads};
use std::time::Duration;

/// What is wanted of a descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Hash)]
pub struct Interest {
    /// To be notified when it can be read: data, a connection, or the end.
    pub readable: bool,
    /// To be notified when there is room to write.
    pub writable: bool,
}

impl Interest {
    /// Neither: paused.
    pub const NONE: Interest = Interest { readable: false, writable: false };
    /// Reading.
    pub const READABLE: Interest = Interest { readable: true, writable: false };
    /// Writing.
    pub const WRITABLE: Interest = Interest { readable: false, writable: true };
    /// Both.
    pub const BOTH: Interest = Interest { readable: true, writable: true };

    /// Neither reading nor writing.
    pub const fn is_none(self) -> bool {
        !self.readable && !self.writable
    }

    /// The mask that asks for it. The peer's end only belongs to reading: a level-triggered set would report it again
    /// and again to somebody who only writes.
    pub(super) const fn mask(self) -> Events {
        let read = if self.readable { Events::IN.with(Events::RDHUP) } else { Events::NONE };
        if self.writable { read.with(Events::OUT) } else { read }
    }

    /// As [`mask`](Interest::mask), for a model that reports changes: also what a read would stop at.
    pub(super) const fn mask_of_changes(self) -> Events {
        if self.readable { self.mask().with(Events::PRI) } else { self.mask() }
    }
}

/// What a descriptor seems to be ready for. It is a hint: the readiness may be gone by now, so the descriptor must be non-blocking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Event {
    /// What was given with the descriptor.
    pub token: u64,
    /// Reading is worth a try.
    pub readable: bool,
    /// Writing is worth a try.
    pub writable: bool,
    /// Both directions are gone, or an error is pending: reading or writing will say which. Always reported together
    /// with `readable` and `writable`, so that whoever only looks at those finds out.
    pub closed: bool,
    /// A short count is not the end of it, only `EAGAIN` is: behind the data waits the peer's end, an error, or an urgent
    /// mark, and the model would not report it again. See [`Poller`].
    pub until_eagain: bool,
}

impl Event {
    /// From a mask of `poll(2)` or `epoll(7)`.
    pub(super) const fn from_mask(token: u64, mask: Events) -> Event {
        let closed = mask.intersects(Events::ERR.with(Events::HUP).with(Events::NVAL));
        Event {
            token,
            readable: closed || mask.intersects(Events::IN.with(Events::RDHUP).with(Events::PRI)),
            writable: closed || mask.intersects(Events::OUT),
            closed,
            until_eagain: false,
        }
    }

    /// As [`from_mask`](Event::from_mask), for a model that reports changes.
    pub(super) const fn of_change(token: u64, mask: Events) -> Event {
        let event = Event::from_mask(token, mask);
        let until_eagain = event.closed || mask.intersects(Events::RDHUP.with(Events::PRI));
        Event { until_eagain, ..event }
    }
}

/// How the handling of an event ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// The first call would have blocked already.
    Nothing,
    /// Something was done, until a call would have blocked: it said `EAGAIN`, or its count was short, and the event did
    /// not say [`until_eagain`](Event::until_eagain).
    Drained,
    /// Something was done, and there may be more to do: report it again.
    More,
}

/// Readiness, whatever the model. Under this contract one reactor runs on all of them.
///
/// ```
/// use eagain_net::model::{AnyPoller, Interest, ModelKind, Outcome, Poller};
/// use eagain_net::{Linux, ListenOptions, TcpListener, TcpStream, any_port};
///
/// # fn main() -> eagain_net::Result<()> {
/// let poller = AnyPoller::new(Linux, ModelKind::Epoll).expect("Linux has epoll");
/// let listener = TcpListener::bind_with(Linux, any_port(), &ListenOptions::nonblocking())?;
/// poller.register(listener.fd(), 1, Interest::READABLE)?;
/// let _client = TcpStream::connect(Linux, listener.local_addr()?)?;
/// let mut events = Vec::new();
/// poller.wait(&mut events, None)?;
/// assert_eq!((events[0].token, events[0].readable), (1, true));
/// let (_stream, _) = listener.accept_nonblocking()?;
/// poller.rearm(listener.fd(), 1, Interest::READABLE, Outcome::More)?;
/// # Ok(())
/// # }
/// ```
///
/// The contract:
///
/// 1. A descriptor is non-blocking, registered once, with a token of the caller's (any but `u64::MAX`).
/// 2. [`wait`](Poller::wait) gives events. Each is a hint; the reactor reads or writes until `EAGAIN`, until a count is
///    short (but see below), or until it has had enough.
/// 3. Then it says [`rearm`](Poller::rearm) with how that ended, or [`modify`](Poller::modify) where it wants
///    something else from now on. Without one of the two there may be no further event.
/// 4. A reactor that hands a descriptor to another thread says [`pause`](Poller::pause) first, and the thread says
///    `modify` (or, in `epoll-oneshot`, `rearm`: the same there) when it is done.
/// 5. Once the end was read, it no longer asks to read: the end is reported for ever, and a reactor that does not stop
///    asking never sleeps again.
/// 6. Before the descriptor is closed: [`deregister`](Poller::deregister), or [`forget`](Poller::forget).
///
/// All but `wait` may be called from any thread, at any time, and take effect at once, also in a wait that has begun.
///
/// | model | `rearm` after `Drained` | after `More` | `pause` |
/// |---|---|---|---|
/// | nonblocking | counts | counts | not tried any more |
/// | select, poll | nothing | nothing | out of the set |
/// | epoll | nothing | nothing | `EPOLL_CTL_MOD` |
/// | epoll-edge | nothing: what comes is an edge | `EPOLL_CTL_MOD`, which reports the state | `EPOLL_CTL_MOD` |
/// | epoll-oneshot | `EPOLL_CTL_MOD` | `EPOLL_CTL_MOD` | nothing: the event did it |
/// | sigio | nothing: the next arrival sends a signal | looked at in the next wait | signals are dropped |
///
/// **Whether a short read is the end of it** matters to the models that report changes, epoll-edge and sigio: what is left
/// in the socket then is not reported again. A read of TCP is short for one of two reasons: the queue was empty, or the urgent
/// mark was reached, with bytes behind it (tcp(7)). An end or an error waits behind the last byte in both. So these models
/// ask for `EPOLLRDHUP` and `EPOLLPRI` too, and an event that had one of them, or an error, says
/// [`until_eagain`](Event::until_eagain). Where it does not say so, the queue held nothing but data when the event was
/// made; whatever came after that, be it a byte, a mark, an end or a reset, is a change of its own, which is reported in the
/// next wait. So a short read may be the last one then, and saves the call that would say `EAGAIN`. (A mark can be there
/// without `EPOLLPRI` only where somebody has taken the urgent byte with `MSG_OOB`, which a reactor does not, or where a
/// peer's segments contradict each other; that peer's own connection then waits for its next byte.)
pub trait Poller<K: Readiness + Threads> {
    /// Adds `fd` to the poll set. `EEXIST`: it is registered. Where it is ready already, that is reported. The model's own
    /// limits are refused here: `EINVAL` for descriptors from 1024 on (select), or for the token `u64::MAX`.
    fn register(&self, fd: Fd, token: u64, interest: Interest) -> Result<()>;

    /// Replaces interest and token, and looks afresh: where it is ready for what is now wanted, an event follows.
    /// Ends a pause. `ENOENT`: it is not registered.
    fn modify(&self, fd: Fd, token: u64, interest: Interest) -> Result<()>;

    /// The handling of an event ended so; `token` and `interest` are those that were last set.
    fn rearm(&self, fd: Fd, token: u64, interest: Interest, outcome: Outcome) -> Result<()>;

    /// No event of this descriptor, from the next wait on, until `modify`. To be called while handling one of its
    /// events. One that says `closed` may still come, once, with this `token`; ignore it, since `modify` reports it again.
    /// A token other than that of `modify` distinguishes it from the events of a descriptor that was armed again meanwhile.
    fn pause(&self, fd: Fd, token: u64) -> Result<()>;

    /// Ends a pause as `modify` does, where the handling of the event ended so: a model that tries everything again and
    /// again takes a rest where nothing was done.
    fn resume(&self, fd: Fd, token: u64, interest: Interest, outcome: Outcome) -> Result<()> {
        let _ = outcome;
        self.modify(fd, token, interest)
    }

    /// Takes `fd` out of the poll set. `ENOENT`: it is not registered.
    fn deregister(&self, fd: Fd) -> Result<()>;

    /// As `deregister`, where the descriptor is closed right afterwards and has no duplicate: costs no call where the
    /// kernel itself forgets what is closed.
    fn forget(&self, fd: Fd);

    /// One turn: clears `events` and fills it, waiting for the first one. No `timeout`: for ever. It ends without
    /// events when the time is over, when a [`Waker`] was used, and when a signal's handler ran (`EINTR`). One thread
    /// at a time waits; in `sigio` the one that made the poller.
    fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> Result<()>;

    /// What ends a wait from another thread, or from a signal handler.
    fn waker(&self) -> Waker<K>;
}
