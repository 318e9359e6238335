//! What clients ask, and what a correct server answers: requests with their encoding, and a model of the keyspace that
//! predicts each reply. A client works on keys of its own, so that the prediction is exact; the one key that all share is
//! a counter, which `checker::counter` checks.

use crate::resp::{Frame, encode};
use std::collections::BTreeMap;

/// The counter that all clients share.
pub const SHARED: &str = "shared";

/// One request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// `PING` with a payload.
    Ping(Vec<u8>),
    /// `SET`.
    Set(String, Vec<u8>),
    /// `GET`.
    Get(String),
    /// `APPEND`.
    Append(String, Vec<u8>),
    /// `STRLEN`.
    Strlen(String),
    /// `INCR`: at most once, or the number shows it.
    Incr(String),
    /// `DEL`.
    Del(String),
}

impl Request {
    /// The words of the command.
    fn words(&self) -> Vec<&[u8]> {
        match self {
            Request::Ping(payload) => vec![b"PING", payload],
            Request::Set(key, value) => vec![b"SET", key.as_bytes(), value],
            Request::Get(key) => vec![b"GET", key.as_bytes()],
            Request::Append(key, value) => vec![b"APPEND", key.as_bytes(), value],
            Request::Strlen(key) => vec![b"STRLEN", key.as_bytes()],
            Request::Incr(key) => vec![b"INCR", key.as_bytes()],
            Request::Del(key) => vec![b"DEL", key.as_bytes()],
        }
    }

    /// Its bytes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        encode(&self.words())
    }

    /// Whether it is about the shared counter, whose value others change too.
    pub fn is_shared(&self) -> bool {
        matches!(self, Request::Incr(key) | Request::Get(key) if key == SHARED)
    }
}

/// What a keyspace holds that one client has for itself.
#[derive(Clone, Default, Debug)]
pub struct Model {
    values: BTreeMap<String, Vec<u8>>,
}

impl Model {
    /// Executes a request, and says what the reply has to be.
    pub fn execute(&mut self, request: &Request) -> Frame {
        match request {
            Request::Ping(payload) => Frame::Bulk(payload.clone()),
            Request::Set(key, value) => {
                self.values.insert(key.clone(), value.clone());
                Frame::Simple(b"OK".to_vec())
            }
            Request::Get(key) => self.values.get(key).cloned().map_or(Frame::Null, Frame::Bulk),
            Request::Append(key, value) => {
                let whole = self.values.entry(key.clone()).or_default();
                whole.extend_from_slice(value);
                Frame::Integer(whole.len() as i64)
            }
            Request::Strlen(key) => Frame::Integer(self.values.get(key).map_or(0, Vec::len) as i64),
            Request::Incr(key) => self.increment(key),
            Request::Del(key) => Frame::Integer(i64::from(self.values.remove(key).is_some())),
        }
    }

    fn increment(&mut self, key: &str) -> Frame {
        let old = match self.values.get(key) {
            None => Some(0),
            Some(text) => std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.parse::<i64>().ok().filter(|n| n.to_string() == text)),
        };
        match old.and_then(|old| old.checked_add(1)) {
            Some(new) => {
                self.values.insert(key.to_owned(), new.to_string().into_bytes());
                Frame::Integer(new)
            }
            None => Frame::Error(b"ERR value is not an integer or out of range".to_vec()),
        }
    }
}

/// Draws requests for one connection: `draw(name, low, high)` makes each choice.
pub struct Plan<D: FnMut(&'static str, u64, u64) -> u64> {
    /// Begins every key and every value, so that a stranger's is known by sight.
    pub tag: String,
    /// The longest value, in bytes beyond the tag.
    pub value_max: u64,
    /// The source of the choices.
    pub draw: D,
}

impl<D: FnMut(&'static str, u64, u64) -> u64> Plan<D> {
    /// The next request.
    pub fn request(&mut self) -> Request {
        match (self.draw)("request", 0, 8) {
            0 => Request::Ping(self.value()),
            1 | 2 => Request::Set(self.key(), self.value()),
            3 => Request::Get(self.key()),
            4 => Request::Append(self.key(), self.value()),
            5 => Request::Strlen(self.key()),
            6 => Request::Incr(format!("{}number", self.tag)),
            7 => Request::Del(self.key()),
            _ => Request::Incr(SHARED.to_owned()),
        }
    }

    fn key(&mut self) -> String {
        format!("{}key{}", self.tag, (self.draw)("key", 0, 3))
    }

    fn value(&mut self) -> Vec<u8> {
        let length = (self.draw)("value length", 0, self.value_max);
        value(&self.tag, length as usize)
    }
}

/// A value that begins with `tag` and goes on with bytes of which no two neighbours look the same.
pub fn value(tag: &str, length: usize) -> Vec<u8> {
    let mut bytes = tag.as_bytes().to_vec();
    bytes.extend((0..length).map(|at| (length.wrapping_mul(31) ^ at.wrapping_mul(7) ^ (at >> 8)) as u8));
    bytes
}
