//! One value: a string in one of its forms, or a container.
//!
//! Strings that are integers are kept as integers (a counter is counted without being parsed), short ones lie in the
//! value itself, long ones are boxed, edited ones are a growing vector. Commands see bytes and ask with
//! [`Value::text`]; which form it is shows only in `OBJECT ENCODING`.

pub mod hash;
pub mod list;
pub mod sequence;
pub mod set;
pub mod sorted_set;

pub use hash::Hash;
pub use list::List;
pub use set::Set;
pub use sorted_set::SortedSet;

use crate::resp::number::parse_integer;

const SHORT_BYTES_MAX: usize = 30;
/// Longer strings are called `raw`, as Redis calls them.
const EMBEDDED_BYTES_MAX: usize = 44;

/// Room to write an integer as text.
pub type IntegerText = itoa::Buffer;

/// One value.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string that is an integer in its canonical form.
    Integer(i64),
    /// A short string.
    Short(ShortText),
    /// A string as it was stored.
    Text(Box<[u8]>),
    /// A string that has been edited, and may be again.
    Edited(Vec<u8>),
    /// Strings in order.
    List(Box<List>),
    /// Fields with their strings.
    Hash(Box<Hash>),
    /// Different strings.
    Set(Box<Set>),
    /// Different strings, each with its score.
    SortedSet(Box<SortedSet>),
}

/// Up to 30 bytes.
#[derive(Clone, Copy, Debug)]
pub struct ShortText {
    length: u8,
    bytes: [u8; SHORT_BYTES_MAX],
}

impl ShortText {
    fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }
}

impl Value {
    /// A string.
    #[inline]
    pub fn string(bytes: &[u8]) -> Self {
        if bytes.len() <= 20
            && let Some(value) = parse_integer(bytes)
        {
            return Value::Integer(value);
        }
        if bytes.len() <= SHORT_BYTES_MAX {
            let mut short = [0; SHORT_BYTES_MAX];
            short[..bytes.len()].copy_from_slice(bytes);
            return Value::Short(ShortText { length: bytes.len() as u8, bytes: short });
        }
        Value::Text(bytes.into())
    }

    /// The bytes of a string; `None` for anything else. `scratch` holds them when they are an integer.
    #[inline]
    pub fn text<'a>(&'a self, scratch: &'a mut IntegerText) -> Option<&'a [u8]> {
        match self {
            Value::Integer(value) => Some(scratch.format(*value).as_bytes()),
            Value::Short(short) => Some(short.as_slice()),
            Value::Text(text) => Some(text),
            Value::Edited(text) => Some(text),
            _ => None,
        }
    }

    /// How long a string is.
    pub fn text_len(&self) -> Option<usize> {
        self.text(&mut IntegerText::new()).map(<[u8]>::len)
    }

    /// Whether it is a string.
    pub fn is_string(&self) -> bool {
        matches!(self, Value::Integer(_) | Value::Short(_) | Value::Text(_) | Value::Edited(_))
    }

    /// A string as a vector that can be edited in place; `None` for anything else.
    pub fn edit_text(&mut self) -> Option<&mut Vec<u8>> {
        if !matches!(self, Value::Edited(_)) {
            let bytes = self.text(&mut IntegerText::new())?.to_vec();
            *self = Value::Edited(bytes);
        }
        match self {
            Value::Edited(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// What `TYPE` says.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::List(_) => "list",
            Value::Hash(_) => "hash",
            Value::Set(_) => "set",
            Value::SortedSet(_) => "zset",
            _ => "string",
        }
    }

    /// What `OBJECT ENCODING` says.
    pub fn encoding_name(&self) -> &'static str {
        match self {
            Value::Integer(_) => "int",
            Value::Short(_) => "embstr",
            Value::Text(text) if text.len() <= EMBEDDED_BYTES_MAX => "embstr",
            Value::Text(_) | Value::Edited(_) => "raw",
            Value::List(_) => "quicklist",
            Value::Hash(hash) => hash.encoding_name(),
            Value::Set(set) => set.encoding_name(),
            Value::SortedSet(set) => set.encoding_name(),
        }
    }

    /// Whether it is a container with nothing in it, which no key may hold.
    pub fn is_empty_container(&self) -> bool {
        match self {
            Value::List(list) => list.items().is_empty(),
            Value::Hash(hash) => hash.fields().is_empty(),
            Value::Set(set) => set.members().is_empty(),
            Value::SortedSet(set) => set.members().is_empty(),
            _ => false,
        }
    }

    /// Bytes that are held outside of the value itself.
    pub fn heap_bytes(&self) -> usize {
        match self {
            Value::Integer(_) | Value::Short(_) => 0,
            Value::Text(text) => text.len() + 16,
            Value::Edited(text) => text.capacity() + 16,
            Value::List(list) => list.heap_bytes(),
            Value::Hash(hash) => hash.heap_bytes(),
            Value::Set(set) => set.heap_bytes(),
            Value::SortedSet(set) => set.heap_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_small() {
        assert_eq!(size_of::<Value>(), 32);
    }

    #[test]
    fn strings_read_back_whatever_their_form() {
        let table: &[(&[u8], &str)] = &[
            (b"", "embstr"),
            (b"12", "int"),
            (b"-9223372036854775808", "int"),
            (b"012", "embstr"),
            (&[b'x'; 30], "embstr"),
            (&[b'x'; 44], "embstr"),
            (&[b'x'; 45], "raw"),
        ];
        for (bytes, encoding) in table {
            let mut value = Value::string(bytes);
            assert_eq!(value.encoding_name(), *encoding);
            assert_eq!(value.text(&mut IntegerText::new()), Some(*bytes));
            value.edit_text().unwrap().push(b'!');
            assert_eq!(value.text(&mut IntegerText::new()), Some(&[bytes, b"!".as_slice()].concat()[..]));
            assert_eq!(value.encoding_name(), "raw");
        }
    }
}
