//! One contract for the models that report completion.

use super::Waker;
use crate::{Errno, Fd, Readiness, Result, Threads};
use std::time::Duration;

/// What has ended, and how.
#[derive(Debug)]
pub enum Finish {
    /// A connection: blocking, and the receiver's to close, as all of them together with [`Completer::forget`]. After
    /// an error nothing more is accepted until [`Completer::accept`] is called again.
    Accepted(Result<Fd>),
    /// So many bytes were received, into the front of a buffer; 0: the peer has ended. The buffer is the model's, and goes back to it with
    /// the next [`Completer::wait`]. `ENOBUFS`: there was none left. What has come is in the socket, and the caller may receive it
    /// there: the next one may find none either.
    Received(Result<usize>, Vec<u8>),
    /// So many bytes were sent, which may be fewer than were given; the buffer, back.
    Sent(Result<usize>, Vec<u8>),
}

/// One completion.
#[derive(Debug)]
pub struct Finished {
    /// Of the operation.
    pub token: u64,
    /// What it was.
    pub what: Finish,
}

/// A buffer that was not taken, and why.
pub type Refused = (Errno, Vec<u8>);

/// Completion, whatever the model. Under this contract one proactor runs on all of them:
///
/// 1. Sockets are blocking: nothing waits in the caller, since nothing is called by it.
/// 2. A token (below `1 << 62`) has one receive and one send in flight at most, which finish exactly once. A send has its buffer until then.
/// 3. To end a connection: `shutdown(2)`, which finishes what is in flight; when that has come, [`forget`](Completer::forget)
///    and close. A descriptor that is closed before goes on being used by the kernel.
/// 4. All of it is done by the thread that made it; others send what they want done through a queue, and wake it.
pub trait Completer<K: Readiness + Threads> {
    /// Accepts connections from now on: one [`Finish::Accepted`] each.
    fn accept(&mut self, listener: Fd, token: u64) -> Result<()>;

    /// Receives what comes next, into a buffer of the model's.
    fn recv(&mut self, fd: Fd, token: u64) -> Result<()>;

    /// The token's receive in flight finishes soon, by what has come or by nothing: with 0 or `ECANCELED` whatever has come is
    /// still in the socket.
    fn stop_receiving(&mut self, fd: Fd, token: u64) -> Result<()>;

    /// Sends `buffer[from..]`, without `SIGPIPE` where the model can.
    fn send(&mut self, fd: Fd, token: u64, buffer: Vec<u8>, from: usize) -> Result<(), Refused>;

    /// The descriptor is about to be closed; nothing of it is in flight.
    fn forget(&mut self, fd: Fd);

    /// One turn: takes back the buffers in `finished`, and fills it anew, waiting for the first one. Ends without one as
    /// [`Poller::wait`](super::Poller::wait) does.
    fn wait(&mut self, finished: &mut Vec<Finished>, timeout: Option<Duration>) -> Result<()>;

    /// What ends a wait from another thread, or from a signal handler.
    fn waker(&self) -> Waker<K>;
}

/// What distinguishes an operation: the token, and two bits for what it does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Act {
    Recv = 0,
    Send = 1,
    Accept = 2,
    /// Of the model itself; see [`WAKER`], [`CANCEL`] and [`PROVIDE`].
    Own = 3,
}

/// What the model itself has in flight: the waker's poll, the end of a receive, and buffers that are given to a group.
pub(super) const WAKER: u64 = Act::Own as u64;
pub(super) const CANCEL: u64 = 1 << 2 | Act::Own as u64;
pub(super) const PROVIDE: u64 = 2 << 2 | Act::Own as u64;

/// Tokens are below this.
const TOKENS: u64 = 1 << 62;

/// `EINVAL`: the token is too large.
pub(super) fn key(token: u64, act: Act) -> Result<u64> {
    if token < TOKENS { Ok(token << 2 | act as u64) } else { Err(Errno::EINVAL) }
}

pub(super) fn parts(key: u64) -> (u64, Act) {
    let act = match key & 3 {
        0 => Act::Recv,
        1 => Act::Send,
        2 => Act::Accept,
        _ => Act::Own,
    };
    (key >> 2, act)
}
