//! RESP2 as clients speak it, written for them alone: what the server sends is not checked by the server's own decoder.
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>

use std::fmt;

/// A reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// A status line, such as `OK`.
    Simple(Vec<u8>),
    /// An error line, its code first.
    Error(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// Bytes.
    Bulk(Vec<u8>),
    /// Nothing: the length of bytes or of an array is -1.
    Null,
    /// Replies in order.
    Array(Vec<Frame>),
}

/// Bytes that are no reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoReply {
    what: &'static str,
    /// The first bytes of it.
    bytes: Vec<u8>,
}

impl fmt::Display for NoReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.what, String::from_utf8_lossy(&self.bytes))
    }
}

/// A command's bytes on the wire.
pub fn encode(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend(format!("${}\r\n", word.len()).bytes());
        bytes.extend_from_slice(word);
        bytes.extend(b"\r\n");
    }
    bytes
}

/// Received bytes, until they are whole replies.
#[derive(Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Those before it are read.
    at: usize,
}

impl Decoder {
    /// Takes what was received.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.at));
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether nothing of a next reply is there.
    pub fn is_between_replies(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The next reply, where it is whole.
    pub fn next_reply(&mut self) -> Result<Option<Frame>, NoReply> {
        let mut rest = &self.bytes[self.at..];
        let refused =
            |what| NoReply { what, bytes: self.bytes[self.at..].iter().take(40).copied().collect() };
        let frame = frame(&mut rest, 8).map_err(refused)?;
        if frame.is_some() {
            self.at = self.bytes.len() - rest.len();
        }
        Ok(frame)
    }
}

/// Takes a reply from the front of `rest`. `None`: it is not whole.
fn frame(rest: &mut &[u8], depth: u32) -> Result<Option<Frame>, &'static str> {
    let Some((kind, line)) = line(rest)? else { return Ok(None) };
    Ok(Some(match kind {
        b'+' => Frame::Simple(line.to_vec()),
        b'-' => Frame::Error(line.to_vec()),
        b':' => Frame::Integer(integer(line)?),
        b'$' => match integer(line)? {
            -1 => Frame::Null,
            length => {
                let length = usize::try_from(length).map_err(|_| "a negative length")?;
                let Some((bytes, end)) = rest.get(..length + 2).map(|bytes| bytes.split_at(length)) else {
                    return Ok(None);
                };
                if end != b"\r\n" {
                    return Err("bytes longer than their length");
                }
                *rest = &rest[length + 2..];
                Frame::Bulk(bytes.to_vec())
            }
        },
        b'*' if depth == 0 => return Err("arrays in arrays in arrays"),
        b'*' => match integer(line)? {
            -1 => Frame::Null,
            count => {
                let mut frames = Vec::new();
                for _ in 0..u32::try_from(count).map_err(|_| "a count out of range")? {
                    let Some(frame) = frame(rest, depth - 1)? else { return Ok(None) };
                    frames.push(frame);
                }
                Frame::Array(frames)
            }
        },
        _ => return Err("a reply of no kind"),
    }))
}

/// Takes a line, and what kind it is of.
fn line<'a>(rest: &mut &'a [u8]) -> Result<Option<(u8, &'a [u8])>, &'static str> {
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
    let line = &rest[..end];
    *rest = &rest[end + 1..];
    match line {
        [kind, text @ .., b'\r'] if !text.contains(&b'\r') => Ok(Some((*kind, text))),
        _ => Err("a line that does not end with CR LF"),
    }
}

/// A number as it has to be written: no sign but a minus, no zero before it.
fn integer(text: &[u8]) -> Result<i64, &'static str> {
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    number.filter(|number| number.to_string().as_bytes() == text).ok_or("not a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_read_wherever_they_were_cut() {
        let bytes = b"+OK\r\n-ERR no\r\n:-7\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*2\r\n:1\r\n*1\r\n$0\r\n\r\n";
        let nested = Frame::Array(vec![Frame::Integer(1), Frame::Array(vec![Frame::Bulk(Vec::new())])]);
        let expected = [
            Frame::Simple(b"OK".to_vec()),
            Frame::Error(b"ERR no".to_vec()),
            Frame::Integer(-7),
            Frame::Bulk(b"a\r\n".to_vec()),
            Frame::Null,
            Frame::Null,
            nested,
        ];
        for size in 1..bytes.len() {
            let (mut replies, mut read) = (Decoder::default(), Vec::new());
            for piece in bytes.chunks(size) {
                replies.feed(piece);
                while let Some(frame) = replies.next_reply().expect("they are replies") {
                    read.push(frame);
                }
            }
            assert!(read == expected && replies.is_between_replies(), "pieces of {size}: {read:?}");
        }
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        let table: &[&[u8]] = &[
            b"OK\r\n",
            b"+OK\n",
            b"+O\rK\r\n",
            b":01\r\n",
            b":+1\r\n",
            b":\r\n",
            b"$-2\r\n",
            b"$2\r\nabc\r\n",
            b"*-2\r\n",
            b"*1\r\nx\r\n",
            b"_\r\n",
        ];
        for bytes in table {
            let mut replies = Decoder::default();
            replies.feed(bytes);
            assert!(replies.next_reply().is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
