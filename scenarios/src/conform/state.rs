//! What a program that uses a ring or signals holds besides descriptors. What is done with it: `rings`, `signals`.

use eagain_net::{Fd, SigSet, SubmissionFlags};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize};

/// What the number in a completion means.
#[derive(Clone, Copy)]
pub(super) enum Meaning {
    Count,
    /// Bytes of a stream were received.
    Data,
    Mask,
    /// A new descriptor, for this slot.
    New(u64),
    /// This one was closed.
    Closed(Fd),
}

/// A program's ring.
pub(super) struct RingState<R> {
    pub(super) ring: Option<R>,
    /// By the number of the submission, from 1.
    pub(super) pushed: Vec<Meaning>,
    pub(super) link: SubmissionFlags,
    /// The last submission is linked to one that is not there yet.
    pub(super) dangling: bool,
    pub(super) provided: u16,
}

impl<R> Default for RingState<R> {
    fn default() -> Self {
        RingState {
            ring: None,
            pushed: Vec::new(),
            link: SubmissionFlags::NONE,
            dangling: false,
            provided: 0,
        }
    }
}

/// How many signals a program's handlers note.
pub(super) const NOTES: usize = 64;

/// What handlers note. It only stores numbers: a handler may not do more (`signal-safety(7)`).
pub(super) struct Notes {
    pub(super) count: AtomicUsize,
    pub(super) signals: [AtomicU32; NOTES],
}

/// What a program that uses signals holds.
pub struct SignalLog {
    pub(super) notes: Arc<Notes>,
    pub(super) mask: SigSet,
}
