//! Asynchronous I/O by rings: submit operations, reap completions. Who owns a buffer meanwhile: the operation.

use super::Descriptors;
use crate::abi::{Advice, Completed, Errno, Fd, Result, RingParams, SigSet, Submission};
use std::time::Duration;

/// `io_uring(7)`, as far as a server needs it.
pub trait Completion: Descriptors {
    /// A ring of this kernel.
    type Ring: CompletionRing;

    /// Whether rings can be made here; if not, why (`EPERM` in many containers, `ENOSYS` on old kernels).
    fn io_uring_probe(&self) -> Advice;

    /// `io_uring_setup(2)`.
    fn io_uring_setup(&self, params: RingParams) -> Result<Self::Ring>;
}

/// One ring. Dropping it ends what is in flight; the buffers are freed when the kernel has let go of them.
pub trait CompletionRing: Send {
    /// The ring's own descriptor; readable when completions are waiting.
    fn fd(&self) -> Fd;

    /// Queues a submission for the next [`CompletionRing::enter`]. `EBUSY` with the submission given back when
    /// the submission queue is full.
    fn push(&mut self, submission: Submission) -> Result<(), (Errno, Submission)>;

    /// `io_uring_enter(2)`: submits what is queued, then waits until `min_complete` completions are there, the
    /// time is over (`ETIME`) or a signal came (`EINTR`). Returns how many were submitted.
    fn enter(&mut self, min_complete: u32, timeout: Option<Duration>, mask: Option<SigSet>) -> Result<u32>;

    /// Moves the completions that are there to the end of `into`; how many.
    fn reap(&mut self, into: &mut Vec<Completed>) -> usize;
}
