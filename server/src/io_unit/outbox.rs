//! Replies on their way out, in the order in which they leave.
//!
//! Bytes are counted from the beginning of the stream, so that a position stays meaningful while the front of the
//! buffer leaves. A gate can hold replies back until what they promise is durable. What the bound is, and what
//! happens when it is reached, `connection` decides.

use super::scratch::TurnBuffers;

/// Memory that an empty outbox may keep.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// A queue of bytes with a gate.
#[derive(Debug)]
pub struct Outbox {
    /// `head..` waits to be sent.
    bytes: Vec<u8>,
    head: usize,
    /// Bytes before `head` that somebody else is sending ([`Outbox::take`]); they count as waiting.
    taken: usize,
    /// Bytes that left, in all.
    sent: u64,
    /// Bytes from this position of the stream on stay here; [`OPEN`]: none do.
    gate: u64,
}

/// No gate. So many bytes never leave.
const OPEN: u64 = u64::MAX;

impl Default for Outbox {
    fn default() -> Outbox {
        Outbox { bytes: Vec::new(), head: 0, taken: 0, sent: 0, gate: OPEN }
    }
}

impl Outbox {
    /// An empty outbox.
    pub fn new() -> Self {
        Outbox::default()
    }

    /// How many bytes wait, behind the gate too.
    #[inline]
    pub fn len(&self) -> usize {
        self.taken + self.bytes.len() - self.head
    }

    /// Whether none waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What may be sent now; nothing of what is taken.
    #[inline]
    pub fn sendable(&self) -> &[u8] {
        let end = match self.gate {
            OPEN => self.bytes.len(),
            gate => {
                let open = usize::try_from(gate.saturating_sub(self.sent)).unwrap_or(usize::MAX);
                self.head + open.saturating_sub(self.taken).min(self.bytes.len() - self.head)
            }
        };
        &self.bytes[self.head..end]
    }

    /// How many bytes are taken.
    #[inline]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Takes a buffer, where it has none.
    #[inline]
    pub fn borrow(&mut self, buffers: &mut TurnBuffers) {
        if self.bytes.capacity() == 0 {
            buffers.lend_output(&mut self.bytes);
        }
    }

    /// Gives its buffer back, if nothing is in it.
    #[inline]
    pub fn give_back(&mut self, buffers: &mut TurnBuffers) {
        if self.head == self.bytes.len() {
            self.head = 0;
            self.bytes.clear();
            buffers.keep_output(&mut self.bytes);
        }
    }

    /// Lends what may be sent to whoever sends it: the memory, and where in it to begin. `spare` takes its place. Nothing
    /// further is taken until all of it was [`sent`](Outbox::sent).
    pub fn take(&mut self, mut spare: Vec<u8>) -> (Vec<u8>, usize) {
        debug_assert_eq!(self.taken, 0, "taken twice");
        spare.clear();
        let (count, from) = (self.sendable().len(), self.head);
        self.taken = count;
        if from + count == self.bytes.len() {
            self.head = 0;
            return (std::mem::replace(&mut self.bytes, spare), from);
        }
        spare.extend_from_slice(&self.bytes[from..from + count]);
        self.head += count;
        (spare, 0)
    }

    /// Bytes that left, in all.
    pub fn sent_total(&self) -> u64 {
        self.sent
    }

    /// Memory held, used or not.
    #[inline]
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }

    /// The buffer itself, to append to. Bytes that are in it already must stay as they are.
    #[inline]
    pub fn tail(&mut self) -> &mut Vec<u8> {
        // Sent bytes are dropped only when they are at least half, so each byte is moved at most once on average.
        if self.head > 0 && self.head >= self.bytes.len() - self.head {
            self.bytes.drain(..self.head);
            self.head = 0;
        }
        &mut self.bytes
    }

    /// Appends `bytes`, taking them over as they are when nothing waits.
    pub fn append(&mut self, bytes: Vec<u8>) {
        if self.head == self.bytes.len() && bytes.len() >= self.bytes.capacity() {
            self.bytes = bytes;
            self.head = 0;
        } else {
            self.tail().extend_from_slice(&bytes);
        }
    }

    /// Takes back all but the oldest `length` waiting bytes.
    pub fn truncate(&mut self, length: usize) {
        self.bytes.truncate(self.head + length.saturating_sub(self.taken));
    }

    /// The first `count` sendable bytes have left, or that many of those that are taken.
    pub fn sent(&mut self, count: usize) {
        if self.taken > 0 {
            assert!(count <= self.taken, "more bytes sent than were taken");
            self.taken -= count;
            self.sent += count as u64;
            return;
        }
        assert!(count <= self.sendable().len(), "more bytes sent than were to be sent");
        self.head += count;
        self.sent += count as u64;
        if self.head == self.bytes.len() {
            self.head = 0;
            if self.bytes.capacity() > KEPT_BYTES_MAX {
                self.bytes = Vec::new();
            } else {
                self.bytes.clear();
            }
        }
    }

    /// The position behind the last byte of the stream so far.
    pub fn end_position(&self) -> u64 {
        self.sent + self.len() as u64
    }

    /// Bytes that are appended from now on stay here until they are released. A gate that is closed stays where it is.
    pub fn close_gate(&mut self) {
        if self.gate == OPEN {
            self.gate = self.end_position();
        }
    }

    /// Whether the gate is closed.
    #[inline]
    pub fn is_gated(&self) -> bool {
        self.gate != OPEN
    }

    /// Bytes before `position` may leave; the gate is open when nothing is behind it.
    pub fn release(&mut self, position: u64) {
        if self.gate != OPEN {
            self.gate = if position >= self.end_position() { OPEN } else { self.gate.max(position) };
        }
    }

    /// Takes back all that is behind the gate, and opens it.
    pub fn drop_held(&mut self) {
        let open = self.taken + self.sendable().len();
        self.truncate(open);
        self.gate = OPEN;
    }

    /// Forgets everything and gives the memory back.
    pub fn clear(&mut self) {
        *self = Outbox { sent: self.sent, ..Outbox::default() };
    }

    /// Gives memory back if nothing waits.
    pub fn release_idle_memory(&mut self) {
        if self.head == self.bytes.len() {
            self.bytes = Vec::new();
            self.head = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_closed_gate_holds_what_comes_after_it() {
        let mut outbox = Outbox::new();
        outbox.tail().extend_from_slice(b"before");
        outbox.close_gate();
        outbox.tail().extend_from_slice(b"one");
        let one = outbox.end_position();
        outbox.tail().extend_from_slice(b"two");
        assert_eq!(outbox.sendable(), b"before");
        outbox.sent(6);
        assert_eq!(outbox.sendable(), b"");
        outbox.release(one);
        assert_eq!(outbox.sendable(), b"one");
        outbox.release(outbox.end_position());
        assert_eq!(outbox.sendable(), b"onetwo");
        outbox.tail().extend_from_slice(b"after");
        assert_eq!(outbox.sendable(), b"onetwoafter");
    }

    proptest! {
        #[test]
        fn every_byte_leaves_once_and_in_order(steps in proptest::collection::vec((0u8..4, 0usize..5000), 0..80)) {
            let (mut outbox, mut next, mut arrived, mut taken) = (Outbox::new(), 0u8, 0u8, Vec::new());
            for (step, size) in steps {
                let piece = || (0..size).map(|at| next.wrapping_add(at as u8)).collect::<Vec<u8>>();
                match step {
                    3 if outbox.taken() == 0 => {
                        let (bytes, from) = outbox.take(Vec::new());
                        prop_assert_eq!(bytes.len() - from, outbox.taken());
                        taken = bytes[from..].to_vec();
                    }
                    3 => {
                        let count = size.min(taken.len());
                        for byte in taken.drain(..count) {
                            prop_assert_eq!(byte, arrived);
                            arrived = arrived.wrapping_add(1);
                        }
                        outbox.sent(count);
                    }
                    0 => { outbox.tail().extend_from_slice(&piece()); next = next.wrapping_add(size as u8); }
                    1 => { outbox.append(piece()); next = next.wrapping_add(size as u8); }
                    _ if outbox.taken() == 0 => {
                        let count = size.min(outbox.sendable().len());
                        for byte in &outbox.sendable()[..count] {
                            prop_assert_eq!(*byte, arrived);
                            arrived = arrived.wrapping_add(1);
                        }
                        outbox.sent(count);
                    }
                    _ => {}
                }
            }
        }
    }
}
