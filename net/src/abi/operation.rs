//! What is submitted to a completion ring and what comes back (`io_uring_enter(2)`). An operation owns its
//! buffer from submission to completion, also through cancellation: it goes in with the [`Submission`] and comes
//! out with the [`Completed`].

use super::fd::flags;
use super::{Fd, RecvFlags, SendFlags, SocketFlags};
use std::net::SocketAddr;
use std::time::Duration;

/// How a ring is made (`io_uring_setup(2)`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingParams {
    /// Submission entries; rounded up to a power of two, at most 32768.
    pub entries: u32,
    /// Completion entries; 0: twice `entries`.
    pub cq_entries: u32,
    /// `IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN`: completions appear only inside `enter`.
    pub defer_taskrun: bool,
}

/// An operation, the caller's own 64 bits, and how it is linked to the next.
#[derive(Debug)]
pub struct Submission {
    /// Comes back with the completion.
    pub user_data: u64,
    /// What to do.
    pub operation: Operation,
    /// Links.
    pub flags: SubmissionFlags,
}

flags! {
    /// Flags of a submission (`io_uring_enter(2)`, `IOSQE_*`).
    SubmissionFlags: u8 {
        /// The next one starts when this one has succeeded in full.
        LINK = 1 << 2, "IO_LINK";
        /// The next one starts when this one has ended.
        HARDLINK = 1 << 3, "IO_HARDLINK";
    }
}

/// A group of provided buffers.
pub type BufferGroup = u16;

/// What a ring can do; each names the call that it resembles.
#[derive(Debug)]
#[allow(missing_docs)] // the fields are the arguments of the call of the variant's name
pub enum Operation {
    /// Nothing, successfully.
    Nop,
    /// `accept4(2)`; `multishot`: one completion a connection until cancelled.
    Accept { fd: Fd, flags: SocketFlags, multishot: bool },
    /// `connect(2)`.
    Connect { fd: Fd, address: SocketAddr },
    /// `recv(2)` into `buffer`, up to its length.
    Recv { fd: Fd, buffer: Vec<u8>, flags: RecvFlags },
    /// `recv(2)` into a buffer of the group; `multishot`: until the group runs out (`ENOBUFS`), the end, or an error.
    RecvGroup { fd: Fd, group: BufferGroup, multishot: bool },
    /// `send(2)` of `buffer` from `from`.
    Send { fd: Fd, buffer: Vec<u8>, from: usize, flags: SendFlags },
    /// `pread(2)`; with `u64::MAX` as the offset, `read(2)`. On a stream the offset is 0 or that, else `ESPIPE`.
    Read { fd: Fd, buffer: Vec<u8>, offset: u64 },
    /// `pwrite(2)` of `buffer`; the offset as for `Read`.
    Write { fd: Fd, buffer: Vec<u8>, offset: u64 },
    /// `fsync(2)`, or `fdatasync(2)`.
    Fsync { fd: Fd, data_only: bool },
    /// `shutdown(2)`.
    Shutdown { fd: Fd, how: super::ShutdownHow },
    /// `close(2)`.
    Close { fd: Fd },
    /// One-shot poll.
    PollAdd { fd: Fd, events: super::Events, multishot: bool },
    /// `-ETIME` after `after`, or 0 when `count` other completions have come first (0: no count).
    Timeout { after: Duration, count: u32 },
    /// Linked behind an operation: cancels it when it takes longer.
    LinkTimeout { after: Duration },
    /// Cancels the operation with this `user_data`.
    Cancel { user_data: u64 },
    /// Gives buffers to a group; ids count from `first_id`.
    ProvideBuffers { group: BufferGroup, buffers: Vec<Vec<u8>>, first_id: u16 },
}

flags! {
    /// Flags of a completion (`IORING_CQE_F_*`).
    CompletedFlags: u32 {
        /// `buffer_id` is valid.
        BUFFER = 1, "BUFFER";
        /// More completions of this submission follow.
        MORE = 2, "MORE";
    }
}

/// One completion.
#[derive(Debug)]
pub struct Completed {
    /// Of the submission.
    pub user_data: u64,
    /// The call's value, or the negated errno.
    pub result: i32,
    /// Whether more follow.
    pub flags: CompletedFlags,
    /// The operation's buffer, back; for a group's, the buffer that was filled, cut to what was received.
    pub buffer: Option<Vec<u8>>,
    /// Of a group's buffer: its id.
    pub buffer_id: u16,
}

/// Whether a kernel has a family, and if not, why (`probe`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Advice {
    /// It is there.
    Available,
    /// It is not, for this reason.
    Unavailable(String),
}
