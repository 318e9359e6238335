//! Requests out of the received bytes, and their replies back, in the order of the requests.

use super::{CloseReason, Connection, Phase, Served};
use crate::request_queue::{After, ReplyBatch, RequestBatch, Wait};
use crate::resp::{Arguments, Protocol, ProtocolError, Reply};

impl Connection {
    /// Whether requests can be taken from what was received, by [`Connection::serve`] or [`Connection::take_batch`].
    #[inline]
    pub fn wants_service(&self) -> bool {
        self.phase == Phase::Open && !self.starved && self.waiting.is_none() && self.admits()
    }

    /// Requests that are read and not answered.
    #[inline]
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
        if !fresh.is_empty() {
            self.active_ns = now_ns;
            self.starved = false;
        }
        if self.waiting.is_some() {
            self.inbox.push(fresh);
            return Served::default();
        }
        debug_assert_eq!(self.in_flight(), 0, "serving inline while a worker has requests");
        if self.phase != Phase::Open || self.starved {
            return Served::default();
        }
        let output_before = self.outbox.is_empty();
        // Bytes are copied only when a request is cut by the end of a read.
        let requests = if self.inbox.is_empty() {
            let (consumed, requests) = self.serve_bytes(fresh, now_ns, &mut handle);
            if self.phase == Phase::Open {
                self.inbox.push(&fresh[consumed..]);
            }
            requests
        } else {
            let mut inbox = std::mem::take(&mut self.inbox);
            inbox.push(fresh);
            let (consumed, requests) = self.serve_bytes(inbox.unread(), now_ns, &mut handle);
            if self.phase == Phase::Open {
                inbox.consume(consumed);
                self.inbox = inbox;
            }
            requests
        };
        self.starved |= self.inbox.is_empty();
        if output_before && !self.outbox.is_empty() {
            self.output_moved_ns = now_ns;
        }
        self.look_at_fill(self.limits().output, now_ns);
        self.advance_phase(now_ns);
        Served { requests }
    }

    fn serve_bytes<F>(&mut self, bytes: &[u8], now_ns: u64, handle: &mut F) -> (usize, usize)
    where
        F: FnMut(Arguments<'_>, &mut Vec<u8>) -> After,
    {
        let (mut consumed, mut requests) = (0, 0);
        let (requests_max, output_max) =
            (self.limits().requests_per_turn_max, self.limits().output_bytes_high);
        while requests < requests_max && self.outbox.len() < output_max {
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
            let arguments = self.decoder.arguments(&rest[..length]);
            if arguments.is_empty() {
                consumed += length;
                continue;
            }
            let before = self.outbox.len();
            let after = handle(arguments, self.outbox.tail());
            if let After::Wait(wait) = after {
                if let Wait::Reply(_) = wait {
                    consumed += length;
                    self.next_number += 1;
                }
                self.begin_wait(wait, now_ns);
                break;
            }
            consumed += length;
            requests += 1;
            self.next_number += 1;
            self.answered += 1;
            if self.outbox.len() > self.limits().output.hard {
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
        let room = self.in_flight_max() - self.in_flight();
        let count_max = usize::try_from(room).unwrap_or(usize::MAX).min(self.limits().requests_per_turn_max);
        let waiting = self.waiting_bytes();
        while batch.len() < count_max && self.window.as_deref().is_none_or(|window| window.admits(waiting)) {
            match self.decoder.decode(&bytes[consumed..]) {
                Ok(Some(length)) => {
                    let arguments = self.decoder.arguments(&bytes[consumed..consumed + length]);
                    if arguments.is_empty() {
                        consumed += length;
                        continue;
                    }
                    let mut alone = None;
                    if let Some(window) = &mut self.window {
                        alone = window.alone(arguments);
                        if alone == Some(false) {
                            break;
                        }
                        window.begun(length);
                    }
                    consumed += length;
                    batch.push(arguments);
                    if alone.is_some() {
                        break;
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
        self.advance_phase(now_ns);
        !batch.is_empty()
    }

    /// Takes the replies to a batch, whether or not those to earlier requests have come.
    pub fn complete(&mut self, replies: ReplyBatch, now_ns: u64) {
        if self.phase != Phase::Open {
            return;
        }
        debug_assert!(replies.count > 0 || replies.wait.is_some(), "no answer at all");
        debug_assert!(replies.first >= self.answered, "a request answered twice");
        debug_assert!(replies.first + replies.count <= self.next_number, "an answer to no request");
        let output_before = self.outbox.is_empty();
        if replies.first != self.answered {
            self.park(replies);
        } else {
            let mut next = Some(replies);
            while let Some(replies) = next {
                self.answered += replies.count;
                if let Some(window) = self.window.as_mut().filter(|_| replies.count > 0) {
                    debug_assert_eq!(replies.count, 1, "a proxy completes each request by itself");
                    window.answered(&replies.bytes);
                }
                if self.outbox.len() + replies.bytes.len() > self.limits().output.hard {
                    self.overflow(now_ns);
                    break;
                }
                self.outbox.append(replies.bytes);
                if !self.apply(replies.after, now_ns) {
                    break;
                }
                if let Some(wait) = replies.wait {
                    self.begin_wait(wait, now_ns);
                    break;
                }
                next = self.unpark();
            }
        }
        if output_before && !self.outbox.is_empty() {
            self.output_moved_ns = now_ns;
        }
        self.look_at_fill(self.limits().output, now_ns);
        self.advance_phase(now_ns);
    }

    /// Replies wait for those of earlier requests.
    fn park(&mut self, replies: ReplyBatch) {
        let parked = self.parked.get_or_insert_default();
        parked.bytes += replies.bytes.len();
        parked.replies.insert(replies.first, replies);
    }

    /// The replies that are next, if they have come.
    fn unpark(&mut self) -> Option<ReplyBatch> {
        let parked = self.parked.as_mut()?;
        let replies = parked.replies.remove(&self.answered)?;
        parked.bytes -= replies.bytes.len();
        Some(replies)
    }

    pub(super) fn parked_bytes(&self) -> usize {
        self.parked.as_ref().map_or(0, |parked| parked.bytes)
    }

    /// Bytes of replies that wait to be sent, or for an earlier one.
    fn waiting_bytes(&self) -> usize {
        self.outbox.len() + self.parked_bytes()
    }

    fn in_flight_max(&self) -> u64 {
        self.limits().in_flight_max as u64
    }

    /// Whether another request may begin.
    #[inline]
    pub(super) fn admits(&self) -> bool {
        let waiting = self.waiting_bytes();
        waiting < self.limits().output_bytes_high
            && self.in_flight() < self.in_flight_max()
            && self.window.as_deref().is_none_or(|window| window.admits(waiting))
    }

    /// Does what a reply asks for; whether requests behind it are still answered.
    fn apply(&mut self, after: After, now_ns: u64) -> bool {
        match after {
            After::KeepOpen | After::Wait(_) => {}
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
            self.park(ReplyBatch::one(first, bytes, After::KeepOpen));
        }
    }

    /// A reply did not fit: it is replaced by an error, which is the last thing that the peer gets.
    fn overflow(&mut self, now_ns: u64) {
        let text = format!(
            "ERR output buffer limit of {} bytes exceeded, closing the connection",
            self.limits().output.hard
        );
        Reply::new(self.outbox.tail(), Protocol::Resp2).error(&text);
        self.start_draining(CloseReason::OutputLimit, now_ns);
    }
}
