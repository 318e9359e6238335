//! How an operation ends: its completion is posted, its file let go, and what is linked behind it begins or is cancelled.

use super::attempt::Attempt;
use super::work::goes_on;
use super::{ENTERED, is_linked_timeout};
use crate::object::{Ended, take_buffer};
use crate::trace::Kind;
use crate::world::{NONE, World};
use eagain_net::{Completed, CompletedFlags, Errno, Events, Operation, Submission, SubmissionFlags};
use std::collections::VecDeque;

impl World {
    /// Attempts an operation and does what follows from it.
    pub(super) fn ring_proceed(&mut self, ring: u32, op: u32, first: bool) {
        let Some(entry) = self.ring_op(ring, op) else { return };
        let mut operation = std::mem::replace(&mut entry.operation, Operation::Nop);
        if let Operation::Cancel { user_data } = operation {
            return self.ring_cancel(ring, op, user_data);
        }
        let attempt = self.ring_attempt(ring, op, &mut operation, first);
        let Some(entry) = self.ring_op(ring, op) else { return };
        entry.operation = operation;
        let number = entry.number;
        (entry.wakes, entry.woken) = (0, Events::NONE);
        entry.unlisted = false;
        match attempt {
            Attempt::Done(result, failed) => return self.ring_finish(ring, op, result, failed),
            Attempt::Told(result) => {
                entry.outcome = Some((result, true));
                self.ring_queue_work(ring, op, number, 0);
            }
            Attempt::Pend(events) => {
                // Whoever connects waits for the answer only when the call is back; who waits for all may have more.
                self.ring_settle(ring);
                self.ring_arm(ring, op, events);
                // Urgent data does that for ever, which only deferred work stands.
                let defer = self.ring(ring).is_some_and(|ring| ring.defer);
                let may_be_ready = self.ring_op(ring, op).is_some_and(|op| match op.operation {
                    Operation::Connect { .. } => true,
                    Operation::Recv { .. } | Operation::Read { .. } => op.moved > 0 || defer,
                    // What goes on keeps its place in the queue, and is not looked at again for coming back to it.
                    Operation::RecvGroup { multishot, .. } => defer && (first || !multishot),
                    _ => false,
                });
                if may_be_ready && let Some(mask) = self.ring_ready(ring, op) {
                    match self.ring_op(ring, op) {
                        // That it is ready counts as its first wake-up.
                        Some(entry) if goes_on(&entry.operation) => (entry.wakes, entry.woken) = (1, mask),
                        Some(entry) => {
                            entry.unlisted = true;
                            let file = entry.file;
                            self.unwatch_ring(file, ring, op);
                        }
                        None => {}
                    }
                    self.ring_queue_work(ring, op, number, 0);
                }
            }
            Attempt::Ready(events, mask) => {
                self.ring_arm(ring, op, events);
                if let Some(entry) = self.ring_op(ring, op) {
                    (entry.wakes, entry.woken) = (1, mask);
                }
                self.ring_queue_work(ring, op, number, 0);
            }
            Attempt::Later(ns) => {
                entry.running = true;
                let at = self.run.now() + ns;
                self.scheduler.plan(at, crate::scheduler::Event::RingOp(ring, op, number));
            }
        }
        if first {
            self.ring_arm_timeout(ring, op);
        }
    }

    /// What of that which the operation waits for is so already.
    pub(super) fn ring_ready(&mut self, ring: u32, op: u32) -> Option<Events> {
        let (file, armed) = self.ring_op(ring, op).map(|op| (op.file, op.armed))?;
        (file != NONE).then(|| self.poll_file(file) & armed).filter(|mask| !mask.is_empty())
    }

    /// The operation is over. What is linked behind it is seen to when its completion is posted.
    pub(super) fn ring_finish(&mut self, ring: u32, op: u32, result: i32, failed: bool) {
        let Some(mut entry) = self.ring(ring).and_then(|r| r.ops.try_remove(op as usize)) else { return };
        let buffer = match entry.filled.take() {
            Some((id, buffer)) => Some((Some(id), buffer)),
            None => take_buffer(&mut entry.operation).map(|buffer| (None, buffer)),
        };
        let counts = !matches!(entry.operation, Operation::Timeout { .. }) || result == -Errno::ECANCELED.0;
        self.ring_complete(ring, entry.user_data, result, buffer, counts);
        if entry.file != NONE {
            self.unwatch_ring(entry.file, ring, op);
            if let Some(ring) = self.ring(ring) {
                ring.released.push(entry.file);
            }
        }
        let broken = failed && !entry.flags.contains(SubmissionFlags::HARDLINK);
        let after_timeout = matches!(entry.operation, Operation::LinkTimeout { .. });
        let ended = Ended { chain: entry.chain, broken, after_timeout, timeout: entry.timeout };
        if (!ended.chain.is_empty() || ended.timeout.is_some())
            && let Some(ring) = self.ring(ring)
        {
            ring.ended.push(ended);
        }
    }

    /// A completion that will be posted with the others of what is being done now.
    pub(super) fn ring_complete(
        &mut self,
        ring: u32,
        user_data: u64,
        result: i32,
        buffer: Option<(Option<u16>, Vec<u8>)>,
        counts: bool,
    ) {
        let (id, buffer) = buffer.map_or((None, None), |(id, buffer)| (id, Some(buffer)));
        let flags = if id.is_some() { CompletedFlags::BUFFER } else { CompletedFlags::NONE };
        if let Some(ring) = self.ring(ring) {
            let completed = Completed { user_data, result, flags, buffer, buffer_id: id.unwrap_or(0) };
            ring.batch.push((completed, counts));
        }
    }

    /// Posts what has completed, ends the timeouts that have waited for so many, and puts what is linked behind it on
    /// the work list.
    pub(super) fn ring_flush_batch(&mut self, file: u32) {
        let Some(ring) = self.ring(file) else { return };
        let posted_aside = std::mem::take(&mut ring.posted_aside);
        if ring.batch.is_empty() && !posted_aside {
            return;
        }
        let (batch, ended) = (std::mem::take(&mut ring.batch), std::mem::take(&mut ring.ended));
        for (completed, counts) in batch {
            self.ring_post(file, completed, counts);
        }
        self.ring_end_timeouts(file);
        for Ended { mut chain, broken, mut after_timeout, timeout } in ended {
            if let Some(timeout) = timeout {
                let operation = Operation::LinkTimeout { after: std::time::Duration::ZERO };
                let flags = SubmissionFlags::NONE;
                let submission = Submission { user_data: timeout.user_data, operation, flags };
                self.ring_set_aside(file, submission, false);
            }
            if broken {
                for linked in chain {
                    let wrong =
                        std::mem::replace(&mut after_timeout, is_linked_timeout(&linked)) && after_timeout;
                    self.ring_set_aside(file, linked, wrong);
                }
            } else if let Some(head) = chain.pop_front()
                && let Some(op) = self.ring_insert(file, head, chain)
                && let Some(entry) = self.ring_op(file, op)
            {
                entry.fresh = true;
                let number = entry.number;
                self.ring_queue_work(file, op, number, 0);
            }
        }
    }

    /// What will never begin ends with the deferred work: cancelled, where it was not `wrong` itself.
    fn ring_set_aside(&mut self, file: u32, submission: Submission, wrong: bool) {
        if let Some(op) = self.ring_insert(file, submission, VecDeque::new())
            && let Some(entry) = self.ring_op(file, op)
        {
            entry.canceled = true;
            entry.outcome = wrong.then_some((-Errno::EINVAL.0, true));
            let number = entry.number;
            self.ring_queue_work(file, op, number, 0);
        }
    }

    /// A completion of an operation that goes on: posted at once.
    pub(super) fn ring_post_more(&mut self, ring: u32, op: u32, result: i32, filled: Option<(u16, Vec<u8>)>) {
        let Some(user_data) = self.ring_op(ring, op).map(|op| op.user_data) else { return };
        // What has completed before it comes before it.
        if self.ring(ring).is_some_and(|ring| !ring.batch.is_empty()) {
            self.ring_flush_batch(ring);
        }
        let mut completed =
            Completed { user_data, result, flags: CompletedFlags::MORE, buffer: None, buffer_id: 0 };
        if let Some((id, buffer)) = filled {
            completed.flags |= CompletedFlags::BUFFER;
            (completed.buffer, completed.buffer_id) = (Some(buffer), id);
        }
        self.ring_post(ring, completed, true);
        if let Some(ring) = self.ring(ring) {
            ring.posted_aside = true;
        }
    }

    /// Puts a completion where it can be reaped, or behind, where there is no room.
    fn ring_post(&mut self, file: u32, completed: Completed, counts: bool) {
        let Some(ring) = self.ring(file) else { return };
        let Completed { user_data, result, flags, .. } = completed;
        if ring.overflow.is_empty() && ring.done.len() < ring.done_entries {
            ring.done.push_back(completed);
        } else {
            ring.overflow.push_back(completed);
        }
        let (fd, owner) = (ring.fd, ring.owner);
        let words = [i64::from(fd) as u64, user_data, i64::from(result) as u64, u64::from(flags.0)];
        self.run.completion(owner, Kind::RingDone, words);
        if let Some(ring) = self.ring(file) {
            ring.posted = ring.posted.wrapping_add(1);
        }
        if counts {
            self.scheduler[owner].idle_calls = 0;
            self.run.progress();
        }
        self.ring_tell(file);
    }

    /// Those who wait for completions look, and those who poll the ring.
    pub(super) fn ring_tell(&mut self, file: u32) {
        if self.files.get(file as usize).is_some_and(|open| !open.watchers.is_empty()) {
            self.notify(file, Events::IN | ENTERED, None);
        }
    }

    /// The backlog moves up, in its order, as far as there is room.
    pub(super) fn ring_flush(&mut self, file: u32) {
        let Some(ring) = self.ring(file) else { return };
        while ring.done.len() < ring.done_entries
            && let Some(completed) = ring.overflow.pop_front()
        {
            ring.done.push_back(completed);
        }
    }
}
