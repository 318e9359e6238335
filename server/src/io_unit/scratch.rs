//! What a thread has for whichever peer has its turn, so that an idle connection has no buffers.

use crate::resp::Span;

/// Bytes read at once.
pub(super) const SCRATCH_BYTES: usize = 64 * 1024;

/// A thread's.
pub(super) struct Scratch {
    /// To receive into.
    pub bytes: Vec<u8>,
    pub buffers: TurnBuffers,
}

impl Scratch {
    pub(super) fn new() -> Scratch {
        Scratch { bytes: vec![0; SCRATCH_BYTES], buffers: TurnBuffers::default() }
    }

    /// For a turn in which nothing is received, of a thread that has no other.
    pub(super) fn empty() -> Scratch {
        Scratch { bytes: Vec::new(), buffers: TurnBuffers::default() }
    }
}

/// What a connection has in its turn only; see [`Connection::borrow_buffers`](super::connection::Connection::borrow_buffers).
#[derive(Debug, Default)]
pub struct TurnBuffers {
    /// To note in where the words of a request are.
    pub(super) spans: Vec<Span>,
    /// For replies.
    output: Vec<u8>,
    /// Further ones, which have been with the kernel.
    others: Vec<Vec<u8>>,
}

/// Further buffers for replies that are kept, and how large each may be.
const OTHERS_MAX: usize = 64;
const OUTPUT_BYTES_MAX: usize = 16 * 1024;

impl TurnBuffers {
    /// Puts a buffer for replies into the place of one that has no memory.
    #[inline]
    pub fn lend_output(&mut self, place: &mut Vec<u8>) {
        if self.output.capacity() > 0 {
            // Both are moved, and nothing is dropped.
            std::mem::swap(place, &mut self.output);
        } else if let Some(other) = self.others.pop() {
            *place = other;
        }
    }

    /// Takes one back, in which nothing is.
    #[inline]
    pub fn keep_output(&mut self, place: &mut Vec<u8>) {
        if self.output.capacity() == 0 && place.capacity() <= OUTPUT_BYTES_MAX {
            std::mem::swap(place, &mut self.output);
        } else {
            self.keep_other(std::mem::take(place));
        }
    }

    #[cold]
    fn keep_other(&mut self, output: Vec<u8>) {
        if (1..=OUTPUT_BYTES_MAX).contains(&output.capacity()) && self.others.len() < OTHERS_MAX {
            self.others.push(output);
        }
    }
}
