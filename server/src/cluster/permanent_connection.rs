//! One link to another server, free of sockets and clocks: requests in, bytes out; bytes in, answers out.
//!
//! Many clients' requests share it, one behind the other; replies come in that order and find their request by it. So
//! nothing may ever leave the order: a request that waited for too long is answered, but its place stays until its reply
//! has come and was thrown away.
//!
//! ```text
//!             begin_connect          connected
//!   Waiting ───────────────► Connecting ──────► Up
//!      ▲                          │             │ broken, silent for too long, or no replies what it sends
//!      └────── back-off, jittered ┴─────────────┘
//! ```
//!
//! A server that cannot be connected to is down: what waits for it is given back at once, and nothing is taken before it is
//! there again. A link that has just broken, or was never tried, is not down: what is offered waits for the connection.
//!
//! Clients speak one of two dialects (RESP2, RESP3), servers answer in the one that was asked for last; where a request wants
//! the other one, a `HELLO` goes before it.
//!
//! When it breaks, each request has one of two fates. Not all of it had left: it was not executed, and may go elsewhere.
//! All of it had left: it may have been executed, and nobody can know ([`Answer::Unknown`]); whether it may be sent again is
//! for those to say who know what it means. Every request that was taken gets exactly one answer.

use super::reply_span::{NoReply, ReplySpan};
use crate::random::Random;
use crate::resp::{Protocol, encode_request};
use std::collections::VecDeque;

/// The bounds of a link; durations in nanoseconds.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// Requests that wait for their reply.
    pub in_flight_max: usize,
    /// Bytes that wait for a connection; beyond it nothing is taken.
    pub queue_bytes_max: usize,
    /// A connection is made so fast, or not at all.
    pub connect_timeout_ns: u64,
    /// So long nothing comes although something should: the link is dead.
    pub silence_timeout_ns: u64,
    /// A reply that takes so long makes the link count as slow.
    pub slow_ns: u64,
    /// A link on which nothing happens is tried with a `PING` so often.
    pub ping_interval_ns: u64,
    /// The first pause before connecting again.
    pub backoff_ns_min: u64,
    /// The longest.
    pub backoff_ns_max: u64,
    /// What the server wants to hear first (`AUTH`); empty: nothing.
    pub password: Vec<u8>,
    /// It is for subscriptions: messages of channels come between the replies.
    pub has_messages: bool,
}

impl Default for LinkOptions {
    fn default() -> Self {
        LinkOptions {
            in_flight_max: 4096,
            queue_bytes_max: 16 << 20,
            connect_timeout_ns: 1_000_000_000,
            silence_timeout_ns: 5_000_000_000,
            slow_ns: 500_000_000,
            ping_interval_ns: 1_000_000_000,
            backoff_ns_min: 10_000_000,
            backoff_ns_max: 250_000_000,
            password: Vec::new(),
            has_messages: false,
        }
    }
}

/// The id under which a message of a channel is reported: nobody's request.
pub const MESSAGE: u64 = u64::MAX;

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The reply, as it came.
    Reply(Vec<u8>),
    /// It was not executed, and will not be.
    NotExecuted,
    /// It may have been executed, or may yet be.
    Unknown,
}

/// Where a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPhase {
    /// Not before this time.
    Waiting(u64),
    /// Until this time.
    Connecting(u64),
    /// There.
    Up,
}

/// A request whose reply is to come.
#[derive(Debug)]
struct Flight {
    /// Nobody waits any more, or it was our own `PING`: its reply is thrown away.
    id: Option<u64>,
    /// Position behind its last byte in the stream of this connection.
    end: u64,
    deadline_ns: u64,
    since_ns: u64,
}

#[derive(Debug)]
struct Queued {
    id: u64,
    bytes: Vec<u8>,
    protocol: Protocol,
    deadline_ns: u64,
}

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";
/// Memory that an empty buffer may keep.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// A link.
#[derive(Debug)]
pub struct PermanentConnection {
    options: LinkOptions,
    random: Random,
    phase: LinkPhase,
    /// The last attempt to connect has failed.
    is_down: bool,
    /// What the server answers in, once it has read all that was sent.
    protocol: Protocol,
    /// Failures since something last came.
    failures: u32,
    /// Wait for a connection, or for room in flight.
    queue: VecDeque<Queued>,
    queue_bytes: usize,
    flights: VecDeque<Flight>,
    /// `output[output_head..]` is to be sent.
    output: Vec<u8>,
    output_head: usize,
    /// Bytes of this connection that were handed over to the socket.
    sent: u64,
    input: Vec<u8>,
    span: ReplySpan,
    heard_ns: u64,
}

impl PermanentConnection {
    /// A link that is to be connected at once. `seed` is for the jitter alone.
    pub fn new(options: LinkOptions, seed: u64) -> Self {
        PermanentConnection {
            options,
            random: Random::new(seed),
            phase: LinkPhase::Waiting(0),
            is_down: false,
            protocol: Protocol::Resp2,
            failures: 0,
            queue: VecDeque::new(),
            queue_bytes: 0,
            flights: VecDeque::new(),
            output: Vec::new(),
            output_head: 0,
            sent: 0,
            input: Vec::new(),
            span: ReplySpan::default(),
            heard_ns: 0,
        }
    }

    /// Where it is.
    pub fn phase(&self) -> LinkPhase {
        self.phase
    }

    /// Requests that it has taken and not answered.
    pub fn load(&self) -> usize {
        self.flights.len() + self.queue.len()
    }

    /// Whether it is there and answers.
    pub fn is_healthy(&self, now_ns: u64) -> bool {
        let slow = |flight: &Flight| {
            now_ns.saturating_sub(self.heard_ns.max(flight.since_ns)) > self.options.slow_ns
        };
        self.phase == LinkPhase::Up && !self.flights.front().is_some_and(slow)
    }

    // ---- Requests ------------------------------------------------------------------------------------------------

    /// Whether the server could not be connected to when that was last tried.
    pub fn is_down(&self) -> bool {
        self.is_down
    }

    /// What is offered from now on waits for the next attempt to connect, whatever became of the last one.
    pub fn expect(&mut self) {
        self.is_down = false;
    }

    /// Takes a request, which is answered once, at `deadline_ns` at the latest. `false`: the server is down, or not there and
    /// enough waits for it; nothing was taken.
    pub fn offer(
        &mut self,
        id: u64,
        bytes: &[u8],
        protocol: Protocol,
        deadline_ns: u64,
        now_ns: u64,
    ) -> bool {
        if self.is_down || self.phase != LinkPhase::Up && self.queue_bytes >= self.options.queue_bytes_max {
            return false;
        }
        if self.phase == LinkPhase::Up
            && self.queue.is_empty()
            && self.flights.len() < self.options.in_flight_max
        {
            self.launch_in(protocol, id, bytes, deadline_ns, now_ns);
        } else {
            self.queue_bytes += bytes.len();
            self.queue.push_back(Queued { id, bytes: bytes.to_vec(), protocol, deadline_ns });
        }
        true
    }

    /// Launches a request whose reply is to be in this dialect.
    fn launch_in(&mut self, protocol: Protocol, id: u64, bytes: &[u8], deadline_ns: u64, now_ns: u64) {
        if protocol != self.protocol {
            self.protocol = protocol;
            let number: &[u8] = if protocol == Protocol::Resp2 { b"2" } else { b"3" };
            self.launch_words(&[b"HELLO", number], now_ns);
        }
        self.launch(Some(id), bytes, deadline_ns, now_ns);
    }

    /// Launches a request of our own, whose reply is thrown away.
    fn launch_words(&mut self, words: &[&[u8]], now_ns: u64) {
        let mut bytes = Vec::new();
        encode_request(&mut bytes, words);
        self.launch(None, &bytes, u64::MAX, now_ns);
    }

    fn launch(&mut self, id: Option<u64>, bytes: &[u8], deadline_ns: u64, now_ns: u64) {
        if self.output_head > 0 && self.output_head * 2 >= self.output.len() {
            self.output.drain(..self.output_head);
            self.output_head = 0;
        }
        self.output.extend_from_slice(bytes);
        let end = self.sent + (self.output.len() - self.output_head) as u64;
        self.flights.push_back(Flight { id, end, deadline_ns, since_ns: now_ns });
    }

    fn launch_queued(&mut self, now_ns: u64) {
        while self.phase == LinkPhase::Up && self.flights.len() < self.options.in_flight_max {
            let Some(queued) = self.queue.pop_front() else { return };
            self.queue_bytes -= queued.bytes.len();
            self.launch_in(queued.protocol, queued.id, &queued.bytes, queued.deadline_ns, now_ns);
        }
    }

    // ---- Bytes ---------------------------------------------------------------------------------------------------

    /// What is to be sent now.
    pub fn output(&self) -> &[u8] {
        if self.phase == LinkPhase::Up { &self.output[self.output_head..] } else { &[] }
    }

    /// The first `count` bytes of it have left.
    pub fn sent(&mut self, count: usize) {
        self.output_head += count;
        self.sent += count as u64;
        if self.output_head == self.output.len() {
            empty(&mut self.output);
            self.output_head = 0;
        }
    }

    /// Bytes came; `answer` gets what they complete. An error: they are no replies, or replies to nothing; the caller
    /// closes the socket and calls [`PermanentConnection::lost`].
    pub fn received(
        &mut self,
        bytes: &[u8],
        now_ns: u64,
        mut answer: impl FnMut(u64, Answer),
    ) -> Result<(), NoReply> {
        self.heard_ns = now_ns;
        self.input.extend_from_slice(bytes);
        let mut read = 0;
        while let Some(length) = self.span.find(&self.input[read..])? {
            let frame = &self.input[read..read + length];
            if self.options.has_messages && is_message(frame) {
                answer(MESSAGE, Answer::Reply(frame.to_vec()));
                read += length;
                continue;
            }
            let Some(flight) = self.flights.front().filter(|flight| flight.end <= self.sent) else {
                return Err(NoReply);
            };
            if let Some(id) = flight.id {
                answer(id, Answer::Reply(frame.to_vec()));
            }
            self.flights.pop_front();
            self.failures = 0;
            read += length;
        }
        if read == self.input.len() {
            empty(&mut self.input);
        } else {
            self.input.drain(..read);
        }
        self.launch_queued(now_ns);
        Ok(())
    }

    // ---- The connection ------------------------------------------------------------------------------------------

    /// Whether a connection is to be begun.
    pub fn wants_connect(&self, now_ns: u64) -> bool {
        matches!(self.phase, LinkPhase::Waiting(until) if until <= now_ns)
    }

    /// It was begun.
    pub fn begin_connect(&mut self, now_ns: u64) {
        self.phase = LinkPhase::Connecting(now_ns.saturating_add(self.options.connect_timeout_ns));
    }

    /// It is there.
    pub fn connected(&mut self, now_ns: u64) {
        self.phase = LinkPhase::Up;
        self.is_down = false;
        self.protocol = Protocol::Resp2;
        self.heard_ns = now_ns;
        self.sent = 0;
        if !self.options.password.is_empty() {
            let password = std::mem::take(&mut self.options.password);
            self.launch_words(&[b"AUTH", &password], now_ns);
            self.options.password = password;
        }
        self.launch_queued(now_ns);
    }

    /// It is not there any more: requests in flight get their answers, what waits goes on waiting. Or it never was: the server
    /// is down, and what waits is given back.
    pub fn lost(&mut self, now_ns: u64, mut answer: impl FnMut(u64, Answer)) {
        let longest = self.options.backoff_ns_min.saturating_mul(1 << self.failures.min(20));
        let longest = longest.min(self.options.backoff_ns_max).max(1);
        self.failures += 1;
        // Between half and all of it, so that those who lost it together do not come back together.
        let pause = longest / 2 + self.random.next_u64() % (longest / 2 + 1);
        self.is_down |= matches!(self.phase, LinkPhase::Connecting(_));
        self.phase = LinkPhase::Waiting(now_ns.saturating_add(pause));
        let sent = self.sent;
        for flight in std::mem::take(&mut self.flights) {
            if let Some(id) = flight.id {
                answer(id, if flight.end <= sent { Answer::Unknown } else { Answer::NotExecuted });
            }
        }
        if self.is_down {
            self.give_back(answer);
        }
        empty(&mut self.output);
        self.output_head = 0;
        self.sent = 0;
        empty(&mut self.input);
        self.span = ReplySpan::default();
    }

    /// Gives back what waits for the connection.
    pub fn give_back(&mut self, mut answer: impl FnMut(u64, Answer)) {
        self.queue_bytes = 0;
        for queued in std::mem::take(&mut self.queue) {
            answer(queued.id, Answer::NotExecuted);
        }
    }

    // ---- Time ----------------------------------------------------------------------------------------------------

    /// When [`PermanentConnection::tick`] has something to do at the latest.
    pub fn deadline(&self) -> u64 {
        let phase = match self.phase {
            LinkPhase::Waiting(until) | LinkPhase::Connecting(until) => until,
            LinkPhase::Up => match self.flights.front() {
                Some(_) => self.silent_at(),
                None => self.heard_ns.saturating_add(self.options.ping_interval_ns),
            },
        };
        let flights =
            self.flights.iter().filter(|flight| flight.id.is_some()).map(|flight| flight.deadline_ns);
        flights.chain(self.queue.iter().map(|queued| queued.deadline_ns)).fold(phase, u64::min)
    }

    fn silent_at(&self) -> u64 {
        let since = self.flights.front().map_or(u64::MAX, |flight| flight.since_ns.max(self.heard_ns));
        since.saturating_add(self.options.silence_timeout_ns)
    }

    /// Time has passed. `false`: the link is dead; the caller closes the socket and calls [`PermanentConnection::lost`].
    pub fn tick(&mut self, now_ns: u64, mut answer: impl FnMut(u64, Answer)) -> bool {
        for flight in &mut self.flights {
            if flight.deadline_ns <= now_ns
                && let Some(id) = flight.id.take()
            {
                answer(id, Answer::Unknown);
            }
        }
        let queue_bytes = &mut self.queue_bytes;
        self.queue.retain(|queued| {
            let waits = queued.deadline_ns > now_ns;
            if !waits {
                *queue_bytes -= queued.bytes.len();
                answer(queued.id, Answer::NotExecuted);
            }
            waits
        });
        match self.phase {
            LinkPhase::Waiting(_) => true,
            LinkPhase::Connecting(until) => now_ns < until,
            LinkPhase::Up if !self.flights.is_empty() => now_ns < self.silent_at(),
            LinkPhase::Up => {
                if now_ns >= self.heard_ns.saturating_add(self.options.ping_interval_ns) {
                    self.launch(None, PING, u64::MAX, now_ns);
                }
                true
            }
        }
    }
}

/// Whether a frame is a message of a channel, in the dialect of a link (RESP2).
fn is_message(frame: &[u8]) -> bool {
    frame.starts_with(b"*3\r\n$7\r\nmessage\r\n") || frame.starts_with(b"*4\r\n$8\r\npmessage\r\n")
}

/// Empties a buffer, and gives back what a large request or reply has made it grow to.
fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_BYTES_MAX);
}

#[cfg(test)]
mod tests;
