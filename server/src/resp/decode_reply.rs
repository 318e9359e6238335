//! Reads replies, RESP2 and RESP3, wherever the stream was cut: the client's counterpart of `decode`.
//!
//! The decoder keeps the bytes that it has not understood yet, and the arrays that are not complete as a stack, so
//! that each byte is looked at once and depth is a number to be limited, not the depth of our own calls.

use super::frame::Frame;
use super::number::parse_integer;
use std::fmt;

/// Why a stream of replies cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// A reply begins with a byte that names no kind.
    UnknownKind(u8),
    /// A length or a count is not a number, or is one that nobody may send.
    InvalidLength,
    /// What stands in a number's place is none.
    InvalidNumber,
    /// A line or the text behind a length does not end where it should.
    MissingLineEnd,
    /// Bytes, a line or an array are larger than the limit.
    TooLarge,
    /// Arrays within arrays beyond the limit.
    TooDeep,
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplyError::UnknownKind(byte) => write!(f, "reply of unknown kind {:?}", *byte as char),
            ReplyError::InvalidLength => f.write_str("reply with an invalid length"),
            ReplyError::InvalidNumber => f.write_str("reply with an invalid number"),
            ReplyError::MissingLineEnd => f.write_str("reply without its line end"),
            ReplyError::TooLarge => f.write_str("reply larger than the limit"),
            ReplyError::TooDeep => f.write_str("reply nested deeper than the limit"),
        }
    }
}

impl std::error::Error for ReplyError {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Array,
    Set,
    Push,
    Map,
    /// RESP3 attributes: read, then dropped, as clients that know none do.
    Attribute,
}

/// An array that still lacks elements.
#[derive(Debug)]
struct Partial {
    container: Container,
    /// Elements still to come; for a map keys and values both count. At least 1.
    left: usize,
    items: Vec<Frame>,
}

/// What one step over the bytes found.
enum Step {
    Scalar(Frame),
    Begin(Container, usize),
}

/// Replies under way.
#[derive(Debug)]
pub struct ReplyDecoder {
    nesting_max: usize,
    bytes_max: usize,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are understood; at most its length.
    read: usize,
    /// How far the search for a line end has come.
    searched: usize,
    stack: Vec<Partial>,
}

impl ReplyDecoder {
    /// A decoder at the beginning of a stream. `nesting_max` is the depth of arrays that is accepted, `bytes_max`
    /// the size of one string and the number of elements of one array.
    pub fn new(nesting_max: usize, bytes_max: usize) -> Self {
        ReplyDecoder { nesting_max, bytes_max, buffer: Vec::new(), read: 0, searched: 0, stack: Vec::new() }
    }

    /// Takes bytes as they come.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.read > self.buffer.len() / 2 {
            self.buffer.drain(..self.read);
            self.searched -= self.read.min(self.searched);
            self.read = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether the stream stands between two replies: an end here loses nothing.
    pub fn is_between_replies(&self) -> bool {
        self.stack.is_empty() && self.read == self.buffer.len()
    }

    /// The next whole reply, `None` for "not yet". After an error the stream is over.
    pub fn next_reply(&mut self) -> Result<Option<Frame>, ReplyError> {
        loop {
            let Some(step) = self.step()? else {
                return Ok(None);
            };
            let mut frame = match step {
                Step::Scalar(frame) => frame,
                Step::Begin(container, 0) => match close(container, Vec::new()) {
                    Some(frame) => frame,
                    None => continue,
                },
                Step::Begin(container, left) => {
                    if self.stack.len() >= self.nesting_max {
                        return Err(ReplyError::TooDeep);
                    }
                    // The declared size is the peer's word; memory follows the elements that really come.
                    self.stack.push(Partial { container, left, items: Vec::new() });
                    continue;
                }
            };
            // A complete element may complete the array that holds it, and so on outwards.
            loop {
                let Some(partial) = self.stack.last_mut() else {
                    return Ok(Some(frame));
                };
                partial.items.push(frame);
                partial.left -= 1;
                if partial.left > 0 {
                    break;
                }
                let Some(partial) = self.stack.pop() else { break };
                match close(partial.container, partial.items) {
                    Some(closed) => frame = closed,
                    None => break,
                }
            }
        }
    }

    fn step(&mut self) -> Result<Option<Step>, ReplyError> {
        let Some(&kind) = self.buffer.get(self.read) else {
            return Ok(None);
        };
        if !b"+-:$*%~>|_,#(=!".contains(&kind) {
            return Err(ReplyError::UnknownKind(kind));
        }
        let Some(line_end) = self.find_line_end()? else {
            return Ok(None);
        };
        let line = &self.buffer[self.read + 1..line_end];
        let behind = line_end + 2;
        let step = match kind {
            b'+' => Step::Scalar(Frame::Simple(line.to_vec())),
            b'-' => Step::Scalar(Frame::Error(line.to_vec())),
            b':' => Step::Scalar(Frame::Integer(parse_integer(line).ok_or(ReplyError::InvalidNumber)?)),
            b'_' => Step::Scalar(Frame::Null),
            b'(' => Step::Scalar(Frame::BigNumber(line.to_vec())),
            b',' => Step::Scalar(Frame::Double(parse_double(line)?)),
            b'#' => Step::Scalar(Frame::Boolean(match line {
                b"t" => true,
                b"f" => false,
                _ => return Err(ReplyError::InvalidNumber),
            })),
            b'$' | b'=' | b'!' => return self.step_bulk(kind, behind, parse_integer(line)),
            b'*' => match parse_integer(line) {
                Some(-1) => Step::Scalar(Frame::Null),
                count => Step::Begin(Container::Array, self.checked_count(count, 1)?),
            },
            b'~' => Step::Begin(Container::Set, self.checked_count(parse_integer(line), 1)?),
            b'>' => Step::Begin(Container::Push, self.checked_count(parse_integer(line), 1)?),
            b'%' => Step::Begin(Container::Map, self.checked_count(parse_integer(line), 2)?),
            _ => Step::Begin(Container::Attribute, self.checked_count(parse_integer(line), 2)?),
        };
        self.advance(behind);
        Ok(Some(step))
    }

    fn step_bulk(&mut self, kind: u8, from: usize, length: Option<i64>) -> Result<Option<Step>, ReplyError> {
        let length = match length {
            Some(-1) if kind == b'$' => {
                self.advance(from);
                return Ok(Some(Step::Scalar(Frame::Null)));
            }
            Some(length) => usize::try_from(length).map_err(|_| ReplyError::InvalidLength)?,
            None => return Err(ReplyError::InvalidLength),
        };
        if length > self.bytes_max {
            return Err(ReplyError::TooLarge);
        }
        let Some(payload) = self.buffer.get(from..from + length + 2) else {
            return Ok(None);
        };
        let (bytes, line_end) = payload.split_at(length);
        if line_end != b"\r\n" {
            return Err(ReplyError::MissingLineEnd);
        }
        let frame = match kind {
            b'$' => Frame::Bulk(bytes.to_vec()),
            b'!' => Frame::Error(bytes.to_vec()),
            _ => match bytes {
                [a, b, c, b':', text @ ..] => Frame::Verbatim([*a, *b, *c], text.to_vec()),
                _ => return Err(ReplyError::InvalidLength),
            },
        };
        self.advance(from + length + 2);
        Ok(Some(Step::Scalar(frame)))
    }

    fn checked_count(&self, count: Option<i64>, each: usize) -> Result<usize, ReplyError> {
        let count = count.and_then(|count| usize::try_from(count).ok()).ok_or(ReplyError::InvalidLength)?;
        if count > self.bytes_max { Err(ReplyError::TooLarge) } else { Ok(count * each) }
    }

    /// Where the line at `read` ends, its line end excluded. The bytes of a string that is not all there are not
    /// searched again: its line end was found before, and is found again at once.
    fn find_line_end(&mut self) -> Result<Option<usize>, ReplyError> {
        let from = self.searched.max(self.read);
        let Some(found) = memchr::memchr(b'\r', &self.buffer[from..]) else {
            self.searched = self.buffer.len();
            if self.buffer.len() - self.read > self.bytes_max {
                return Err(ReplyError::TooLarge);
            }
            return Ok(None);
        };
        self.searched = from + found;
        match self.buffer.get(from + found + 1) {
            None => Ok(None),
            Some(b'\n') => Ok(Some(from + found)),
            Some(_) => Err(ReplyError::MissingLineEnd),
        }
    }

    fn advance(&mut self, to: usize) {
        self.read = to;
        self.searched = to;
        if self.read == self.buffer.len() {
            self.buffer.clear();
            self.read = 0;
            self.searched = 0;
        }
    }
}

fn close(container: Container, items: Vec<Frame>) -> Option<Frame> {
    Some(match container {
        Container::Array => Frame::Array(items),
        Container::Set => Frame::Set(items),
        Container::Push => Frame::Push(items),
        Container::Attribute => return None,
        Container::Map => {
            let mut pairs = Vec::with_capacity(items.len() / 2);
            let mut items = items.into_iter();
            while let (Some(key), Some(value)) = (items.next(), items.next()) {
                pairs.push((key, value));
            }
            Frame::Map(pairs)
        }
    })
}

fn parse_double(line: &[u8]) -> Result<f64, ReplyError> {
    std::str::from_utf8(line).ok().and_then(|text| text.parse().ok()).ok_or(ReplyError::InvalidNumber)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Protocol;
    use proptest::prelude::*;

    fn decode_pieces(pieces: &[&[u8]]) -> Result<Vec<Frame>, ReplyError> {
        let mut decoder = ReplyDecoder::new(8, 1 << 20);
        let mut frames = Vec::new();
        for piece in pieces {
            decoder.feed(piece);
            while let Some(frame) = decoder.next_reply()? {
                frames.push(frame);
            }
        }
        Ok(frames)
    }

    #[test]
    fn malformed_replies_are_named() {
        let table: &[(&[u8], ReplyError)] = &[
            (b"x", ReplyError::UnknownKind(b'x')),
            (b":1x\r\n", ReplyError::InvalidNumber),
            (b",abc\r\n", ReplyError::InvalidNumber),
            (b"#x\r\n", ReplyError::InvalidNumber),
            (b"$-2\r\n", ReplyError::InvalidLength),
            (b"*-2\r\n", ReplyError::InvalidLength),
            (b"$99999999999\r\n", ReplyError::TooLarge),
            (b"*99999999999\r\n", ReplyError::TooLarge),
            (b"%9223372036854775807\r\n", ReplyError::TooLarge),
            (b"$1\r\nabc", ReplyError::MissingLineEnd),
            (b"+OK\rx", ReplyError::MissingLineEnd),
            (b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", ReplyError::TooDeep),
        ];
        for (stream, expected) in table {
            assert_eq!(decode_pieces(&[stream]), Err(*expected), "{:?}", String::from_utf8_lossy(stream));
        }
    }

    #[test]
    fn attributes_are_read_and_dropped() {
        let frames = decode_pieces(&[b"|1\r\n+ttl\r\n:3\r\n*1\r\n|1\r\n+a\r\n*0\r\n:7\r\n"]);
        assert_eq!(frames, Ok(vec![Frame::Array(vec![Frame::Integer(7)])]));
    }

    fn any_frame() -> impl Strategy<Value = Frame> {
        let text = || "[ -~]{0,12}".prop_map(String::into_bytes);
        let bytes = || proptest::collection::vec(any::<u8>(), 0..20);
        let leaf = prop_oneof![
            text().prop_map(Frame::Simple),
            text().prop_map(Frame::Error),
            any::<i64>().prop_map(Frame::Integer),
            bytes().prop_map(Frame::Bulk),
            Just(Frame::Null),
            any::<bool>().prop_map(Frame::Boolean),
            any::<i32>().prop_map(|n| Frame::Double(f64::from(n) / 8.0)),
            "[1-9][0-9]{0,30}".prop_map(|digits| Frame::BigNumber(digits.into_bytes())),
            bytes().prop_map(|text| Frame::Verbatim(*b"txt", text)),
        ];
        leaf.prop_recursive(4, 24, 5, |inner| {
            let items = || proptest::collection::vec(inner.clone(), 0..5);
            prop_oneof![
                items().prop_map(Frame::Array),
                items().prop_map(Frame::Set),
                items().prop_map(Frame::Push),
                proptest::collection::vec((inner.clone(), inner.clone()), 0..3).prop_map(Frame::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back_however_it_is_cut(
            frames in proptest::collection::vec(any_frame(), 0..5),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut stream = Vec::new();
            frames.iter().for_each(|frame| frame.encode(&mut stream, Protocol::Resp3));
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode_pieces(&pieces), Ok(frames));
        }

        #[test]
        fn garbage_never_panics(stream in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_pieces(&[&stream]);
        }
    }
}
