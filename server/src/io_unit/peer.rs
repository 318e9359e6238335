//! One peer: its socket, the state machine behind it, and its session.

use super::awaiting_durability::{AwaitingDurability, deliver};
use super::connection::{CloseReason, Connection, Phase};
use super::units::Now;
use crate::logic_unit::{LogicUnit, Session};
use crate::request_queue::{ReplyBatch, RequestBatch};
use crate::storage_unit::{Commit, Storage};
use eagain_net::model::Interest;
use eagain_net::{ClockId, Errno, Kernel, ShutdownHow, TcpStream};

/// A peer.
pub struct Peer<K: Kernel> {
    pub(super) stream: TcpStream<K>,
    pub(super) token: u64,
    /// The session's number.
    pub(super) client: u64,
    pub(super) connection: Connection,
    /// With the logic unit while a worker executes requests of this peer.
    pub(super) session: Option<Session>,
    /// Its place is gone, and it is about to go.
    pub(super) released: bool,
    /// What the poller was last asked for.
    pub(super) interest: Interest,
    /// When the earliest entry among the deadlines is; `u64::MAX`: there is none.
    pub(super) timer_ns: u64,
    pub(super) flight: Flight,
    /// Replies that wait for the storage.
    pub(super) awaiting: AwaitingDurability,
}

/// What of a peer is under way elsewhere: with the kernel, or before the request queue.
#[derive(Debug, Default)]
pub(super) struct Flight {
    /// The kernel has a buffer to receive into.
    pub receiving: bool,
    /// The kernel has bytes to send.
    pub sending: bool,
    /// The socket was shut down, so that both of these end.
    pub shut: bool,
    /// Of a completion model: what the outbox has lent and the kernel has not sent yet, while it does not send it.
    #[expect(clippy::box_collection, reason = "hardly any peer has one: 16 bytes less for each")]
    pub unsent: Option<Box<Vec<u8>>>,
    /// The server stops: what has come already is still received, and nothing after it.
    pub stops: bool,
    /// It is in the line before the request queue.
    pub waits_for_worker: bool,
    /// Requests that a worker has given back, and how many of them are executed: one of them had to wait.
    pub rest: Option<Box<(RequestBatch, usize)>>,
    /// There is a delivery for it, which waits until its session is here.
    pub delivery_came: bool,
}

impl<K: Kernel> Peer<K> {
    /// Replies have come back from a worker: they leave, or wait for the storage.
    pub(super) fn take_replies(&mut self, replies: ReplyBatch, commit: Commit, now: Now) {
        if commit != Commit::Done {
            self.connection.hold_replies();
        }
        let requests = replies.count as usize;
        self.connection.complete(replies, now.mono_ns);
        self.awaiting.hold(&mut self.connection, commit, requests, now.mono_ns);
    }

    /// A request that was executed just now, and waits, does so from now on.
    #[inline]
    pub(super) fn begin_wait(&mut self) {
        let kernel = self.stream.kernel();
        self.connection.wait_from(|| kernel.clock_gettime(ClockId::Monotonic).0);
    }

    /// Whether it is sent messages that it has not asked for.
    pub(super) fn listens(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.subscriptions.is_some())
    }

    /// Whether a worker is to go on with requests that it has given back.
    pub(super) fn goes_on(&self) -> bool {
        self.flight.rest.is_some() && !self.connection.is_waiting() && self.connection.phase() == Phase::Open
    }

    /// Takes what was put aside for it; see [`deliver`].
    pub(super) fn deliver<S: Storage>(&mut self, logic: &mut LogicUnit<S>, is_notified: bool, now: Now) {
        if let Some(session) = &mut self.session {
            deliver(&mut self.connection, &mut self.awaiting, session, logic, is_notified, now);
        }
    }

    /// Writes until all is sent or the socket is full; `clock` says when something went out, which may have taken a while
    /// where a write waits. `true`: something went out.
    pub(super) fn flush(&mut self, clock: impl Fn() -> Now) -> bool {
        let mut wrote = false;
        loop {
            let output = self.connection.output();
            if output.is_empty() {
                return wrote;
            }
            match self.stream.write(output) {
                Ok(n) => {
                    wrote = true;
                    let (is_short, now_ns) = (n < output.len(), clock().mono_ns);
                    self.connection.sent(n, now_ns);
                    if is_short {
                        // A write that waits may have taken longer than there is time.
                        self.connection.deadline_passed(now_ns);
                    }
                }
                Err(Errno::EAGAIN) => return wrote,
                Err(Errno::EINTR) => {}
                Err(_) => self.connection.close(CloseReason::SocketFailed),
            }
        }
    }

    /// All is said: half-close, so that the peer's end can come and no reset destroys our last bytes.
    pub(super) fn announce_end(&mut self, now: Now) {
        if self.connection.wants_shutdown() {
            // ENOTCONN: the peer has reset the connection; the next read says so.
            let _ = self.stream.shutdown(ShutdownHow::Write);
            self.connection.shutdown_done(now.mono_ns);
        }
    }

    /// What is wanted of the socket from now on.
    pub(super) fn wanted(&self) -> Interest {
        Interest { readable: self.connection.wants_read(), writable: self.connection.wants_write() }
    }
}
