//! What ends an operation before its time: cancelling, and timeouts of both kinds.

use super::attempt::Attempt;
use crate::agenda::Happening;
use crate::world::World;
use eagain_net::{CompletedFlags, Errno, Events, Operation, Submission};
use std::collections::VecDeque;
use std::time::Duration;

impl World {
    /// `IORING_OP_ASYNC_CANCEL`: its own completion comes first, then that of what it cancelled (U7).
    pub(super) fn ring_cancel(&mut self, ring: u32, op: u32, user_data: u64) -> VecDeque<Submission> {
        let target = self.ring(ring).and_then(|r| {
            let matching =
                r.ops.iter().filter(|(at, other)| *at as u32 != op && other.user_data == user_data);
            matching.min_by_key(|(_, other)| other.number).map(|(at, other)| (at as u32, other.running))
        });
        match target {
            None => self.ring_finish(ring, op, -Errno::ENOENT.0, true),
            Some((_, true)) => self.ring_finish(ring, op, -Errno::EALREADY.0, true),
            Some((target, false)) => {
                let next = self.ring_finish(ring, op, 0, false);
                let behind = self.ring_end_early(ring, target);
                self.ring_issue_chain(ring, behind);
                next
            }
        }
    }

    /// Ends an operation that has not completed: with what it has moved, where it has moved something.
    pub(super) fn ring_end_early(&mut self, ring: u32, op: u32) -> VecDeque<Submission> {
        let moved = self.ring_op(ring, op).map_or(0, |op| op.moved);
        let result = if moved > 0 { moved as i32 } else { -Errno::ECANCELED.0 };
        self.ring_finish(ring, op, result, true)
    }

    /// `IORING_OP_TIMEOUT`: armed the first time, and looked at again when its time has come or enough has completed.
    pub(super) fn ring_timeout(
        &mut self,
        ring: u32,
        op: u32,
        after: Duration,
        count: u32,
        first: bool,
    ) -> Attempt {
        let now = self.now;
        let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        let process = self.ring(ring).map_or(0, |r| r.process);
        let host = self.processes[process as usize].host;
        let at = now.saturating_add(self.hosts[host as usize].true_duration(after));
        let Some(r) = self.ring(ring) else { return Attempt::Pend(Events::NONE) };
        let posted = r.posted;
        let Some(entry) = r.ops.get_mut(op as usize) else { return Attempt::Pend(Events::NONE) };
        if first {
            entry.at = at;
            entry.target = if count == 0 { u64::MAX } else { posted + u64::from(count) };
            let number = entry.number;
            self.agenda.plan(at, Happening::RingOp(ring, op, number));
            return Attempt::Pend(Events::NONE);
        }
        if posted >= entry.target {
            Attempt::Done(0, false)
        } else if now >= entry.at {
            Attempt::Done(-Errno::ETIME.0, true)
        } else {
            Attempt::Pend(Events::NONE)
        }
    }

    /// One more completion: timeouts that count them may be over.
    pub(super) fn ring_count(&mut self, file: u32) {
        let Some(ring) = self.ring(file) else { return };
        ring.posted += 1;
        let posted = ring.posted;
        let over: Vec<(u32, u32)> = ring
            .ops
            .iter()
            .filter(|(_, op)| {
                matches!(op.operation, Operation::Timeout { .. }) && posted >= op.target && !op.queued
            })
            .map(|(at, op)| (at as u32, op.number))
            .collect();
        for (op, number) in over {
            self.ring_queue_work(file, op, number, 0);
        }
    }

    /// The operation pends: the timeout that is linked behind it runs from now on.
    pub(super) fn ring_arm_timeout(&mut self, ring: u32, op: u32) {
        let now = self.now;
        let process = self.ring(ring).map_or(0, |r| r.process);
        let host = self.processes[process as usize].host;
        let Some(entry) = self.ring(ring).and_then(|r| r.ops.get_mut(op as usize)) else { return };
        let Some(timeout) = &mut entry.timeout else { return };
        let (after, number) = (timeout.after, entry.number);
        let at = now.saturating_add(self.hosts[host as usize].true_duration(after));
        if let Some(timeout) = self.ring_op(ring, op).and_then(|op| op.timeout.as_mut()) {
            timeout.at = at;
        }
        self.agenda.plan(at, Happening::RingOp(ring, op, number));
    }

    /// Whether the timeout that is linked behind an operation is over; then both end, the timeout first (U11).
    pub(super) fn ring_link_expired(&mut self, ring: u32, op: u32) -> Option<VecDeque<Submission>> {
        let now = self.now;
        let entry = self.ring_op(ring, op)?;
        if entry.timeout.as_ref()?.at > now || entry.running {
            return None;
        }
        let timeout = entry.timeout.take()?;
        self.ring_post(ring, timeout.user_data, -Errno::ETIME.0, CompletedFlags::NONE, None, true);
        Some(self.ring_end_early(ring, op))
    }
}
