//! Received bytes that are not understood yet: usually the unfinished request at the end of a read, or nothing.
//!
//! The buffer follows what really arrived, not what the peer announces, so that a length line costs the peer as
//! much as it costs us. An empty inbox owns no memory to speak of: ten thousand idle connections are cheap.

/// Memory that an empty inbox may keep.
const KEPT_BYTES_MAX: usize = 16 * 1024;
/// A read into the inbox has room for at least so much, and at most for the larger one.
const READ_BYTES_MIN: usize = 16 * 1024;
const READ_BYTES_MAX: usize = 1024 * 1024;

/// A queue of bytes, contiguous for the decoder. Most connections have nothing in it, and then no memory either.
#[derive(Debug, Default)]
pub struct Inbox(Option<Box<Buffer>>);

#[derive(Debug, Default)]
struct Buffer {
    /// `head..tail` is unread, `tail..` is room to read into (its old content means nothing).
    bytes: Vec<u8>,
    head: usize,
    tail: usize,
}

impl Inbox {
    /// An empty inbox.
    pub fn new() -> Self {
        Inbox::default()
    }

    /// How many bytes are unread.
    #[inline]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |buffer| buffer.tail - buffer.head)
    }

    /// Whether none is.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is unread, oldest first.
    pub fn unread(&self) -> &[u8] {
        self.0.as_ref().map_or(&[], |buffer| &buffer.bytes[buffer.head..buffer.tail])
    }

    /// Memory held, used or not.
    #[inline]
    pub fn memory(&self) -> usize {
        self.0.as_ref().map_or(0, |buffer| buffer.bytes.len())
    }

    /// Room to read into, for at least 16 KiB and for `wanted` bytes as far as that is reasonable. What is really
    /// read is then announced with [`Inbox::filled`].
    pub fn space(&mut self, wanted: usize) -> &mut [u8] {
        let room = wanted.clamp(READ_BYTES_MIN, READ_BYTES_MAX);
        let buffer = self.0.get_or_insert_default();
        buffer.make_room(room);
        let end = buffer.bytes.len().min(buffer.tail + READ_BYTES_MAX);
        &mut buffer.bytes[buffer.tail..end]
    }

    /// The first `count` bytes of the space handed out last now hold received bytes.
    pub fn filled(&mut self, count: usize) {
        let buffer = self.0.get_or_insert_default();
        assert!(count <= buffer.bytes.len() - buffer.tail, "more bytes received than there was room for");
        buffer.tail += count;
    }

    /// Appends a copy of `bytes`.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        // Nearly always: whole requests have come.
        if !bytes.is_empty() {
            self.keep(bytes);
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let buffer = self.0.get_or_insert_default();
        buffer.make_room(bytes.len());
        buffer.bytes[buffer.tail..buffer.tail + bytes.len()].copy_from_slice(bytes);
        buffer.tail += bytes.len();
    }

    /// The oldest `count` bytes are done with.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.len(), "more bytes consumed than were unread");
        let Some(buffer) = &mut self.0 else { return };
        buffer.head += count;
        if buffer.head == buffer.tail {
            (buffer.head, buffer.tail) = (0, 0);
            if buffer.bytes.len() > KEPT_BYTES_MAX {
                self.clear();
            }
        }
    }

    /// Forgets everything and gives the memory back.
    pub fn clear(&mut self) {
        self.0 = None;
    }

    /// Gives memory back if there is nothing unread.
    pub fn release_idle_memory(&mut self) {
        if self.is_empty() {
            self.clear();
        }
    }
}

impl Buffer {
    fn make_room(&mut self, room: usize) {
        if self.bytes.len() - self.tail >= room {
            return;
        }
        // Moving the unread bytes to the front pays only when that frees as much as it moves: so a request that
        // arrives in many pieces is moved a bounded number of times.
        if self.head >= self.tail - self.head && self.head > 0 {
            self.bytes.copy_within(self.head..self.tail, 0);
            self.tail -= self.head;
            self.head = 0;
        }
        if self.bytes.len() - self.tail < room {
            let grown = (self.tail + room).max(self.bytes.len() + self.bytes.len() / 2);
            self.bytes.resize(grown, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    proptest! {
        #[test]
        fn is_a_queue_of_bytes(steps in proptest::collection::vec((0u8..3, 0usize..40_000), 0..60)) {
            let (mut inbox, mut model, mut next) = (Inbox::new(), VecDeque::new(), 0u8);
            for (step, size) in steps {
                match step {
                    0 => {
                        let piece: Vec<u8> = (0..size % 97).map(|_| { next = next.wrapping_add(1); next }).collect();
                        inbox.push(&piece);
                        model.extend(piece);
                    }
                    1 => {
                        let space = inbox.space(size);
                        prop_assert!(space.len() >= READ_BYTES_MIN.max(size.min(READ_BYTES_MAX)));
                        let count = size % space.len();
                        for byte in &mut space[..count] {
                            next = next.wrapping_add(1);
                            *byte = next;
                            model.push_back(next);
                        }
                        inbox.filled(count);
                    }
                    _ => {
                        let count = size.min(inbox.len());
                        inbox.consume(count);
                        model.drain(..count);
                    }
                }
                prop_assert_eq!(inbox.unread(), model.make_contiguous() as &[u8]);
            }
        }
    }
}
