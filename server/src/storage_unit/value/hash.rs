//! A hash: fields with their strings.

use crate::storage_unit::bytes::SmallBytes;
use crate::storage_unit::sip_hash::HashKey;
use crate::storage_unit::table::Table;

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

    /// What `OBJECT ENCODING` says.
    pub fn encoding_name(&self) -> &'static str {
        if self.is_large { "hashtable" } else { "listpack" }
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

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Hash>() + self.fields.len() * Table::<SmallBytes>::BYTES_PER_ENTRY + self.fields_heap_bytes
    }
}
