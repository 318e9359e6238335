//! A list: strings in order, added and taken at both ends.

use crate::storage_unit::bytes::SmallBytes;
use std::collections::VecDeque;

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

    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<List>() + self.items.capacity() * size_of::<SmallBytes>() + self.items_heap_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_from_a_list_begins_at_the_given_side() {
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
