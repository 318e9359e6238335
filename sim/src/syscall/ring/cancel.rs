//! What ends an operation before its time: cancelling, and timeouts of both kinds.

use super::attempt::Attempt;
use super::finish;
use super::pool;
use super::work;
use crate::object::Ring;
use crate::scheduler::Event;
use crate::syscall::ring;
use crate::world::World;
use eagain_net::{Errno, Events};
use std::time::Duration;

/// `IORING_OP_ASYNC_CANCEL`: its own completion comes first; what it cancelled ends with the deferred work (U7).
pub(crate) fn cancel(w: &mut World, ring: u32, op: u32, user_data: u64) {
    let target = ring::get(w, ring).and_then(|r| {
        let matching = r.ops().filter(|(at, other)| *at != op && other.is_found_by_cancel(user_data));
        matching
            .min_by_key(|(_, other)| other.number())
            .map(|(at, other)| (at, other.is_running(), other.gave_up()))
    });
    match target {
        None => finish::finish(w, ring, op, -Errno::ENOENT.0, true),
        Some((_, true, _)) => finish::finish(w, ring, op, -Errno::EALREADY.0, true),
        Some((at, false, gave_up)) => {
            if let Some(target) = ring::get_op(w, ring, at) {
                target.cancel();
                let number = target.number();
                work::queue_work(w, ring, at, number, 0);
            }
            // The worker that waits with it is interrupted.
            match gave_up {
                true => finish::finish(w, ring, op, -Errno::EALREADY.0, true),
                false => finish::finish(w, ring, op, 0, false),
            }
        }
    }
}

/// Ends an operation that has not completed: with what it has moved, where it has moved something.
pub(crate) fn end_early(w: &mut World, ring: u32, op: u32) {
    let (moved, gave_up) = ring::get_op(w, ring, op).map_or((0, false), |op| (op.moved(), op.gave_up()));
    let result = match moved {
        0 if gave_up => -Errno::EINTR.0,
        0 => -Errno::ECANCELED.0,
        n => n as i32,
    };
    finish::finish(w, ring, op, result, true)
}

/// `IORING_OP_TIMEOUT`: armed the first time, and looked at again when its time has come or enough has completed.
pub(crate) fn arm_timeout(
    w: &mut World,
    ring: u32,
    op: u32,
    after: Duration,
    count: u32,
    first: bool,
) -> Attempt {
    let now = w.run.now();
    let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
    let process = ring::get(w, ring).map_or(0, |r| r.process());
    let host = w.processes[process].host();
    let at = now.saturating_add(w.hosts[host].true_duration(after));
    if first {
        if let Some(number) = ring::get(w, ring).and_then(|r| r.begin_timeout(op, at, count)) {
            w.scheduler.plan(at, Event::RingOp(ring, op, number));
        }
        return Attempt::Pend(Events::NONE);
    }
    let Some(entry) = ring::get_op(w, ring, op) else { return Attempt::Pend(Events::NONE) };
    if entry.has_enough() {
        Attempt::Done(0, false)
    } else if entry.is_over(now) {
        ring::slept(w, ring, after);
        Attempt::Done(-Errno::ETIME.0, true)
    } else {
        Attempt::Pend(Events::NONE)
    }
}

/// Timeouts that count completions are over when there were enough (`io_flush_timeouts`).
pub(crate) fn end_timeouts(w: &mut World, file: u32) {
    let over = ring::get(w, file).map(Ring::end_timeouts).unwrap_or_default();
    for (op, number) in over {
        work::queue_work(w, file, op, number, 0);
    }
}

/// The operation pends: the timeout that is linked behind it runs from now on. Behind what is the pool's from the beginning
/// it runs only once that is done, and is in the way no more.
pub(crate) fn arm_linked_timeout(w: &mut World, ring: u32, op: u32) {
    let now = w.run.now();
    let process = ring::get(w, ring).map_or(0, |r| r.process());
    let host = w.processes[process].host();
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    if pool::looks_up(entry.operation()) {
        return;
    }
    let Some(after) = entry.linked_timeout() else { return };
    let number = entry.number();
    let at = now.saturating_add(w.hosts[host].true_duration(after));
    if let Some(entry) = ring::get_op(w, ring, op) {
        entry.arm_linked_timeout(at);
    }
    w.scheduler.plan(at, Event::RingOp(ring, op, number));
}

/// Whether the timeout that is linked behind an operation is over; then both end, the timeout first (U11). What it cannot
/// cancel goes on without it.
pub(crate) fn linked_timeout_expired(w: &mut World, ring: u32, op: u32) -> bool {
    let now = w.run.now();
    let Some(entry) = ring::get_op(w, ring, op) else { return false };
    let Some((timeout, found)) = entry.expire(now) else { return false };
    let number = entry.number();
    ring::slept(w, ring, timeout.after);
    let result = if found { Errno::ETIME } else { Errno::ENOENT };
    finish::complete(w, ring, timeout.user_data, -result.0, None);
    if found {
        work::queue_work(w, ring, op, number, 0);
    }
    true
}
