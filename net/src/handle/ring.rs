//! A completion ring, with a method per operation. Who owns a buffer: it goes in with the operation and comes out
//! with its completion, also when that is a cancellation; there is no way to touch it in between.

use crate::{
    BufferGroup, Completed, Completion, CompletionRing, Errno, Events, Fd, Operation, RecvFlags, Result,
    RingParams, SendFlags, ShutdownHow, SigSet, SocketAddr, SocketFlags, Submission, SubmissionFlags,
};
use std::fmt;
use std::time::Duration;

/// A ring of kernel `K`. The methods named after calls queue a submission (`EBUSY`: the queue is full, call
/// [`Ring::enter`]); the `user_data` comes back with the completion. Where an operation owns a buffer, a refusal gives
/// it back with the submission.
///
/// ```
/// use eagain_net::{Advice, Completion, Linux, Ring, RingParams};
///
/// # fn main() -> eagain_net::Result<()> {
/// # if Linux.io_uring_probe() != Advice::Available { return Ok(()) }
/// let mut ring = Ring::new(Linux, RingParams { entries: 8, cq_entries: 0, defer_taskrun: false })?;
/// ring.timeout(7, std::time::Duration::from_millis(1)).expect("the queue has room");
/// ring.enter(1, None)?;
/// let mut completed = Vec::new();
/// assert_eq!(ring.reap(&mut completed), 1);
/// assert_eq!((completed[0].user_data, completed[0].value()), (7, Err(eagain_net::Errno::ETIME)));
/// # Ok(())
/// # }
/// ```
pub struct Ring<K: Completion> {
    ring: K::Ring,
}

/// A refused submission comes back, with its buffer.
type Pushed = std::result::Result<(), (Errno, Submission)>;

impl<K: Completion> Ring<K> {
    /// `io_uring_setup(2)`. Where it fails, [`Completion::io_uring_probe`] says why in words.
    pub fn new(kernel: K, params: RingParams) -> Result<Ring<K>> {
        Ok(Ring { ring: kernel.io_uring_setup(params)? })
    }

    /// The ring's descriptor: readable when completions are waiting.
    pub fn fd(&self) -> Fd {
        self.ring.fd()
    }

    /// Queues any submission, links included.
    pub fn push(&mut self, submission: Submission) -> Pushed {
        self.ring.push(submission)
    }

    fn plain(&mut self, user_data: u64, operation: Operation) -> Pushed {
        self.ring.push(Submission { user_data, operation, flags: SubmissionFlags::NONE })
    }

    /// `accept4(2)` once.
    pub fn accept(&mut self, user_data: u64, fd: Fd, flags: SocketFlags) -> Pushed {
        self.plain(user_data, Operation::Accept { fd, flags, multishot: false })
    }

    /// A completion for each connection, until one comes without `MORE`.
    pub fn accept_multishot(&mut self, user_data: u64, fd: Fd, flags: SocketFlags) -> Pushed {
        self.plain(user_data, Operation::Accept { fd, flags, multishot: true })
    }

    /// `connect(2)`.
    pub fn connect(&mut self, user_data: u64, fd: Fd, address: SocketAddr) -> Pushed {
        self.plain(user_data, Operation::Connect { fd, address })
    }

    /// `recv(2)` into `buffer`, up to its length.
    pub fn recv(&mut self, user_data: u64, fd: Fd, buffer: Vec<u8>) -> Pushed {
        self.plain(user_data, Operation::Recv { fd, buffer, flags: RecvFlags::NONE })
    }

    /// `recv(2)` into buffers of a group, a completion for each, until one comes without `MORE`.
    pub fn recv_multishot(&mut self, user_data: u64, fd: Fd, group: BufferGroup) -> Pushed {
        self.plain(user_data, Operation::RecvGroup { fd, group, multishot: true })
    }

    /// `send(2)` of `buffer[from..]`, without `SIGPIPE`; may be short.
    pub fn send(&mut self, user_data: u64, fd: Fd, buffer: Vec<u8>, from: usize) -> Pushed {
        self.plain(user_data, Operation::Send { fd, buffer, from, flags: SendFlags::NOSIGNAL })
    }

    /// As [`Ring::send`], completing only when all is sent, or with an error.
    pub fn send_all(&mut self, user_data: u64, fd: Fd, buffer: Vec<u8>, from: usize) -> Pushed {
        let flags = SendFlags::NOSIGNAL | SendFlags::WAITALL;
        self.plain(user_data, Operation::Send { fd, buffer, from, flags })
    }

    /// `pread(2)` into `buffer`, up to its length.
    pub fn read_at(&mut self, user_data: u64, fd: Fd, buffer: Vec<u8>, offset: u64) -> Pushed {
        self.plain(user_data, Operation::Read { fd, buffer, offset })
    }

    /// `pwrite(2)` of `buffer`.
    pub fn write_at(&mut self, user_data: u64, fd: Fd, buffer: Vec<u8>, offset: u64) -> Pushed {
        self.plain(user_data, Operation::Write { fd, buffer, offset })
    }

    /// `fsync(2)`, or `fdatasync(2)`.
    pub fn fsync(&mut self, user_data: u64, fd: Fd, data_only: bool) -> Pushed {
        self.plain(user_data, Operation::Fsync { fd, data_only })
    }

    /// `shutdown(2)`.
    pub fn shutdown(&mut self, user_data: u64, fd: Fd, how: ShutdownHow) -> Pushed {
        self.plain(user_data, Operation::Shutdown { fd, how })
    }

    /// `close(2)`.
    pub fn close(&mut self, user_data: u64, fd: Fd) -> Pushed {
        self.plain(user_data, Operation::Close { fd })
    }

    /// One report of readiness.
    pub fn poll_add(&mut self, user_data: u64, fd: Fd, events: Events) -> Pushed {
        self.plain(user_data, Operation::PollAdd { fd, events, multishot: false })
    }

    /// `-ETIME` after this time.
    pub fn timeout(&mut self, user_data: u64, after: Duration) -> Pushed {
        self.plain(user_data, Operation::Timeout { after, count: 0 })
    }

    /// Cancels the operation with `target` as its `user_data`. Its own completion still comes.
    pub fn cancel(&mut self, user_data: u64, target: u64) -> Pushed {
        self.plain(user_data, Operation::Cancel { user_data: target })
    }

    /// Gives buffers to a group; their ids count from `first_id`.
    pub fn provide(
        &mut self,
        user_data: u64,
        group: BufferGroup,
        buffers: Vec<Vec<u8>>,
        first_id: u16,
    ) -> Pushed {
        self.plain(user_data, Operation::ProvideBuffers { group, buffers, first_id })
    }

    /// Submits what is queued, and waits until `min_complete` completions are there. `ETIME`, `EINTR`.
    pub fn enter(&mut self, min_complete: u32, timeout: Option<Duration>) -> Result<u32> {
        self.ring.enter(min_complete, timeout, None)
    }

    /// As [`Ring::enter`], with another signal mask meanwhile.
    pub fn enter_masked(
        &mut self,
        min_complete: u32,
        timeout: Option<Duration>,
        mask: SigSet,
    ) -> Result<u32> {
        self.ring.enter(min_complete, timeout, Some(mask))
    }

    /// Moves the completions that are there to the end of `into`; how many.
    pub fn reap(&mut self, into: &mut Vec<Completed>) -> usize {
        self.ring.reap(into)
    }
}

impl Completed {
    /// The result as the call itself would have returned it.
    pub fn value(&self) -> Result<usize> {
        usize::try_from(self.result).map_err(|_| Errno(self.result.saturating_neg()))
    }
}

impl<K: Completion> fmt::Debug for Ring<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ring({})", self.fd())
    }
}
