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

use super::inbox::Inbox;
use super::outbox::Outbox;
use super::window::Window;
use crate::limits::Limits;
use crate::request_queue::{After, ReplyBatch, RequestBatch};
use crate::resp::{Arguments, Decoder, Protocol, ProtocolError, Reply};
use std::collections::BTreeMap;

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

/// What of [`Limits`] a connection needs while it lives.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    output_bytes_max: usize,
    output_bytes_high: usize,
    in_flight_max: u64,
    requests_per_turn_max: usize,
    idle_timeout_ns: u64,
    write_stall_timeout_ns: u64,
    linger_timeout_ns: u64,
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    bounds: Bounds,
    phase: Phase,
    close_reason: Option<CloseReason>,
    decoder: Decoder,
    inbox: Inbox,
    outbox: Outbox,
    /// The number that the next request gets; at least `answered`.
    next_number: u64,
    /// Requests below this number have their replies in the outbox.
    answered: u64,
    /// Replies that came before those of earlier requests, by the number of their first request.
    parked: BTreeMap<u64, ReplyBatch>,
    parked_bytes: usize,
    /// Of a proxy's client: what it may have under way.
    window: Option<Window>,
    /// What is in the inbox is known to be less than a request.
    starved: bool,
    /// Nothing more will be read: the peer ended its side, or the server stops.
    input_ended: Option<CloseReason>,
    peer_ended: bool,
    shutdown_announced: bool,
    /// When a byte was last received or sent.
    active_ns: u64,
    /// When waiting output last moved or began to wait.
    output_moved_ns: u64,
    linger_until_ns: u64,
}

impl Connection {
    /// A connection that has just been accepted.
    pub fn new(limits: &Limits, now_ns: u64) -> Self {
        Connection {
            bounds: Bounds {
                output_bytes_max: limits.output_bytes_max,
                output_bytes_high: limits.output_bytes_high.max(1),
                in_flight_max: limits.in_flight_max.max(1) as u64,
                requests_per_turn_max: limits.requests_per_turn_max.max(1),
                idle_timeout_ns: limits.idle_timeout_ns,
                write_stall_timeout_ns: limits.write_stall_timeout_ns,
                linger_timeout_ns: limits.linger_timeout_ns,
            },
            phase: Phase::Open,
            close_reason: None,
            decoder: Decoder::new(limits),
            inbox: Inbox::new(),
            outbox: Outbox::new(),
            next_number: 0,
            answered: 0,
            parked: BTreeMap::new(),
            parked_bytes: 0,
            window: None,
            starved: true,
            input_ended: None,
            peer_ended: false,
            shutdown_announced: false,
            active_ns: now_ns,
            output_moved_ns: now_ns,
            linger_until_ns: u64::MAX,
        }
    }

    /// Whether the peer may use the full limits; see [`Decoder::set_trusted`]. Replies change it with [`After`].
    pub fn set_trusted(&mut self, trusted: bool) {
        self.decoder.set_trusted(trusted);
    }

    /// Requests are passed on to servers that others share; no more than this at a time.
    pub fn limit_under_way(&mut self, window: Window) {
        self.window = Some(window);
    }

    /// `CONFIG SET timeout` reaches connections that are open already.
    pub fn set_idle_timeout(&mut self, idle_timeout_ns: u64) {
        self.bounds.idle_timeout_ns = idle_timeout_ns;
    }

    // ---- Bytes in ----------------------------------------------------------------------------------------------

    /// Whether bytes from the peer are welcome.
    pub fn wants_read(&self) -> bool {
        match self.phase {
            Phase::Open => self.input_ended.is_none() && self.starved && self.admits(),
            Phase::Lingering => !self.peer_ended,
            Phase::Draining | Phase::Closed => false,
        }
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
        self.settle(now_ns);
    }

    /// The server stops: what was received is still answered, nothing more is read.
    pub fn drain(&mut self, now_ns: u64) {
        self.input_ended.get_or_insert(CloseReason::ServerStopping);
        self.settle(now_ns);
    }

    // ---- Requests out, replies in --------------------------------------------------------------------------------

    /// Whether requests can be taken from what was received, by [`Connection::serve`] or [`Connection::take_batch`].
    pub fn wants_service(&self) -> bool {
        self.phase == Phase::Open && !self.starved && self.admits()
    }

    /// Requests that are read and not answered.
    pub fn in_flight(&self) -> u64 {
        self.next_number - self.answered
    }

    /// Serves what `fresh` completes (and what waited before it), at most one turn's worth.
    ///
    /// `fresh` was just received; what of it is not served is kept. `handle` appends the reply to the bytes that it
    /// is given. This is the inline path: it must not be mixed with batches that are still unanswered.
    pub fn serve<F>(&mut self, fresh: &[u8], now_ns: u64, mut handle: F) -> Served
    where
        F: FnMut(Arguments<'_>, &mut Vec<u8>) -> After,
    {
        debug_assert_eq!(self.in_flight(), 0, "serving inline while a worker has requests");
        if !fresh.is_empty() {
            self.active_ns = now_ns;
            self.starved = false;
        }
        if self.phase != Phase::Open || self.starved {
            return Served::default();
        }
        let output_before = self.outbox.is_empty();
        // Bytes are copied only when a request is cut by the end of a read.
        let mut inbox = std::mem::take(&mut self.inbox);
        let from_inbox = !inbox.is_empty();
        if from_inbox {
            inbox.push(fresh);
        }
        let bytes = if from_inbox { inbox.unread() } else { fresh };
        let (consumed, requests) = self.serve_bytes(bytes, now_ns, &mut handle);
        if self.phase == Phase::Open {
            if from_inbox {
                inbox.consume(consumed);
            } else {
                inbox.push(&fresh[consumed..]);
            }
            self.starved |= inbox.is_empty();
            self.inbox = inbox;
        }
        if output_before && !self.outbox.is_empty() {
            self.output_moved_ns = now_ns;
        }
        self.settle(now_ns);
        Served { requests }
    }

    fn serve_bytes<F>(&mut self, bytes: &[u8], now_ns: u64, handle: &mut F) -> (usize, usize)
    where
        F: FnMut(Arguments<'_>, &mut Vec<u8>) -> After,
    {
        let (mut consumed, mut requests) = (0, 0);
        while requests < self.bounds.requests_per_turn_max
            && self.outbox.len() < self.bounds.output_bytes_high
        {
            let rest = &bytes[consumed..];
            let length = match self.decoder.decode(rest) {
                Ok(Some(length)) => length,
                Ok(None) => {
                    self.starved = true;
                    break;
                }
                Err(error) => {
                    self.refuse(error, now_ns);
                    break;
                }
            };
            consumed += length;
            let arguments = self.decoder.arguments(&rest[..length]);
            if arguments.is_empty() {
                continue;
            }
            requests += 1;
            self.next_number += 1;
            self.answered += 1;
            let before = self.outbox.len();
            let after = handle(arguments, self.outbox.tail());
            if self.outbox.len() > self.bounds.output_bytes_max {
                self.outbox.truncate(before);
                self.overflow(now_ns);
                break;
            }
            if after != After::KeepOpen && !self.apply(after, now_ns) {
                break;
            }
        }
        (consumed, requests)
    }

    /// Fills `batch` with requests for a worker, as many as admission allows; whether there is any.
    pub fn take_batch(&mut self, batch: &mut RequestBatch, now_ns: u64) -> bool {
        batch.restart(self.next_number);
        if !self.wants_service() {
            return false;
        }
        let inbox = std::mem::take(&mut self.inbox);
        let bytes = inbox.unread();
        let mut consumed = 0;
        let mut refused = None;
        let room = self.bounds.in_flight_max - self.in_flight();
        let count_max = usize::try_from(room).unwrap_or(usize::MAX).min(self.bounds.requests_per_turn_max);
        while batch.len() < count_max && self.window.as_ref().is_none_or(Window::admits) {
            match self.decoder.decode(&bytes[consumed..]) {
                Ok(Some(length)) => {
                    let arguments = self.decoder.arguments(&bytes[consumed..consumed + length]);
                    consumed += length;
                    if !arguments.is_empty() {
                        batch.push(arguments);
                        if let Some(window) = &mut self.window {
                            window.begun(length);
                        }
                    }
                }
                Ok(None) => {
                    self.starved = true;
                    break;
                }
                Err(error) => {
                    refused = Some(error);
                    break;
                }
            }
        }
        self.inbox = inbox;
        self.inbox.consume(consumed);
        self.starved |= self.inbox.is_empty();
        self.next_number += batch.len() as u64;
        if let Some(error) = refused {
            self.refuse(error, now_ns);
        }
        self.settle(now_ns);
        !batch.is_empty()
    }

    /// Takes the replies to a batch, whether or not those to earlier requests have come.
    pub fn complete(&mut self, replies: ReplyBatch, now_ns: u64) {
        if self.phase != Phase::Open {
            return;
        }
        debug_assert!(replies.count > 0 && replies.first >= self.answered, "a request answered twice");
        debug_assert!(replies.first + replies.count <= self.next_number, "an answer to no request");
        let output_before = self.outbox.is_empty();
        if replies.first != self.answered {
            self.parked_bytes += replies.bytes.len();
            self.parked.insert(replies.first, replies);
        } else {
            let mut next = Some(replies);
            while let Some(replies) = next {
                self.answered += replies.count;
                if let Some(window) = &mut self.window {
                    window.answered(replies.bytes.len());
                }
                if self.outbox.len() + replies.bytes.len() > self.bounds.output_bytes_max {
                    self.overflow(now_ns);
                    break;
                }
                self.outbox.append(replies.bytes);
                if !self.apply(replies.after, now_ns) {
                    break;
                }
                next = self.parked.remove(&self.answered);
                if let Some(parked) = &next {
                    self.parked_bytes -= parked.bytes.len();
                }
            }
        }
        if output_before && !self.outbox.is_empty() {
            self.output_moved_ns = now_ns;
        }
        self.settle(now_ns);
    }

    /// Whether another request may begin.
    fn admits(&self) -> bool {
        self.outbox.len() + self.parked_bytes < self.bounds.output_bytes_high
            && self.in_flight() < self.bounds.in_flight_max
            && self.window.as_ref().is_none_or(Window::admits)
    }

    /// Does what a reply asks for; whether requests behind it are still answered.
    fn apply(&mut self, after: After, now_ns: u64) -> bool {
        match after {
            After::KeepOpen => {}
            After::Trust => self.decoder.set_trusted(true),
            After::Distrust => self.decoder.set_trusted(false),
            After::Close => self.start_draining(CloseReason::CommandAsked, now_ns),
        }
        self.phase == Phase::Open
    }

    /// The peer's bytes make no sense: an error behind all replies that are due, then the end.
    fn refuse(&mut self, error: ProtocolError, now_ns: u64) {
        let mut bytes = Vec::new();
        Reply::new(&mut bytes, Protocol::Resp2).error(format!("ERR {error}"));
        self.inbox.clear();
        self.starved = true;
        self.input_ended = Some(CloseReason::ProtocolError(error));
        if self.in_flight() == 0 {
            self.outbox.tail().extend_from_slice(&bytes);
            self.start_draining(CloseReason::ProtocolError(error), now_ns);
        } else {
            let first = self.next_number;
            self.next_number += 1;
            self.parked_bytes += bytes.len();
            self.parked.insert(first, ReplyBatch { first, count: 1, bytes, after: After::KeepOpen });
        }
    }

    /// A reply did not fit: it is replaced by an error, which is the last thing that the peer gets.
    fn overflow(&mut self, now_ns: u64) {
        let text = format!(
            "ERR output buffer limit of {} bytes exceeded, closing the connection",
            self.bounds.output_bytes_max
        );
        Reply::new(self.outbox.tail(), Protocol::Resp2).error(&text);
        self.start_draining(CloseReason::OutputLimit, now_ns);
    }

    // ---- Bytes out -----------------------------------------------------------------------------------------------

    /// What is to be sent now; empty when there is nothing.
    pub fn output(&self) -> &[u8] {
        if self.phase == Phase::Closed { &[] } else { self.outbox.sendable() }
    }

    /// Whether there is something to send.
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
        self.settle(now_ns);
    }

    /// Lends [`Connection::output`] to whoever sends it: the memory, and where in it to begin. `spare` takes its place.
    /// To be followed by [`Connection::sent`] until all of it has left; nothing else is to be sent meanwhile.
    pub fn lend_output(&mut self, spare: Vec<u8>) -> (Vec<u8>, usize) {
        self.outbox.lend(spare)
    }

    /// Replies that are written from now on wait until they are released: what they promise is not durable yet.
    pub fn hold_replies(&mut self) {
        self.outbox.close_gate();
    }

    /// The position behind the last reply, for [`Connection::release_replies`].
    pub fn reply_position(&self) -> u64 {
        self.outbox.end_position()
    }

    /// Replies before `position` are durable and may leave.
    pub fn release_replies(&mut self, position: u64) {
        self.outbox.release(position);
    }

    /// Replies that are held back will never be true: errors for so many requests take their place, and leave.
    pub fn fail_replies(&mut self, requests: usize, error: &str) {
        if self.phase == Phase::Closed {
            return;
        }
        self.outbox.drop_held();
        for _ in 0..requests {
            Reply::new(self.outbox.tail(), Protocol::Resp2).error(error);
        }
    }

    // ---- Time and the end ----------------------------------------------------------------------------------------

    /// When [`Connection::deadline_passed`] wants to be called at the latest. It may move later at any time; a timer
    /// that fires too early is simply set again.
    pub fn deadline(&self) -> Option<u64> {
        let after = |from: u64, timeout: u64| (timeout > 0).then(|| from.saturating_add(timeout));
        match self.phase {
            Phase::Closed => None,
            Phase::Lingering => Some(self.linger_until_ns),
            _ if self.outbox.lent() > 0 || !self.outbox.sendable().is_empty() => {
                after(self.output_moved_ns, self.bounds.write_stall_timeout_ns)
            }
            Phase::Open if self.in_flight() == 0 => after(self.active_ns, self.bounds.idle_timeout_ns),
            _ => None,
        }
    }

    /// Closes the connection if its deadline has passed; whether it did.
    pub fn deadline_passed(&mut self, now_ns: u64) -> bool {
        if self.deadline().is_none_or(|deadline| now_ns < deadline) {
            return false;
        }
        let reason = if !self.outbox.is_empty() { CloseReason::WriteStalled } else { CloseReason::Idle };
        self.close(reason);
        true
    }

    /// Whether our end has to be announced to the peer (`shutdown(SHUT_WR)`), once, with
    /// [`Connection::shutdown_done`] after it.
    pub fn wants_shutdown(&self) -> bool {
        self.phase == Phase::Lingering && !self.shutdown_announced
    }

    /// Our end was announced.
    pub fn shutdown_done(&mut self, now_ns: u64) {
        self.shutdown_announced = true;
        self.linger_until_ns = now_ns.saturating_add(self.bounds.linger_timeout_ns);
    }

    /// Ends the connection at once; nothing that waits is sent.
    pub fn close(&mut self, reason: CloseReason) {
        self.close_reason.get_or_insert(reason);
        self.phase = Phase::Closed;
        self.forget_input();
        self.outbox.clear();
    }

    /// Whether the socket can be closed.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Where the connection is in its life.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Why it ends or ended.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.close_reason
    }

    /// When a byte was last received or sent.
    pub fn active_ns(&self) -> u64 {
        self.active_ns
    }

    /// Requests read so far.
    pub fn requests_total(&self) -> u64 {
        self.next_number
    }

    /// Bytes held for this connection, used or not.
    pub fn memory(&self) -> usize {
        self.inbox.memory() + self.outbox.memory() + self.parked_bytes
    }

    /// Gives back buffers that are empty; for connections that have been quiet for a while.
    pub fn release_idle_memory(&mut self) {
        self.inbox.release_idle_memory();
        self.outbox.release_idle_memory();
    }

    fn start_draining(&mut self, reason: CloseReason, now_ns: u64) {
        self.close_reason.get_or_insert(reason);
        self.phase = Phase::Draining;
        self.output_moved_ns = now_ns;
        self.forget_input();
    }

    fn forget_input(&mut self) {
        self.inbox.clear();
        self.parked.clear();
        self.parked_bytes = 0;
        self.starved = true;
    }

    /// Moves on to the next phase when this one has nothing left to do.
    fn settle(&mut self, now_ns: u64) {
        if self.phase == Phase::Open
            && self.starved
            && self.in_flight() == 0
            && let Some(reason) = self.input_ended
        {
            self.start_draining(reason, now_ns);
        }
        if self.phase == Phase::Draining && self.outbox.is_empty() {
            if self.peer_ended || self.bounds.linger_timeout_ns == 0 {
                self.phase = Phase::Closed;
            } else {
                self.phase = Phase::Lingering;
                self.linger_until_ns = now_ns.saturating_add(self.bounds.linger_timeout_ns);
            }
            self.outbox.release_idle_memory();
        }
        if self.phase == Phase::Lingering && self.peer_ended {
            self.phase = Phase::Closed;
        }
    }
}

#[cfg(test)]
mod tests;
