//! Rings, call by call.

use super::SimKernel;
use super::entry::{call, waiting_call_on};
use super::words::{nanoseconds, timeout_word, word};
use crate::stack;
use crate::syscall::Entering;
use crate::syscall::ring;
use crate::trace::Kind;
use crate::world::World;
use eagain_net::*;
use std::fmt;
use std::time::Duration;

/// A ring of the simulated kernel. Dropping it closes it: what is in flight ends and lets go of its files.
pub struct SimRing {
    fd: Fd,
}

impl fmt::Debug for SimRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimRing({})", self.fd)
    }
}

impl Drop for SimRing {
    fn drop(&mut self) {
        if stack::inside() {
            let _ = SimKernel.close(self.fd);
        }
    }
}

/// `IORING_OP_*`, the descriptor, and the length: what a trace shows of an operation.
fn shown(operation: &Operation) -> [u64; 2] {
    let (number, fd) = match operation {
        Operation::Nop => (0, Fd(-1)),
        Operation::Fsync { fd, .. } => (3, *fd),
        Operation::PollAdd { fd, .. } => (6, *fd),
        Operation::Timeout { .. } => (11, Fd(-1)),
        Operation::Accept { fd, .. } => (13, *fd),
        Operation::Cancel { .. } => (14, Fd(-1)),
        Operation::LinkTimeout { .. } => (15, Fd(-1)),
        Operation::Connect { fd, .. } => (16, *fd),
        Operation::Close { fd } => (19, *fd),
        Operation::Read { fd, .. } => (22, *fd),
        Operation::Write { fd, .. } => (23, *fd),
        Operation::Send { fd, .. } => (26, *fd),
        Operation::Recv { fd, .. } | Operation::RecvGroup { fd, .. } => (27, *fd),
        Operation::ProvideBuffers { .. } => (31, Fd(-1)),
        Operation::Shutdown { fd, .. } => (34, *fd),
    };
    [number, word(fd)]
}

impl CompletionRing for SimRing {
    fn fd(&self) -> Fd {
        self.fd
    }

    fn push(&mut self, submission: Submission) -> Result<(), (Errno, Submission)> {
        let fd = self.fd;
        let [number, target] = shown(&submission.operation);
        let args = [word(fd), number, target, submission.user_data];
        let mut given = Some(submission);
        let result = call(Kind::RingPush, args, |w| {
            let Some(submission) = given.take() else { return Err(Errno::EINVAL) };
            ring::push(w, fd, submission).map_err(|(errno, back)| {
                given = Some(back);
                errno
            })
        });
        match (result, given) {
            (Err(errno), Some(submission)) => Err((errno, submission)),
            // A thread that is being unwound: nobody will look at what became of it.
            _ => Ok(()),
        }
    }

    fn enter(&mut self, min_complete: u32, timeout: Option<Duration>, mask: Option<SigSet>) -> Result<u32> {
        let fd = self.fd;
        let timeout = nanoseconds(timeout);
        let args = [word(fd), u64::from(min_complete), timeout_word(timeout), 0];
        let act = |w: &mut World, fd, entering: &mut Entering| {
            ring::enter(w, fd, min_complete, timeout, mask, entering)
        };
        waiting_call_on(Kind::RingEnter, args, fd, act, ring::interrupted)
    }

    fn reap(&mut self, into: &mut Vec<Completed>) -> usize {
        let fd = self.fd;
        call(Kind::RingReap, [word(fd), 0, 0, 0], |w| ring::reap(w, fd, into)).unwrap_or(0)
    }
}

impl Completion for SimKernel {
    type Ring = SimRing;

    fn io_uring_probe(&self) -> Advice {
        Advice::Available
    }

    fn io_uring_setup(&self, params: RingParams) -> Result<SimRing> {
        let args = [u64::from(params.entries), u64::from(params.cq_entries), 0, 0];
        let fd = call(Kind::RingSetup, args, |w| ring::setup(w, params))?;
        Ok(SimRing { fd })
    }
}
