//! How an operation ends: its completion is posted, its file let go, and what is linked behind it begins or is cancelled.

use super::ENTERED;
use super::attempt::Attempt;
use crate::object::{RingOp, take_buffer};
use crate::trace::Kind;
use crate::world::{NONE, World};
use eagain_net::{Completed, CompletedFlags, Errno, Events, Operation, Submission, SubmissionFlags};
use std::collections::VecDeque;

impl World {
    /// Attempts an operation and does what follows from it. Returns the chain that is to be issued next.
    pub(super) fn ring_proceed(&mut self, ring: u32, op: u32, first: bool) -> VecDeque<Submission> {
        let Some(entry) = self.ring_op(ring, op) else { return VecDeque::new() };
        let mut operation = std::mem::replace(&mut entry.operation, Operation::Nop);
        if let Operation::Cancel { user_data } = operation {
            return self.ring_cancel(ring, op, user_data);
        }
        let attempt = self.ring_attempt(ring, op, &mut operation, first);
        let Some(entry) = self.ring_op(ring, op) else { return VecDeque::new() };
        entry.operation = operation;
        match attempt {
            Attempt::Done(result, failed) => return self.ring_finish(ring, op, result, failed),
            Attempt::Pend(events) => self.ring_arm(ring, op, events),
            Attempt::Later(ns) => {
                entry.running = true;
                let number = entry.number;
                let at = self.now + ns;
                self.agenda.plan(at, crate::agenda::Happening::RingOp(ring, op, number));
            }
        }
        if first {
            self.ring_arm_timeout(ring, op);
        }
        VecDeque::new()
    }

    /// The operation is over. Returns what is linked behind it and goes on.
    pub(super) fn ring_finish(
        &mut self,
        ring: u32,
        op: u32,
        result: i32,
        failed: bool,
    ) -> VecDeque<Submission> {
        let Some(mut entry) = self.ring(ring).and_then(|r| r.ops.try_remove(op as usize)) else {
            return VecDeque::new();
        };
        let buffer = match entry.filled.take() {
            Some((id, buffer)) => Some((Some(id), buffer)),
            None => take_buffer(&mut entry.operation).map(|buffer| (None, buffer)),
        };
        let counts = !matches!(entry.operation, Operation::Timeout { .. });
        self.ring_post(ring, entry.user_data, result, CompletedFlags::NONE, buffer, counts);
        if let Some(timeout) = entry.timeout.take() {
            self.ring_post(ring, timeout.user_data, -Errno::ECANCELED.0, CompletedFlags::NONE, None, true);
        }
        if entry.file != NONE {
            self.unwatch_ring(entry.file, ring, op);
            self.release_file(entry.file);
        }
        self.after(ring, entry, failed)
    }

    fn after(&mut self, ring: u32, entry: RingOp, failed: bool) -> VecDeque<Submission> {
        if !failed || entry.flags.contains(SubmissionFlags::HARDLINK) {
            return entry.chain;
        }
        for mut linked in entry.chain {
            let buffer = take_buffer(&mut linked.operation).map(|buffer| (None, buffer));
            self.ring_post(ring, linked.user_data, -Errno::ECANCELED.0, CompletedFlags::NONE, buffer, true);
        }
        VecDeque::new()
    }

    /// A completion of an operation that goes on.
    pub(super) fn ring_post_more(&mut self, ring: u32, op: u32, result: i32, filled: Option<(u16, Vec<u8>)>) {
        let Some(user_data) = self.ring_op(ring, op).map(|op| op.user_data) else { return };
        let buffer = filled.map(|(id, buffer)| (Some(id), buffer));
        self.ring_post(ring, user_data, result, CompletedFlags::MORE, buffer, true);
    }

    /// Puts a completion where it can be reaped, or behind, where there is no room.
    pub(super) fn ring_post(
        &mut self,
        file: u32,
        user_data: u64,
        result: i32,
        mut flags: CompletedFlags,
        buffer: Option<(Option<u16>, Vec<u8>)>,
        counts: bool,
    ) {
        let now = self.now;
        let Some(ring) = self.ring(file) else { return };
        let (id, buffer) = match buffer {
            Some((id, buffer)) => (id, Some(buffer)),
            None => (None, None),
        };
        if id.is_some() {
            flags |= CompletedFlags::BUFFER;
        }
        let completed = Completed { user_data, result, flags, buffer, buffer_id: id.unwrap_or(0) };
        if ring.overflow.is_empty() && ring.done.len() < ring.done_entries {
            ring.done.push_back(completed);
        } else {
            ring.overflow.push_back(completed);
        }
        let (fd, owner) = (ring.fd, ring.owner);
        let words = [i64::from(fd) as u64, user_data, i64::from(result) as u64, u64::from(flags.0)];
        self.trace.completion(now, owner, Kind::RingDone, words);
        if counts {
            self.threads[owner as usize].idle_calls = 0;
            self.last_progress = now;
            self.ring_count(file);
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
