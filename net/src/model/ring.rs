//! Completion by `io_uring(7)`. A wake-up is a completion too: the waker is an eventfd that the ring polls. Receives take their buffers from a
//! group when something has come, so that one that waits has none.

use super::completer::{Act, CANCEL, PROVIDE, Refused, WAKER, key, parts};
use super::{Completer, Finish, Finished, Waker};
use crate::{
    BufferGroup, Completed, CompletedFlags, Completion, Errno, Events, Fd, Operation, Readiness, Result,
    Ring, RingParams, SendFlags, SocketFlags, Submission, SubmissionFlags, Threads,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// What all receives share: at most so many buffers, as many as a turn is likely to fill, and what each has room for.
const GROUP: BufferGroup = 0;
const BUFFERS_MAX: u32 = 256;
const BUFFER_BYTES: usize = 512;

/// A ring under the contract of [`Completer`].
pub struct RingCompleter<K: Readiness + Completion + Threads> {
    ring: Ring<K>,
    waker: Waker<K>,
    /// Whether the waker is being watched.
    watched: bool,
    /// Who accepts, by token.
    listeners: BTreeMap<u64, Fd>,
    /// An accept that could not be started again.
    failed: Option<(u64, Errno)>,
    /// Of buffers that were taken from the group, in that order.
    taken: Vec<u16>,
    /// Where completions are reaped to before they are handled: handling pushes, and must not find the queue half read.
    done: Vec<Completed>,
}

impl<K: Readiness + Completion + Threads> RingCompleter<K> {
    /// A ring for the calling thread.
    pub fn new(kernel: K, entries: u32) -> Result<RingCompleter<K>> {
        let ring = Ring::new(kernel, RingParams { entries, cq_entries: 0, defer_taskrun: true })?;
        let mut completer = RingCompleter {
            ring,
            waker: Waker::eventfd(kernel)?,
            watched: false,
            listeners: BTreeMap::new(),
            failed: None,
            taken: Vec::new(),
            done: Vec::new(),
        };
        // A short queue is entered for each few operations: so many receives end at a time.
        let buffers = vec![vec![0; BUFFER_BYTES]; entries.min(BUFFERS_MAX) as usize];
        completer.ring.provide(PROVIDE, GROUP, buffers, 0).map_err(|(errno, _)| errno)?;
        completer.ring.reap(&mut completer.done);
        completer.done.drain(..).try_for_each(|provided| provided.value().map(drop))?;
        Ok(completer)
    }

    /// Gives the group back what it had, with the numbers of what was taken: runs of them, since it is first in, first out. A buffer that
    /// the caller has kept is made anew.
    fn take_back(&mut self, finished: &mut Vec<Finished>) {
        let mut buffers = finished.drain(..).filter_map(|finished| match finished.what {
            Finish::Received(_, buffer) if buffer.len() == BUFFER_BYTES => Some(buffer),
            _ => None,
        });
        for run in self.taken.chunk_by(|one, next| one + 1 == *next) {
            let run_of_buffers =
                run.iter().map(|_| buffers.next().unwrap_or_else(|| vec![0; BUFFER_BYTES])).collect();
            // It is refused only where it has them already.
            let _ = self.ring.provide(PROVIDE, GROUP, run_of_buffers, run[0]);
        }
        self.taken.clear();
    }

    /// Handles what has completed. `false`: nothing, but that the group has its buffers.
    fn reap(&mut self, finished: &mut Vec<Finished>) -> bool {
        let mut done = std::mem::take(&mut self.done);
        self.ring.reap(&mut done);
        done.retain(|completed| completed.user_data != PROVIDE);
        let is_any = !done.is_empty();
        finished.extend(done.drain(..).filter_map(|completed| self.finish(completed)));
        self.done = done;
        is_any
    }

    /// Pushes, after an enter where the queue was full. A refused buffer comes back.
    fn push(&mut self, user_data: u64, operation: Operation) -> Result<(), Refused> {
        let submission = Submission { user_data, operation, flags: SubmissionFlags::NONE };
        let refused = match self.ring.push(submission) {
            Ok(()) => return Ok(()),
            Err((Errno::EBUSY, submission)) => match self.ring.enter(0, None) {
                Ok(_) | Err(Errno::EINTR) => match self.ring.push(submission) {
                    Ok(()) => return Ok(()),
                    Err(refused) => refused,
                },
                Err(e) => (e, submission),
            },
            Err(refused) => refused,
        };
        let buffer = match refused.1.operation {
            Operation::Send { buffer, .. } => buffer,
            _ => Vec::new(),
        };
        Err((refused.0, buffer))
    }

    fn watch(&mut self) -> Result<()> {
        if let (false, Some(fd)) = (self.watched, self.waker.fd()) {
            let operation = Operation::PollAdd { fd, events: Events::IN, multishot: true };
            self.push(WAKER, operation).map_err(|(errno, _)| errno)?;
            self.watched = true;
        }
        Ok(())
    }

    fn finish(&mut self, completed: Completed) -> Option<Finished> {
        let (token, act) = parts(completed.user_data);
        let result = completed.value();
        let mut buffer = completed.buffer.unwrap_or_default();
        if completed.flags.contains(CompletedFlags::BUFFER) {
            self.taken.push(completed.buffer_id);
            // It was cut to what was received.
            buffer.resize(BUFFER_BYTES, 0);
        }
        let what = match act {
            Act::Recv => Finish::Received(result, buffer),
            Act::Send => Finish::Sent(result, buffer),
            Act::Accept => {
                // The kernel may end a multishot at any time: it goes on, unless it ended by an error.
                let ended = !completed.flags.contains(CompletedFlags::MORE);
                if let (true, Ok(_), Some(&listener)) = (ended, result, self.listeners.get(&token)) {
                    // Where that fails, it is reported as the end that it is, with the next turn's completions.
                    let again = self.accept(listener, token);
                    self.failed = again.err().map(|errno| (token, errno)).or(self.failed);
                }
                Finish::Accepted(result.map(|fd| Fd(fd as i32)))
            }
            Act::Own => {
                if completed.user_data == WAKER {
                    self.watched = completed.flags.contains(CompletedFlags::MORE);
                    self.waker.seen(true);
                }
                return None;
            }
        };
        Some(Finished { token, what })
    }
}

impl<K: Readiness + Completion + Threads> Completer<K> for RingCompleter<K> {
    fn accept(&mut self, listener: Fd, token: u64) -> Result<()> {
        let key = key(token, Act::Accept)?;
        let operation = Operation::Accept { fd: listener, flags: SocketFlags::CLOEXEC, multishot: true };
        self.push(key, operation).map_err(|(errno, _)| errno)?;
        self.listeners.insert(token, listener);
        Ok(())
    }

    fn recv(&mut self, fd: Fd, token: u64) -> Result<()> {
        let operation = Operation::RecvGroup { fd, group: GROUP, multishot: false };
        self.push(key(token, Act::Recv)?, operation).map_err(|(errno, _)| errno)
    }

    fn stop_receiving(&mut self, _fd: Fd, token: u64) -> Result<()> {
        // ENOENT: it has finished already.
        let cancel = Operation::Cancel { user_data: key(token, Act::Recv)? };
        self.push(CANCEL, cancel).map_err(|(errno, _)| errno)
    }

    fn send(&mut self, fd: Fd, token: u64, buffer: Vec<u8>, from: usize) -> Result<(), Refused> {
        match key(token, Act::Send) {
            Ok(key) => self.push(key, Operation::Send { fd, buffer, from, flags: SendFlags::NOSIGNAL }),
            Err(errno) => Err((errno, buffer)),
        }
    }

    fn forget(&mut self, _fd: Fd) {}

    fn wait(&mut self, finished: &mut Vec<Finished>, timeout: Option<Duration>) -> Result<()> {
        self.take_back(finished);
        // Completions of that would keep it from waiting.
        let is_any = self.reap(finished);
        if let Some((token, errno)) = self.failed.take() {
            finished.push(Finished { token, what: Finish::Accepted(Err(errno)) });
        }
        self.watch()?;
        let least = u32::from(!is_any && finished.is_empty());
        match self.ring.enter(least, timeout) {
            // EBUSY: completions have piled up, and are to be reaped first (io_uring_enter(2)).
            Ok(_) | Err(Errno::ETIME | Errno::EINTR | Errno::EBUSY) => {}
            Err(e) => return Err(e),
        }
        self.reap(finished);
        Ok(())
    }

    fn waker(&self) -> Waker<K> {
        self.waker.clone()
    }
}
