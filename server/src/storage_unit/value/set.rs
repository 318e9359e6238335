//! A set: different strings, without an order that anybody could ask for.

use crate::resp::number::parse_integer;
use crate::storage_unit::bytes::SmallBytes;
use crate::storage_unit::sip_hash::HashKey;
use crate::storage_unit::table::Table;

/// A set of integers with more members is called `hashtable` (Redis: `set-max-intset-entries`).
const INTEGERS_MAX: usize = 512;

/// Different strings.
#[derive(Clone, Debug)]
pub struct Set {
    members: Table<()>,
    members_heap_bytes: usize,
    /// Every member that it ever had is an integer, and it never had more than [`INTEGERS_MAX`].
    is_integers: bool,
}

impl Set {
    /// A set without members.
    pub fn new(hash_key: HashKey) -> Self {
        Set { members: Table::new(hash_key), members_heap_bytes: 0, is_integers: true }
    }

    /// The members. Changes go through the methods here, which keep the account of memory.
    pub fn members(&self) -> &Table<()> {
        &self.members
    }

    /// Whether it has this member.
    pub fn has(&self, member: &[u8]) -> bool {
        self.members.find(member).is_some()
    }

    /// What `OBJECT ENCODING` says.
    pub fn encoding_name(&self) -> &'static str {
        if self.is_integers { "intset" } else { "hashtable" }
    }

    /// Adds a member; whether it is new.
    pub fn insert(&mut self, member: &[u8]) -> bool {
        let (at, was_there) = self.members.find_or_insert(member, || ());
        if !was_there {
            self.members_heap_bytes += self.members.key_at(at).heap_bytes();
            self.is_integers =
                self.is_integers && self.members.len() <= INTEGERS_MAX && parse_integer(member).is_some();
        }
        !was_there
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        self.members.find(member).map(|at| self.remove_at(at)).is_some()
    }

    /// Removes the member at a position of [`Set::members`].
    pub fn remove_at(&mut self, at: usize) -> SmallBytes {
        let (member, ()) = self.members.remove_at(at);
        self.members_heap_bytes -= member.heap_bytes();
        member
    }

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Set>() + self.members.len() * Table::<()>::BYTES_PER_ENTRY + self.members_heap_bytes
    }
}
