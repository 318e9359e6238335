//! Changes as bytes: what engines write and read back. A run of operations, one after the other, each with the whole new
//! state of a key, so that reading needs no clock, no command and nothing that came before.
//!
//! ```text
//!   operation   0x01 database key end value       the key has this value (end: 0, or Unix milliseconds + 1)
//!               0x02 database key                 the key is gone
//!               0x03 database                     all keys of the database are gone
//!               0x04                              a rewritten log has shown all that there was when it was begun
//!   key         length bytes
//!   value       's' length bytes
//!               'l' count (length bytes)*
//!               'h' count (length bytes length bytes)*
//!               't' count (length bytes)*
//!               'z' count (length bytes score)*
//!   score       the eight bytes of an IEEE 754 double, little-endian; not NaN
//! ```
//!
//! Numbers are little-endian base 128. What does not read so is damage: it is reported, never used.

use super::databases::Databases;
use super::effect::Effect;
use super::keyspace::{Keyspace, Lifetime};
use super::sip_hash::HashKey;
use super::value::{Hash, IntegerText, List, Set, SortedSet, Value};

const STORED: u8 = 1;
const REMOVED: u8 = 2;
const CLEARED: u8 = 3;
const COMPLETE: u8 = 4;

/// Bytes that are no operations, though their checksum was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// One operation, as it is read.
#[derive(Debug)]
pub enum Operation<'a> {
    /// The key has this value, and this end.
    Stored(usize, &'a [u8], Value, Option<u64>),
    /// The key is gone.
    Removed(usize, &'a [u8]),
    /// All keys of the database are gone.
    Cleared(usize),
    /// All that there was when a rewrite began has been shown.
    Complete,
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Appends that a key has a value and an end.
pub fn put_stored(out: &mut Vec<u8>, database: usize, key: &[u8], value: &Value, end: Option<u64>) {
    out.push(STORED);
    put_varint(out, database as u64);
    put_bytes(out, key);
    put_row(out, value, end);
}

/// Appends a value alone.
pub fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::List(list) => {
            out.push(b'l');
            put_varint(out, list.items().len() as u64);
            list.items().iter().for_each(|item| put_bytes(out, item));
        }
        Value::Hash(hash) => {
            out.push(b'h');
            put_varint(out, hash.fields().len() as u64);
            for (field, text) in hash.fields().iter() {
                put_bytes(out, field);
                put_bytes(out, text);
            }
        }
        Value::Set(set) => {
            out.push(b't');
            put_varint(out, set.members().len() as u64);
            set.members().iter().for_each(|(member, ())| put_bytes(out, member));
        }
        Value::SortedSet(set) => {
            out.push(b'z');
            put_varint(out, set.len() as u64);
            for (member, score) in set.range(0..set.len()) {
                put_bytes(out, member);
                out.extend_from_slice(&score.to_le_bytes());
            }
        }
        string => {
            out.push(b's');
            put_bytes(out, string.text(&mut IntegerText::new()).unwrap_or_default());
        }
    }
}

/// Appends an end and a value: what a row of a database has behind its key.
pub fn put_row(out: &mut Vec<u8>, value: &Value, end: Option<u64>) {
    put_varint(out, end.map_or(0, |end| end + 1));
    put_value(out, value);
}

/// How long a key lives that was read with this end.
pub fn lifetime(end: Option<u64>) -> Lifetime {
    end.map_or(Lifetime::Forever, Lifetime::Until)
}

/// Appends that a rewritten log has shown all.
pub fn put_complete(out: &mut Vec<u8>) {
    out.push(COMPLETE);
}

/// Appends what an effect left of its key.
pub fn put_effect(out: &mut Vec<u8>, keyspace: &Keyspace, effect: &Effect) {
    match effect {
        Effect::Stored { database, key } => match keyspace.stored(key) {
            Some((value, end)) => put_stored(out, *database, key, value, end),
            // A later effect of the same batch has removed it, and says so.
            None => put_removed(out, *database, key),
        },
        Effect::Removed { database, key } => put_removed(out, *database, key),
        Effect::Cleared { database } => {
            out.push(CLEARED);
            put_varint(out, *database as u64);
        }
    }
}

fn put_removed(out: &mut Vec<u8>, database: usize, key: &[u8]) {
    out.push(REMOVED);
    put_varint(out, database as u64);
    put_bytes(out, key);
}

/// Reads operations from the front of bytes.
#[derive(Debug)]
pub struct Operations<'a> {
    rest: &'a [u8],
    hash_key: HashKey,
}

impl<'a> Operations<'a> {
    /// The operations in `bytes`; hashes are made under `hash_key`.
    pub fn new(bytes: &'a [u8], hash_key: HashKey) -> Self {
        Operations { rest: bytes, hash_key }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    fn number(&mut self) -> Result<u64, Malformed> {
        let mut number = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed);
            }
            number |= bits << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed)
    }

    fn size(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.number()?).map_err(|_| Malformed)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.size()?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn score(&mut self) -> Result<f64, Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        self.rest = rest;
        let score = f64::from_le_bytes(*bytes);
        if score.is_nan() { Err(Malformed) } else { Ok(score) }
    }

    /// Reads a value alone.
    pub fn value(&mut self) -> Result<Value, Malformed> {
        match self.byte()? {
            b's' => Ok(Value::string(self.bytes()?)),
            b'l' => {
                let count = self.size()?;
                let mut list = List::default();
                for _ in 0..count {
                    list.push_back(self.bytes()?);
                }
                if list.items().is_empty() { Err(Malformed) } else { Ok(Value::List(Box::new(list))) }
            }
            b'h' => {
                let count = self.size()?;
                let mut hash = Hash::new(self.hash_key);
                for _ in 0..count {
                    let field = self.bytes()?;
                    hash.set(field, self.bytes()?);
                }
                if hash.fields().is_empty() { Err(Malformed) } else { Ok(Value::Hash(Box::new(hash))) }
            }
            b't' => {
                let count = self.size()?;
                let mut set = Set::new(self.hash_key);
                for _ in 0..count {
                    set.insert(self.bytes()?);
                }
                if set.members().is_empty() { Err(Malformed) } else { Ok(Value::Set(Box::new(set))) }
            }
            b'z' => {
                let count = self.size()?;
                let mut set = SortedSet::new(self.hash_key);
                for _ in 0..count {
                    let member = self.bytes()?;
                    set.insert(member, self.score()?);
                }
                if set.is_empty() { Err(Malformed) } else { Ok(Value::SortedSet(Box::new(set))) }
            }
            _ => Err(Malformed),
        }
    }

    /// Reads an end and a value, and nothing behind them.
    pub fn row(&mut self) -> Result<(Value, Option<u64>), Malformed> {
        let end = self.number()?;
        let value = self.value()?;
        if self.rest.is_empty() { Ok((value, end.checked_sub(1))) } else { Err(Malformed) }
    }

    /// The next operation; `None` at the end.
    pub fn read(&mut self) -> Result<Option<Operation<'a>>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        Ok(Some(match self.byte()? {
            STORED => {
                let (database, key, end) = (self.size()?, self.bytes()?, self.number()?);
                Operation::Stored(database, key, self.value()?, end.checked_sub(1))
            }
            REMOVED => Operation::Removed(self.size()?, self.bytes()?),
            CLEARED => Operation::Cleared(self.size()?),
            COMPLETE => Operation::Complete,
            _ => return Err(Malformed),
        }))
    }
}

/// Why a batch of operations was not applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotApplied {
    /// The bytes are no operations.
    Malformed,
    /// They name a database beyond those that the server was started with.
    NoSuchDatabase(usize),
}

/// Applies a batch to the image; how many operations.
pub fn apply(databases: &mut Databases, batch: &[u8]) -> Result<u64, NotApplied> {
    let hash_key = databases.at(0).hash_key();
    let mut operations = Operations::new(batch, hash_key);
    let mut count = 0;
    while let Some(operation) = operations.read().map_err(|Malformed| NotApplied::Malformed)? {
        count += 1;
        let number = match operation {
            Operation::Complete => continue,
            Operation::Stored(number, ..) | Operation::Removed(number, _) | Operation::Cleared(number) => {
                number
            }
        };
        if number >= databases.count() {
            return Err(NotApplied::NoSuchDatabase(number));
        }
        let keyspace = databases.at(number);
        match operation {
            Operation::Stored(_, key, value, end) => {
                keyspace.set(key, value, lifetime(end), 0);
            }
            Operation::Removed(_, key) => {
                if let Some(found) = keyspace.peek(key, 0) {
                    keyspace.remove(found);
                }
            }
            Operation::Cleared(_) => keyspace.clear(),
            Operation::Complete => {}
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
