//! Bytes in order: written at the end, read from the front. One copy in, one copy out.

/// A queue of bytes. Invariant: `head <= data.len()`; the queued bytes are `data[head..]`.
#[derive(Default)]
pub(crate) struct ByteQueue {
    data: Vec<u8>,
    head: usize,
}

/// From this many bytes read on, the front is cut off where it is the larger part.
const COMPACT: usize = 64 * 1024;

impl ByteQueue {
    #[inline(always)]
    pub fn push(&mut self, bytes: &[u8]) {
        if self.head == self.data.len() {
            self.data.clear();
            self.head = 0;
        } else if self.head >= COMPACT && self.head >= self.data.len() / 2 {
            self.data.drain(..self.head);
            self.head = 0;
        }
        self.data.extend_from_slice(bytes);
    }

    /// The queued bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.data[self.head..]
    }

    /// Copies what comes `from` bytes behind the front. That much must be there.
    #[inline(always)]
    pub fn peek(&self, from: usize, buffer: &mut [u8]) {
        let from = self.head + from;
        buffer.copy_from_slice(&self.data[from..from + buffer.len()]);
    }

    /// Takes `n` bytes out of the front.
    #[inline(always)]
    pub fn skip(&mut self, n: usize) {
        self.head += n;
        if self.head == self.data.len() {
            self.data.clear();
            self.head = 0;
        }
    }

    /// Cuts off everything behind the first `keep` bytes.
    pub fn truncate(&mut self, keep: usize) {
        self.data.truncate(self.head + keep);
    }
}
