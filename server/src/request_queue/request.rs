//! Requests on their way to a worker: consecutive ones of one connection, copied out of its inbox once, so that the
//! I/O unit can go on reading while a worker has them. A batch can be used again; its memory stays.

use crate::resp::{Arguments, Span};

/// Memory that an empty batch may keep.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Consecutive requests of one connection.
#[derive(Clone, Debug, Default)]
pub struct RequestBatch {
    first: u64,
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// For each request, where its spans end; ascending, the last is `spans.len()`.
    ends: Vec<usize>,
}

impl RequestBatch {
    /// An empty batch.
    pub fn new() -> Self {
        RequestBatch::default()
    }

    /// One request of words between blanks.
    #[cfg(test)]
    pub fn of_words(text: &str) -> RequestBatch {
        let mut batch = RequestBatch::new();
        for word in text.split(' ') {
            batch.bytes.extend_from_slice(word.as_bytes());
            batch.spans.push(Span { start: batch.bytes.len() - word.len(), end: batch.bytes.len() });
        }
        batch.ends.push(batch.spans.len());
        batch
    }

    /// Number of the first request.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// How many requests.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all arguments.
    pub fn bytes_total(&self) -> usize {
        self.bytes.len()
    }

    /// The requests in order.
    pub fn iter(&self) -> impl Iterator<Item = Arguments<'_>> {
        (0..self.ends.len()).map(|index| self.request(index))
    }

    /// The request at `index`, which must exist.
    pub fn request(&self, index: usize) -> Arguments<'_> {
        let from = if index == 0 { 0 } else { self.ends[index - 1] };
        Arguments::new(&self.bytes, &self.spans[from..self.ends[index]])
    }

    /// Empties the batch; the next request that is pushed has the number `first`.
    pub fn restart(&mut self, first: u64) {
        self.first = first;
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
        self.spans.clear();
        self.ends.clear();
    }

    /// Appends a copy of one request.
    pub fn push(&mut self, arguments: Arguments<'_>) {
        for argument in arguments.iter() {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(argument);
            self.spans.push(Span { start, end: self.bytes.len() });
        }
        self.ends.push(self.spans.len());
    }
}
