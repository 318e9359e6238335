//! One connection, free of sockets and clocks: bytes in, requests out; replies in, bytes out.
//!
//! Requests are numbered as they are read. They are served on the spot ([`Connection::serve`], the inline path: views
//! into the received bytes, replies written where they leave from) or handed out in batches and answered later, in
//! any order ([`Connection::take_batch`], [`Connection::complete`]); replies leave in the order of the requests.
//!
//! Pressure works backwards: too many replies waiting or too many requests in flight close admission, a closed
//! admission leaves bytes unread, and the peer feels it. The life of a connection:
//!
//! ```text
//!  Open ──(quit, protocol error, limit, end of input and all answered)──► Draining ──(all sent)──► Lingering ──► Closed
//!    └──────────────(killed, reset, peer stalls, idle for too long)───────────────────────────────────────────────┘
//! ```
//!
//! The loop that owns the socket asks after each event, in this order: bytes to send ([`Connection::output`]), our end
//! to announce ([`Connection::wants_shutdown`]), all over ([`Connection::is_closed`]), more to serve
//! ([`Connection::wants_service`]), then which readiness to wait for ([`Connection::wants_read`],
//! [`Connection::wants_write`]) and until when ([`Connection::deadline`]).
//!
//! Here is the state, and the bytes in and out. `requests` takes requests from the bytes and puts replies in their order; `end`
//! has the deadlines, and the phases after the open one; `delivery` what is no reply to the request that came last: a request
//! that waits, and what is sent without a request.

mod delivery;
mod end;
mod requests;

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::scratch::TurnBuffers;
use super::window::Window;
use crate::limits::{Limits, OutputLimit};
use crate::request_queue::ReplyBatch;
use crate::resp::{Decoder, Protocol, ProtocolError, Reply};
use delivery::{Overfull, Waiting};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Requests are read and answered.
    Open,
    /// Nothing is read any more; what waits to be sent is sent.
    Draining,
    /// All is sent; the peer's end is awaited so that a reset cannot destroy our last bytes.
    Lingering,
    /// Over. The socket can be closed.
    Closed,
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer ended its side, and got all its replies.
    PeerEnded,
    /// A command asked for it, such as `QUIT`.
    CommandAsked,
    /// The peer's bytes are no requests.
    ProtocolError(ProtocolError),
    /// More replies were waiting than the limit allows.
    OutputLimit,
    /// Neither side said anything for too long.
    Idle,
    /// The peer took none of its replies for too long.
    WriteStalled,
    /// Another client or the operator asked for it.
    Killed,
    /// The server stops.
    ServerStopping,
    /// The socket failed.
    SocketFailed,
}

/// What one turn of [`Connection::serve`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// Requests that were served.
    pub requests: usize,
}

/// Replies that came before those of earlier requests.
#[derive(Debug, Default)]
struct Parked {
    /// By the number of their first request.
    replies: BTreeMap<u64, ReplyBatch>,
    /// Of all of them.
    bytes: usize,
}

/// One connection. What few of them have at a time is in a box of its own, since most of many are idle.
#[derive(Debug)]
pub struct Connection {
    phase: Phase,
    close_reason: Option<CloseReason>,
    decoder: Decoder,
    inbox: Inbox,
    outbox: Outbox,
    /// The number that the next request gets; at least `answered`.
    next_number: u64,
    /// Requests below this number have their replies in the outbox.
    answered: u64,
    /// Replies that came before those of earlier requests, where there ever were any.
    parked: Option<Box<Parked>>,
    /// Of a proxy's client: what it may have under way.
    window: Option<Box<Window>>,
    /// What is in the inbox is known to be less than a request.
    starved: bool,
    /// The oldest request without a reply waits, and those behind it too.
    waiting: Option<Box<Waiting>>,
    /// More waits for the peer than may for long.
    overfull: Option<Box<Overfull>>,
    /// Nothing more will be read: the peer ended its side, or the server stops.
    input_ended: Option<CloseReason>,
    peer_ended: bool,
    shutdown_announced: bool,
    /// When a byte was last received or sent.
    active_ns: u64,
    /// When output that the peer may take last moved or began to wait.
    output_moved_ns: u64,
    linger_until_ns: u64,
}

impl Connection {
    /// A connection that has just been accepted.
    pub fn new(limits: &Arc<Limits>, now_ns: u64) -> Self {
        Connection {
            phase: Phase::Open,
            close_reason: None,
            decoder: Decoder::new(limits),
            inbox: Inbox::new(),
            outbox: Outbox::new(),
            next_number: 0,
            answered: 0,
            parked: None,
            window: None,
            starved: true,
            waiting: None,
            overfull: None,
            input_ended: None,
            peer_ended: false,
            shutdown_announced: false,
            active_ns: now_ns,
            output_moved_ns: now_ns,
            linger_until_ns: u64::MAX,
        }
    }

    /// Whether the peer may use the full limits; see [`Decoder::set_trusted`]. Replies change it with [`After`](crate::request_queue::After).
    pub fn set_trusted(&mut self, trusted: bool) {
        self.decoder.set_trusted(trusted);
    }

    /// Requests are passed on to servers that others share; no more than this at a time.
    pub fn limit_under_way(&mut self, window: Window) {
        self.window = Some(Box::new(window));
    }

    /// `CONFIG SET` reaches connections that are open already.
    pub fn set_limits(&mut self, limits: &Arc<Limits>) {
        self.decoder.set_limits(limits);
    }

    /// How much may wait for the peer, if it does not listen to channels.
    pub fn output_limit(&self) -> OutputLimit {
        self.limits().output
    }

    fn limits(&self) -> &Limits {
        self.decoder.limits()
    }

    // ---- Buffers -------------------------------------------------------------------------------------------------

    /// A turn begins, in which these may be used. They belong to whoever gives the turns: hence idle connections have none.
    #[inline]
    pub fn borrow_buffers(&mut self, buffers: &mut TurnBuffers) {
        self.decoder.borrow(&mut buffers.spans);
        self.outbox.borrow(buffers);
    }

    /// The turn is over: what is empty goes back.
    #[inline]
    pub fn return_buffers(&mut self, buffers: &mut TurnBuffers) {
        self.decoder.give_back(&mut buffers.spans);
        self.outbox.give_back(buffers);
    }

    // ---- Bytes in ------------------------------------------------------------------------------------------------

    /// Whether bytes from the peer are welcome.
    #[inline]
    pub fn wants_read(&self) -> bool {
        match self.phase {
            // Its end has to be seen.
            Phase::Open if self.waiting.is_some() => {
                self.input_ended.is_none() && self.has_room_while_waiting()
            }
            Phase::Open => self.input_ended.is_none() && self.starved && self.admits(),
            Phase::Lingering => !self.peer_ended,
            Phase::Draining | Phase::Closed => false,
        }
    }

    /// Whether what has come is received once more when the server stops: also where nothing is wanted for what waits to be answered or
    /// sent before it.
    pub fn wants_last_read(&self) -> bool {
        self.phase == Phase::Open && self.input_ended.is_none() && self.waiting.is_none()
    }

    /// Room to receive into directly; worth it in the middle of a large request, where `serve` would have to copy.
    /// Followed by [`Connection::received`].
    pub fn read_space(&mut self) -> &mut [u8] {
        let wanted = self.decoder.bytes_wanted(self.inbox.len());
        self.inbox.space(wanted)
    }

    /// Whether a large request is under way, so that [`Connection::read_space`] is the better place to read into.
    pub fn prefers_own_space(&self) -> bool {
        self.phase == Phase::Open && self.decoder.bytes_wanted(self.inbox.len()) > 16 * 1024
    }

    /// The first `count` bytes of the space handed out last were received.
    pub fn received(&mut self, count: usize, now_ns: u64) {
        if count == 0 {
            return;
        }
        self.active_ns = now_ns;
        self.inbox.filled(count);
        self.starved = false;
        if self.phase != Phase::Open {
            self.inbox.clear();
        }
    }

    /// Keeps a copy of `bytes`, which were received.
    pub fn receive(&mut self, bytes: &[u8], now_ns: u64) {
        if bytes.is_empty() {
            return;
        }
        self.active_ns = now_ns;
        if self.phase == Phase::Open {
            self.inbox.push(bytes);
            self.starved = false;
        }
    }

    /// The peer will send no more. What it has sent is still answered.
    pub fn end_of_input(&mut self, now_ns: u64) {
        self.peer_ended = true;
        self.input_ended.get_or_insert(CloseReason::PeerEnded);
        if self.waits_for_others() {
            // Whoever waits for a reply of others and ends its side is taken to be gone: what is taken for it would be lost.
            self.close(CloseReason::PeerEnded);
        }
        self.advance_phase(now_ns);
    }

    /// The server stops: what was received is still answered, nothing more is read.
    pub fn drain(&mut self, now_ns: u64) {
        self.input_ended.get_or_insert(CloseReason::ServerStopping);
        if self.waiting.is_some() && self.phase == Phase::Open {
            // There will be no reply.
            self.start_draining(CloseReason::ServerStopping, now_ns);
        }
        self.advance_phase(now_ns);
    }

    // ---- Bytes out -----------------------------------------------------------------------------------------------

    /// What is to be sent now; empty when there is nothing.
    #[inline]
    pub fn output(&self) -> &[u8] {
        if self.phase == Phase::Closed { &[] } else { self.outbox.sendable() }
    }

    /// Whether there is something to send.
    #[inline]
    pub fn wants_write(&self) -> bool {
        !self.output().is_empty()
    }

    /// The first `count` bytes of [`Connection::output`] have left.
    pub fn sent(&mut self, count: usize, now_ns: u64) {
        if count == 0 || self.phase == Phase::Closed {
            return;
        }
        self.active_ns = now_ns;
        self.output_moved_ns = now_ns;
        self.outbox.sent(count);
        if self.overfull.is_some() {
            self.look_at_fill(OutputLimit::NONE, now_ns);
        }
        self.advance_phase(now_ns);
    }

    /// Lends [`Connection::output`] to whoever sends it: the memory, and where in it to begin. `spare` takes its place.
    /// To be followed by [`Connection::sent`] until all of it has left; nothing else is to be sent meanwhile.
    pub fn take_output(&mut self, spare: Vec<u8>) -> (Vec<u8>, usize) {
        self.outbox.take(spare)
    }

    /// How much of what was lent has not left.
    pub fn output_lent(&self) -> usize {
        self.outbox.taken()
    }

    /// Replies that are written from now on wait until they are released: what they promise is not durable yet.
    pub fn hold_replies(&mut self) {
        self.outbox.close_gate();
    }

    /// Whether they do.
    #[inline]
    pub fn holds_replies(&self) -> bool {
        self.outbox.is_gated()
    }

    /// The position behind the last reply, for [`Connection::release_replies`].
    pub fn reply_position(&self) -> u64 {
        self.outbox.end_position()
    }

    /// Replies before `position` are durable and may leave.
    pub fn release_replies(&mut self, position: u64, now_ns: u64) {
        let begins = self.peer_has_nothing_to_take();
        self.outbox.release(position);
        if begins {
            self.output_moved_ns = now_ns;
        }
    }

    /// Replies that are held back will never be true: errors for so many requests take their place, and leave.
    pub fn fail_replies(&mut self, requests: usize, error: &str, now_ns: u64) {
        if self.phase == Phase::Closed {
            return;
        }
        if self.peer_has_nothing_to_take() {
            self.output_moved_ns = now_ns;
        }
        self.outbox.drop_held();
        for _ in 0..requests {
            Reply::new(self.outbox.tail(), Protocol::Resp2).error(error);
        }
    }
}

#[cfg(test)]
mod tests;
