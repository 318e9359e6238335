//! What the owner of a ring does not do itself (io_uring/io-wq.c). Shutdowns and syncs are for the worker pool from the
//! beginning, and their descriptor is looked up by the worker; writes of regular files once they were found to wait. A read
//! waits for its page where that is not in the cache. All of it happens later, though nobody enters the ring, and in any
//! order; the writes of one file keep theirs.

use super::attempt;
use super::attempt::Attempt;
use super::work;
use crate::fault::Family;
use crate::object::Away;
use crate::scheduler::Event;
use crate::syscall::file;
use crate::syscall::ring;
use crate::world::{NONE, World};
use eagain_net::{Errno, Operation};

/// Until a worker has taken up an operation.
const TURN_NS: u64 = 5_000;

/// Whether a worker looks the descriptor up, and not the call that submits (`REQ_F_FORCE_ASYNC`).
pub(super) fn looks_up(operation: &Operation) -> bool {
    matches!(operation, Operation::Fsync { .. } | Operation::Shutdown { .. })
}

/// How much later than soon the pool takes an operation up, or a page comes from the disk.
fn late(w: &mut World, ring: u32, op: u32) -> u64 {
    let late = work::choose(w, ring, Family::RingPool);
    if late != 0 {
        work::record_fault(w, ring, op, Family::RingPool, late);
    }
    late
}

/// Whether what a read asks for is not in the page cache, and how much later it comes.
pub(super) fn misses(w: &mut World, ring: u32, op: u32, len: usize, offset: u64) -> Option<u64> {
    let file = ring::file_of_op(w, ring, op);
    let offset = Some(offset).filter(|&offset| offset != u64::MAX);
    if len == 0 || !file::has_bytes(w, file, offset) {
        return None;
    }
    Some(late(w, ring, op)).filter(|&late| late != 0)
}

/// Whether a write is of a regular file: a file system like ext4 does not write without waiting.
pub(super) fn writes_file(w: &mut World, ring: u32, op: u32) -> bool {
    let file = ring::file_of_op(w, ring, op);
    file::is_writable(w, file)
}

/// The next step of an operation that is away comes so much later.
pub(super) fn step_after(w: &mut World, ring: u32, op: u32, away: Away, ns: u64) {
    let at = w.run.now().saturating_add(ns);
    step_at(w, ring, op, away, at);
}

fn step_at(w: &mut World, ring: u32, op: u32, away: Away, at: u64) {
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    entry.go_away(away, at);
    let number = entry.number();
    w.scheduler.plan(at, Event::RingOp(ring, op, number));
}

/// Into the queue of the pool. Behind the writes of the same file, where it is one (`io_wq_hash_work`).
pub(super) fn enqueue(w: &mut World, ring: u32, op: u32) {
    let mut at = w.run.now().saturating_add(TURN_NS + late(w, ring, op));
    if let Some(inode) = written(w, ring, op) {
        let others: Vec<(u32, u64)> = ring::get(w, ring).map_or(Vec::new(), |ring| {
            ring.ops().filter_map(|(other, entry)| Some((other, entry.in_pool_until()?))).collect()
        });
        for (other, its) in others {
            if its > at && written(w, ring, other) == Some(inode) {
                at = its;
            }
        }
    }
    step_at(w, ring, op, Away::Queued, at);
}

/// The file on a disk that an operation writes: its host and its number there.
fn written(w: &mut World, ring: u32, op: u32) -> Option<(u32, u32)> {
    let entry = ring::get_op(w, ring, op).filter(|op| matches!(op.operation(), Operation::Write { .. }))?;
    let file = entry.file();
    file::identity(w, file)
}

/// The moment for which the next step of an operation was planned.
pub(super) fn step(w: &mut World, ring: u32, op: u32) {
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    let number = entry.number();
    match entry.take_step() {
        Away::No => {}
        Away::Page => work::queue_work(w, ring, op, number, 0),
        Away::Queued => take_up(w, ring, op),
        Away::Running => perform(w, ring, op),
    }
}

/// A worker takes an operation out of the queue.
fn take_up(w: &mut World, ring: u32, op: u32) {
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    entry.taken_up();
    if entry.file() == NONE {
        let fd = ring::operation_fd(entry.operation());
        let Some(Ok(file)) = fd.map(|fd| ring::file_of(w, ring, fd)) else {
            return end(w, ring, op, -Errno::EBADF.0, true);
        };
        w.files.hold(file);
        if let Some(entry) = ring::get_op(w, ring, op) {
            entry.hold(file);
        }
    }
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    let (file, syncs) = (entry.file(), matches!(entry.operation(), Operation::Fsync { .. }));
    match file::identity(w, file) {
        Some((host, _)) if syncs => {
            let ns = file::sync_time(w, host);
            step_after(w, ring, op, Away::Running, ns);
        }
        _ => perform(w, ring, op),
    }
}

/// The worker does it.
fn perform(w: &mut World, ring: u32, op: u32) {
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    let mut operation = entry.begin_attempt();
    let attempt = attempt::attempt(w, ring, op, &mut operation, false);
    if let Some(entry) = ring::get_op(w, ring, op) {
        entry.end_attempt(operation);
    }
    match attempt {
        Attempt::Done(result, failed) => end(w, ring, op, result, failed),
        Attempt::Deferred(result) => end(w, ring, op, result, result < 0),
        // Nothing of this waits for a file to be ready.
        Attempt::Pend(_) | Attempt::Ready(..) | Attempt::Pool | Attempt::Later(_) => {
            end(w, ring, op, -Errno::EAGAIN.0, true);
        }
    }
}

/// The completion is posted with the deferred work.
fn end(w: &mut World, ring: u32, op: u32, result: i32, failed: bool) {
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    entry.come_to(result, failed);
    let number = entry.number();
    work::queue_work(w, ring, op, number, 0);
}
