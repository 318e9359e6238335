//! Finds requests in a stream of bytes, wherever the stream was cut.
//!
//! The decoder owns no bytes. It is shown everything that is unread, from the first byte of the request under way,
//! and remembers how far it came, so that each byte is looked at once however slowly the request arrives. Errors
//! are Redis 7.0's, word for word (`processMultibulkBuffer` and `processInlineBuffer` in its `networking.c`); the
//! stream has no meaning after one. Buffers are left to `io_unit::inbox`, replies to `encode`.

use super::arguments::{Arguments, Span};
use super::{inline, number};
use crate::limits::Limits;
use std::fmt;
use std::sync::Arc;

/// What an unauthenticated peer may send, so that nobody has to be let in to fill our memory (Redis: the same).
const UNTRUSTED_ARGUMENTS_MAX: i64 = 10;
const UNTRUSTED_BULK_BYTES_MAX: i64 = 16384;

/// Why a stream of requests cannot be read on; `Display` is the text after `-ERR `.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// The number of arguments is not a number or is too large.
    InvalidMultibulkLength,
    /// The length of an argument is not a number, is negative or too large.
    InvalidBulkLength,
    /// An argument does not begin with `$` but with this byte.
    ExpectedDollar(u8),
    /// The line with the number of arguments does not end.
    MultibulkLineTooLong,
    /// The line with the length of an argument does not end.
    BulkLineTooLong,
    /// An inline request does not end.
    InlineTooLong,
    /// An inline request has a quote that is not closed.
    UnbalancedQuotes,
    /// More than ten arguments before authentication.
    UnauthenticatedMultibulkLength,
    /// An argument of more than 16 KiB before authentication.
    UnauthenticatedBulkLength,
    /// The arguments together exceed the limit for one request.
    RequestTooLarge,
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            ProtocolError::InvalidMultibulkLength => "invalid multibulk length",
            ProtocolError::InvalidBulkLength => "invalid bulk length",
            ProtocolError::ExpectedDollar(got) => {
                // A line end in the reply would end the reply; Redis writes a blank instead.
                let got = if matches!(got, b'\r' | b'\n') { b' ' } else { *got };
                return write!(f, "Protocol error: expected '$', got '{}'", got as char);
            }
            ProtocolError::MultibulkLineTooLong => "too big mbulk count string",
            ProtocolError::BulkLineTooLong => "too big bulk count string",
            ProtocolError::InlineTooLong => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in request",
            ProtocolError::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            ProtocolError::UnauthenticatedBulkLength => "unauthenticated bulk length",
            ProtocolError::RequestTooLarge => "too big request",
        };
        write!(f, "Protocol error: {text}")
    }
}

impl std::error::Error for ProtocolError {}

/// No length of an argument.
const NOT_DECLARED: usize = usize::MAX;

/// Words of a request for which there is room kept.
const KEPT_SPANS_MAX: usize = 1024;

/// A request under way.
#[derive(Debug)]
pub struct Decoder {
    limits: Arc<Limits>,
    trusted: bool,
    /// Arguments found so far; within `..position`.
    spans: Vec<Span>,
    /// Next byte that is not understood yet, counted from the first byte of the request.
    position: usize,
    /// How far the search for a line end has come; at least `position` while inside a line.
    searched: usize,
    /// Arguments still to come; 0 before the first line is read.
    arguments_left: i64,
    /// The declared length of the argument under way; [`NOT_DECLARED`]: there is none.
    bulk: usize,
    /// The words of an inline request with quotes; `spans` refer to it where it is there.
    #[expect(clippy::box_collection, reason = "hardly any connection has one: 16 bytes less for each")]
    unquoted: Option<Box<Vec<u8>>>,
    /// The last call found a whole request, so the next one begins another.
    complete: bool,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new(limits: &Arc<Limits>) -> Self {
        Decoder {
            limits: limits.clone(),
            trusted: true,
            spans: Vec::new(),
            position: 0,
            searched: 0,
            arguments_left: 0,
            bulk: NOT_DECLARED,
            unquoted: None,
            complete: false,
        }
    }

    /// Bytes held, used or not.
    #[inline]
    pub fn memory(&self) -> usize {
        let unquoted = self.unquoted.as_ref().map_or(0, |unquoted| unquoted.capacity());
        self.spans.capacity() * size_of::<Span>() + unquoted
    }

    /// Gives them back, between two requests.
    pub fn release_idle_memory(&mut self) {
        if self.complete || self.position == 0 {
            (self.spans, self.unquoted) = (Vec::new(), None);
        }
    }

    /// Takes this to work in, where it has nothing of its own.
    #[inline]
    pub fn borrow(&mut self, spans: &mut Vec<Span>) {
        if self.spans.capacity() == 0 {
            std::mem::swap(&mut self.spans, spans);
        }
    }

    /// Gives back what it works in, between two requests.
    #[inline]
    pub fn give_back(&mut self, spans: &mut Vec<Span>) {
        if (self.complete || self.position == 0) && self.spans.capacity() <= KEPT_SPANS_MAX {
            self.spans.clear();
            if spans.capacity() == 0 {
                std::mem::swap(&mut self.spans, spans);
            } else {
                self.spans = Vec::new();
            }
        }
    }

    /// Those that hold.
    #[inline]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// From the next argument on these limits hold.
    pub fn set_limits(&mut self, limits: &Arc<Limits>) {
        self.limits = limits.clone();
    }

    /// Whether the peer has said who it is, or does not need to. The others get smaller limits.
    pub fn set_trusted(&mut self, trusted: bool) {
        self.trusted = trusted;
    }

    /// Looks for one whole request at the front of `bytes`.
    ///
    /// `bytes` begins where the request under way begins: after `Ok(None)` ("not yet") the next call must show the
    /// same bytes again and may show more behind them; after `Ok(Some(length))` the caller moves on by `length`.
    /// The request's words are then read with [`Decoder::arguments`]; there may be none (`*0`, an empty line), which
    /// asks for no reply. After an error the stream is over.
    #[inline]
    pub fn decode(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        if self.complete {
            self.begin();
        }
        if self.arguments_left == 0 {
            match bytes.first() {
                None => return Ok(None),
                Some(b'*') => {
                    let Some(count) = self.length_line(bytes, ProtocolError::MultibulkLineTooLong)? else {
                        return Ok(None);
                    };
                    let count = count.ok_or(ProtocolError::InvalidMultibulkLength)?;
                    if usize::try_from(count).is_ok_and(|count| count > self.limits.arguments_max) {
                        return Err(ProtocolError::InvalidMultibulkLength);
                    }
                    if count > UNTRUSTED_ARGUMENTS_MAX && !self.trusted {
                        return Err(ProtocolError::UnauthenticatedMultibulkLength);
                    }
                    if count <= 0 {
                        return Ok(Some(self.finish()));
                    }
                    self.arguments_left = count;
                }
                Some(_) => return self.decode_inline(bytes),
            }
        }
        self.decode_multibulk(bytes)
    }

    fn decode_multibulk(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        while self.arguments_left > 0 {
            let length = match self.bulk {
                NOT_DECLARED => match self.bulk_header(bytes)? {
                    Some(length) => length,
                    None => return Ok(None),
                },
                length => length,
            };
            // What stands where the line end should be is not checked, as in Redis.
            let end = self.position + length;
            if bytes.len() < end + 2 {
                self.bulk = length;
                return Ok(None);
            }
            self.spans.push(Span { start: self.position, end });
            self.position = end + 2;
            self.bulk = NOT_DECLARED;
            self.arguments_left -= 1;
        }
        Ok(Some(self.finish()))
    }

    /// Reads `$<length>\r\n` at `position`.
    #[inline]
    fn bulk_header(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let first = self.position;
        let Some(length) = self.length_line(bytes, ProtocolError::BulkLineTooLong)? else {
            return Ok(None);
        };
        if bytes[first] != b'$' {
            return Err(ProtocolError::ExpectedDollar(bytes[first]));
        }
        let length = match length {
            Some(length) if length >= 0 && length as u64 <= self.limits.bulk_bytes_max as u64 => length,
            _ => return Err(ProtocolError::InvalidBulkLength),
        };
        if length > UNTRUSTED_BULK_BYTES_MAX && !self.trusted {
            return Err(ProtocolError::UnauthenticatedBulkLength);
        }
        let length = usize::try_from(length).map_err(|_| ProtocolError::InvalidBulkLength)?;
        if length > self.limits.request_bytes_max.saturating_sub(self.position) {
            return Err(ProtocolError::RequestTooLarge);
        }
        Ok(Some(length))
    }

    /// Reads a line of one type byte and a number at `position` and moves behind it. `None`: the line is not all
    /// there. `Some(None)`: it is, and what it holds is not a number.
    #[inline(always)] // For each word of each request.
    fn length_line(
        &mut self,
        bytes: &[u8],
        too_long: ProtocolError,
    ) -> Result<Option<Option<i64>>, ProtocolError> {
        // The common line is short and all there: a few digits and a carriage return.
        let digits_from = self.position + 1;
        let mut at = digits_from;
        let mut value: i64 = 0;
        while at < bytes.len() && at - digits_from < 10 {
            let digit = bytes[at].wrapping_sub(b'0');
            if digit > 9 {
                break;
            }
            value = value * 10 + i64::from(digit);
            at += 1;
        }
        let canonical = at > digits_from && (bytes[digits_from] != b'0' || at == digits_from + 1);
        if canonical && at + 1 < bytes.len() && bytes[at] == b'\r' {
            self.position = at + 2;
            self.searched = self.position;
            return Ok(Some(Some(value)));
        }
        self.length_line_slow(bytes, too_long)
    }

    #[cold]
    fn length_line_slow(
        &mut self,
        bytes: &[u8],
        too_long: ProtocolError,
    ) -> Result<Option<Option<i64>>, ProtocolError> {
        let from = self.searched.max(self.position);
        let Some(found) = memchr::memchr(b'\r', &bytes[from.min(bytes.len())..]) else {
            self.searched = bytes.len();
            if bytes.len() - self.position > self.limits.inline_bytes_max {
                return Err(too_long);
            }
            return Ok(None);
        };
        let end = from + found;
        self.searched = end;
        if end - self.position > self.limits.inline_bytes_max {
            return Err(too_long);
        }
        if end + 1 >= bytes.len() {
            return Ok(None);
        }
        let value = bytes.get(self.position + 1..end).and_then(number::parse_integer);
        self.position = end + 2;
        self.searched = self.position;
        Ok(Some(value))
    }

    fn decode_inline(&mut self, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
        let Some(found) = memchr::memchr(b'\n', &bytes[self.searched..]) else {
            self.searched = bytes.len();
            if bytes.len() > self.limits.inline_bytes_max {
                return Err(ProtocolError::InlineTooLong);
            }
            return Ok(None);
        };
        let newline = self.searched + found;
        if newline > self.limits.inline_bytes_max {
            return Err(ProtocolError::InlineTooLong);
        }
        let line = match &bytes[..newline] {
            [line @ .., b'\r'] => line,
            line => line,
        };
        let mut unquoted = Vec::new();
        match inline::split(line, &mut self.spans, &mut unquoted) {
            Ok(is_unquoted) => self.unquoted = is_unquoted.then(|| Box::new(unquoted)),
            Err(inline::UnbalancedQuotes) => return Err(ProtocolError::UnbalancedQuotes),
        }
        self.position = newline + 1;
        Ok(Some(self.finish()))
    }

    /// The words of the request that [`Decoder::decode`] has just found; `request` is the same bytes, of which the
    /// first `length` matter.
    #[inline]
    pub fn arguments<'a>(&'a self, request: &'a [u8]) -> Arguments<'a> {
        let source = self.unquoted.as_ref().map_or(request, |unquoted| unquoted);
        Arguments::new(source, &self.spans)
    }

    /// How many bytes the request under way still needs at least, as far as is known; 0 when nothing is known.
    pub fn bytes_wanted(&self, available: usize) -> usize {
        match self.bulk {
            NOT_DECLARED => 0,
            _ if self.complete => 0,
            length => (self.position + length + 2).saturating_sub(available),
        }
    }

    fn finish(&mut self) -> usize {
        self.complete = true;
        self.position
    }

    #[cold]
    fn forget_unquoted(&mut self) {
        self.unquoted = None;
    }

    #[inline]
    fn begin(&mut self) {
        // A request of a million arguments must not leave its table behind.
        if self.spans.capacity() > 1024 {
            self.spans = Vec::new();
        }
        self.spans.clear();
        self.position = 0;
        self.searched = 0;
        self.arguments_left = 0;
        self.bulk = NOT_DECLARED;
        if self.unquoted.is_some() {
            self.forget_unquoted();
        }
        self.complete = false;
    }
}

#[cfg(test)]
mod tests;
