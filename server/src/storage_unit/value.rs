//! One value: a string in one of its forms, a list, or a hash.
//!
//! Strings that are integers are kept as integers (a counter is counted without being parsed), short ones lie in the
//! value itself, long ones are boxed, edited ones are a growing vector. Commands see bytes and ask with
//! [`Value::text`]; which form it is shows only in `OBJECT ENCODING`.

use super::bytes::SmallBytes;
use super::sip_hash::HashKey;
use super::table::Table;
use crate::resp::number::parse_integer;
use std::collections::VecDeque;

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
            Value::List(_) | Value::Hash(_) => None,
        }
    }

    /// How long a string is.
    pub fn text_len(&self) -> Option<usize> {
        self.text(&mut IntegerText::new()).map(<[u8]>::len)
    }

    /// Whether it is a string.
    pub fn is_string(&self) -> bool {
        !matches!(self, Value::List(_) | Value::Hash(_))
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
            Value::Hash(hash) if hash.is_large => "hashtable",
            Value::Hash(_) => "listpack",
        }
    }

    /// Whether it is a container with nothing in it, which no key may hold.
    pub fn is_empty_container(&self) -> bool {
        match self {
            Value::List(list) => list.items.is_empty(),
            Value::Hash(hash) => hash.fields.is_empty(),
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
        }
    }
}

/// Strings in order.
#[derive(Clone, Debug, Default)]
pub struct List {
    items: VecDeque<SmallBytes>,
    /// What the items hold on the heap.
    items_heap_bytes: usize,
}

impl List {
    /// The items. Changes go through the methods here, which keep the account of memory.
    pub fn items(&self) -> &VecDeque<SmallBytes> {
        &self.items
    }

    /// Adds an item in front.
    pub fn push_front(&mut self, item: &[u8]) {
        let item = SmallBytes::new(item);
        self.items_heap_bytes += item.heap_bytes();
        self.items.push_front(item);
    }

    /// Adds an item at the end.
    pub fn push_back(&mut self, item: &[u8]) {
        let item = SmallBytes::new(item);
        self.items_heap_bytes += item.heap_bytes();
        self.items.push_back(item);
    }

    /// Takes the first item.
    pub fn pop_front(&mut self) -> Option<SmallBytes> {
        let item = self.items.pop_front()?;
        self.items_heap_bytes -= item.heap_bytes();
        Some(item)
    }

    /// Takes the last item.
    pub fn pop_back(&mut self) -> Option<SmallBytes> {
        let item = self.items.pop_back()?;
        self.items_heap_bytes -= item.heap_bytes();
        Some(item)
    }

    /// Replaces the item at `at`, which must exist.
    pub fn replace(&mut self, at: usize, item: &[u8]) {
        let item = SmallBytes::new(item);
        self.items_heap_bytes += item.heap_bytes();
        self.items_heap_bytes -= std::mem::replace(&mut self.items[at], item).heap_bytes();
    }

    /// Adds an item before position `at`.
    pub fn insert(&mut self, at: usize, item: &[u8]) {
        let item = SmallBytes::new(item);
        self.items_heap_bytes += item.heap_bytes();
        self.items.insert(at, item);
    }

    /// Keeps the items from `start` up to and without `end`.
    pub fn trim(&mut self, start: usize, end: usize) {
        self.items.truncate(end);
        self.items.drain(..start.min(end));
        self.items_heap_bytes = self.items.iter().map(SmallBytes::heap_bytes).sum();
    }

    /// Removes up to `count_max` items equal to `item`, from the end if `from_back`; how many.
    pub fn remove(&mut self, item: &[u8], count_max: usize, from_back: bool) -> usize {
        let equal = self.items.iter().filter(|other| other.as_slice() == item).count();
        let removed = equal.min(count_max);
        // Counted from the front, equal items in this range go.
        let going = if from_back { equal - removed..equal } else { 0..removed };
        let mut seen = 0;
        self.items.retain(|other| {
            if other.as_slice() != item {
                return true;
            }
            seen += 1;
            !going.contains(&(seen - 1))
        });
        self.items_heap_bytes -= removed * SmallBytes::new(item).heap_bytes();
        removed
    }

    fn heap_bytes(&self) -> usize {
        size_of::<List>() + self.items.capacity() * size_of::<SmallBytes>() + self.items_heap_bytes
    }
}

/// Fields with their strings.
#[derive(Clone, Debug)]
pub struct Hash {
    fields: Table<SmallBytes>,
    /// What the fields and their strings hold on the heap.
    fields_heap_bytes: usize,
    /// It once had more or longer fields than a small one; it then counts as large for good, as in Redis.
    is_large: bool,
}

/// From here on a hash counts as large (Redis: `hash-max-listpack-entries`, `hash-max-listpack-value`).
const SMALL_HASH_FIELDS_MAX: usize = 128;
const SMALL_HASH_BYTES_MAX: usize = 64;

impl Hash {
    /// A hash without fields.
    pub fn new(hash_key: HashKey) -> Self {
        Hash { fields: Table::new(hash_key), fields_heap_bytes: 0, is_large: false }
    }

    /// The fields. Changes go through the methods here, which keep the account of memory.
    pub fn fields(&self) -> &Table<SmallBytes> {
        &self.fields
    }

    /// Whether it has, or once had, more or longer fields than a small hash may have.
    pub fn is_large(&self) -> bool {
        self.is_large
    }

    /// Sets a field; whether it is new.
    pub fn set(&mut self, field: &[u8], text: &[u8]) -> bool {
        let value = SmallBytes::new(text);
        self.fields_heap_bytes += value.heap_bytes();
        let is_new = match self.fields.insert(field, value) {
            Some(old) => {
                self.fields_heap_bytes -= old.heap_bytes();
                false
            }
            None => {
                self.fields_heap_bytes += SmallBytes::new(field).heap_bytes();
                true
            }
        };
        self.is_large |=
            self.fields.len() > SMALL_HASH_FIELDS_MAX || field.len().max(text.len()) > SMALL_HASH_BYTES_MAX;
        is_new
    }

    /// Removes a field; whether it was there.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        let Some(at) = self.fields.find(field) else {
            return false;
        };
        let (field, text) = self.fields.remove_at(at);
        self.fields_heap_bytes -= field.heap_bytes() + text.heap_bytes();
        true
    }

    fn heap_bytes(&self) -> usize {
        size_of::<Hash>() + self.fields.len() * Table::<SmallBytes>::BYTES_PER_ENTRY + self.fields_heap_bytes
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

    #[test]
    fn removing_from_a_list_takes_the_side_it_is_told() {
        let list = || {
            let mut list = List::default();
            b"abacada".iter().for_each(|byte| list.push_back(&[*byte]));
            list
        };
        let text = |list: &List| list.items().iter().flat_map(|item| item.to_vec()).collect::<Vec<u8>>();
        let table: &[(usize, bool, &str)] =
            &[(1, false, "bacada"), (2, false, "bcada"), (2, true, "abacd"), (99, false, "bcd")];
        for (count, from_back, expected) in table {
            let mut list = list();
            list.remove(b"a", *count, *from_back);
            assert_eq!(text(&list), expected.as_bytes());
        }
    }
}
