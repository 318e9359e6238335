//! POSIX asynchronous I/O (`aio(7)`): start a read or a write, be notified by a signal.

use super::Descriptors;
use crate::abi::{Advice, Errno, Fd, Result, SigEvent};
use std::time::Duration;

/// An operation in flight: the control block's identity.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct AioId(pub u64);

/// What `aio_error(3)` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AioState {
    /// `EINPROGRESS`.
    InProgress,
    /// It ended well; `aio_return` has the count.
    Done,
    /// It ended with this; `ECANCELED` where it was cancelled.
    Failed(Errno),
}

/// What `aio_cancel(3)` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AioCancel {
    /// `AIO_CANCELED`: all were.
    Canceled,
    /// `AIO_NOTCANCELED`: one at least is running and goes on.
    NotCanceled,
    /// `AIO_ALLDONE`: none was left.
    AllDone,
}

/// `aio_read` and its family. Operations on one descriptor *number* run one after the other, as in glibc: a write
/// behind a pending read waits for it. Read and write through two descriptors (`dup`).
pub trait Aio: Descriptors {
    /// Whether operations can be started here; if not, why.
    fn aio_probe(&self) -> Advice;

    /// `aio_init(3)`: how many operations run at once (glibc: 20 threads by default).
    fn aio_init(&self, threads: u32);

    /// `aio_read(3)`. The buffer is the operation's until [`Aio::aio_return`] gives it back.
    fn aio_read(
        &self,
        fd: Fd,
        buffer: Vec<u8>,
        offset: u64,
        event: SigEvent,
    ) -> Result<AioId, (Errno, Vec<u8>)>;

    /// `aio_write(3)` of `buffer[from..]`.
    fn aio_write(
        &self,
        fd: Fd,
        buffer: Vec<u8>,
        from: usize,
        offset: u64,
        event: SigEvent,
    ) -> Result<AioId, (Errno, Vec<u8>)>;

    /// `aio_error(3)`. `EINVAL`: no such operation.
    fn aio_error(&self, id: AioId) -> Result<AioState>;

    /// `aio_return(3)`, once, when it is done: the count, and the buffer back. `EINPROGRESS` before, `EINVAL` after.
    fn aio_return(&self, id: AioId) -> Result<(Result<usize>, Vec<u8>)>;

    /// `aio_cancel(3)` of one operation, or of all on the descriptor.
    fn aio_cancel(&self, fd: Fd, id: Option<AioId>) -> Result<AioCancel>;

    /// `aio_suspend(3)`: waits until one of these is done. `EAGAIN`: the time is over. `EINTR`: a signal.
    fn aio_suspend(&self, ids: &[AioId], timeout: Option<Duration>) -> Result<()>;
}
