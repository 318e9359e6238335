//! A completion ring (`io_uring(7)`): what was pushed, what is in flight, what has completed.
//!
//! ```text
//!   push ──► queue ──enter──► ops ──► (a file's watchers) ──wake──► work ──► done ──reap──►
//!                              │  what cannot be done at once pends here       │ full: overflow, flushed by enter
//!                              └──► batch ──flush──► done; what is linked behind it ──► work
//! ```

use crate::choice::Stream;
use eagain_net::{BufferGroup, Completed, Events, Operation, Submission, SubmissionFlags};
use slab::Slab;
use std::collections::{BTreeMap, VecDeque};

/// A timeout that is linked behind an operation.
pub(crate) struct LinkedTimeout {
    pub user_data: u64,
    /// From the moment at which the operation pends, in nanoseconds of the host's clock.
    pub after: u64,
    /// When it is over; `u64::MAX`: not armed yet.
    pub at: u64,
}

/// Where an operation is that the owner of its ring does not do itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Away {
    No,
    /// In the queue of the worker pool (io_uring/io-wq.c), out of which it can be cancelled.
    Queued,
    /// A worker does it.
    Running,
    /// The page that it reads is on its way from the disk: it is done when the owner is notified, and no cancel finds it.
    Page,
}

/// An operation in flight. It owns its buffer, and holds the file that its descriptor referred to when it was issued:
/// closing the descriptor does not end it.
pub(crate) struct RingOp {
    pub user_data: u64,
    pub operation: Operation,
    pub flags: SubmissionFlags,
    /// Unique in the world, so that an entry of the event queue that is older than the operation is known.
    pub number: u32,
    /// `NONE`: it needs none, or has none yet.
    pub file: u32,
    /// How many bytes an operation that waits for all has moved.
    pub moved: usize,
    /// What it waits for among the watchers of `file`.
    pub armed: Events,
    /// It is on the work list, or about to be.
    pub queued: bool,
    /// Whether it is done elsewhere than where the owner runs, and when its next step there is due.
    pub away: Away,
    pub step_at: u64,
    /// It is over, and reported with the deferred work.
    pub outcome: Option<(i32, bool)>,
    /// It was cancelled, and ends when the work is done.
    pub canceled: bool,
    /// It is linked behind something that has ended, and is issued when the work is done.
    pub fresh: bool,
    /// It was ready when it began to wait: on its way back, where no cancel finds it.
    pub unlisted: bool,
    /// How often it was ready and had nothing.
    pub in_vain: u32,
    /// Of a connect: it was begun, and it was reported once that it came to nothing before.
    pub under_way: bool,
    pub aborted: bool,
    /// Of a poll that was woken: how often, and with which bits the first time.
    pub wakes: u32,
    pub woken: Events,
    /// For a timeout: when it is over, and the number of the completion that ends it before, where it counts them.
    pub at: u64,
    pub target: u32,
    pub enough: bool,
    /// The buffer of a group that a single receive has filled.
    pub filled: Option<(u16, Vec<u8>)>,
    pub timeout: Option<LinkedTimeout>,
    /// What is linked behind it.
    pub chain: VecDeque<Submission>,
}

impl RingOp {
    /// Whether it was ready and had nothing so often that a worker waits with it (`APOLL_MAX_RETRY`).
    pub fn gave_up(&self) -> bool {
        self.in_vain > 128
    }
}

/// What is linked behind an operation that is over.
pub(crate) struct Ended {
    pub chain: VecDeque<Submission>,
    /// The chain is broken.
    pub broken: bool,
    /// What has ended was itself a timeout, that was linked behind nothing.
    pub after_timeout: bool,
    pub timeout: Option<LinkedTimeout>,
}

/// A ring.
pub(crate) struct Ring {
    pub fd: i32,
    pub process: u32,
    /// The thread that made it: the one whose calls its operations are.
    pub owner: u32,
    /// Completions appear only inside `enter`, called by `owner`.
    pub defer: bool,
    /// It was ever asked what poll says of it.
    pub polled: bool,
    pub queue_entries: usize,
    pub done_entries: usize,
    pub queue: VecDeque<Submission>,
    pub done: VecDeque<Completed>,
    pub overflow: VecDeque<Completed>,
    /// Completions of what needs no kernel: provided buffers.
    pub local: VecDeque<Completed>,
    pub ops: Slab<RingOp>,
    /// Operations that were woken, by index and number.
    pub work: VecDeque<(u32, u32)>,
    /// The event queue has an entry to do the work; its number.
    pub planned: Option<u32>,
    pub groups: BTreeMap<BufferGroup, VecDeque<(u16, Vec<u8>)>>,
    /// Completions, and timeouts that are over, whether or not that was posted: what timeouts count is the difference.
    pub posted: u32,
    pub timeouts_over: u32,
    /// The timeouts that count, by index and number, in the kernel's order: as each stood to the others when it began.
    pub timeouts: Vec<(u32, u32)>,
    /// What had been counted when timeouts were last begun or looked at: what lies before it is never reached.
    pub timeouts_seen: u32,
    /// What has completed in what is being done now: posted at its end, all together (`__io_submit_flush_completions`).
    pub batch: Vec<Completed>,
    /// Files that are let go of when the work is done (`fput`).
    pub released: Vec<u32>,
    /// Some completion was posted at once, as those are that more follow.
    pub posted_aside: bool,
    /// What is linked behind what has completed: it is seen to after that was posted.
    pub ended: Vec<Ended>,
    /// Who chooses: the process, and the number of the ring in it.
    pub name: String,
    pub lates: Stream,
    pub orders: Stream,
    pub shorts: Stream,
    pub agains: Stream,
    pub pools: Stream,
}

impl Ring {
    /// Completions that can be reaped.
    pub fn ready(&self) -> usize {
        self.done.len() + self.local.len()
    }

    /// What timeouts count.
    pub fn counted(&self) -> u32 {
        self.posted.wrapping_sub(self.timeouts_over)
    }

    /// Timeouts that are over or cancelled are not among those that count any more.
    pub fn forget_timeouts(&mut self) {
        let Ring { ops, timeouts, .. } = self;
        timeouts.retain(|&(op, number)| {
            ops.get(op as usize).is_some_and(|op| op.number == number && !op.queued && !op.canceled)
        });
    }
}

/// The buffer that an operation owns, taken out.
pub(crate) fn take_buffer(operation: &mut Operation) -> Option<Vec<u8>> {
    match operation {
        Operation::Recv { buffer, .. }
        | Operation::Send { buffer, .. }
        | Operation::Read { buffer, .. }
        | Operation::Write { buffer, .. } => Some(std::mem::take(buffer)),
        _ => None,
    }
}
