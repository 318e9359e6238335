//! A reply as a value, for those who receive replies: scenario clients and the links between servers. Servers do
//! not build frames to send them; they write with `encode` directly.

use super::Protocol;
use super::encode::Reply;

/// One reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A status line, such as `OK`.
    Simple(Vec<u8>),
    /// An error line, its code first.
    Error(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// Bytes.
    Bulk(Vec<u8>),
    /// Nothing; RESP2 has two ways to say it, RESP3 a third.
    Null,
    /// Replies in order.
    Array(Vec<Frame>),
    /// Pairs in the order in which they were sent.
    Map(Vec<(Frame, Frame)>),
    /// Replies without an order.
    Set(Vec<Frame>),
    /// A message that answers no request.
    Push(Vec<Frame>),
    /// A floating-point number.
    Double(f64),
    /// Yes or no.
    Boolean(bool),
    /// An integer of any length, as its digits.
    BigNumber(Vec<u8>),
    /// Text for people: three letters of format, then the text.
    Verbatim([u8; 3], Vec<u8>),
}

impl Frame {
    /// The text of a status, an error, bytes, or verbatim text.
    pub fn text(&self) -> Option<&[u8]> {
        match self {
            Frame::Simple(text) | Frame::Error(text) | Frame::Bulk(text) | Frame::Verbatim(_, text) => {
                Some(text)
            }
            _ => None,
        }
    }

    /// Appends the frame as a server would send it.
    pub fn encode(&self, out: &mut Vec<u8>, protocol: Protocol) {
        let mut reply = Reply::new(out, protocol);
        match self {
            Frame::Simple(text) => reply.simple(&String::from_utf8_lossy(text)),
            Frame::Error(text) => reply.error(text),
            Frame::Integer(value) => reply.integer(*value),
            Frame::Bulk(bytes) => reply.bulk(bytes),
            Frame::Null => reply.null(),
            Frame::Double(value) => reply.double(*value),
            Frame::Boolean(value) => reply.boolean(*value),
            Frame::BigNumber(digits) => reply.big_number(&String::from_utf8_lossy(digits)),
            Frame::Verbatim(format, text) => reply.verbatim(format, text),
            Frame::Array(items) => {
                reply.array(items.len());
                items.iter().for_each(|item| item.encode(out, protocol));
            }
            Frame::Set(items) => {
                reply.set(items.len());
                items.iter().for_each(|item| item.encode(out, protocol));
            }
            Frame::Push(items) => {
                reply.push(items.len());
                items.iter().for_each(|item| item.encode(out, protocol));
            }
            Frame::Map(pairs) => {
                reply.map(pairs.len());
                for (key, value) in pairs {
                    key.encode(out, protocol);
                    value.encode(out, protocol);
                }
            }
        }
    }
}
