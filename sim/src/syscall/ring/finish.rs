//! How an operation ends: its completion is posted, its file let go, and what is linked behind it begins or is cancelled.

use super::attempt;
use super::attempt::Attempt;
use super::cancel;
use super::pool;
use super::work;
use super::{ENTERED, is_linked_timeout};
use crate::object::{Away, Ended, Ring};
use crate::syscall::epoll;
use crate::syscall::ring;
use crate::trace::Kind;
use crate::world::{NONE, World};
use eagain_net::{Completed, CompletedFlags, Errno, Events, Operation, Submission, SubmissionFlags};
use std::collections::VecDeque;

/// Attempts an operation and does what follows from it.
pub(crate) fn proceed(w: &mut World, ring: u32, op: u32, first: bool) {
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    let mut operation = entry.begin_attempt();
    if let Operation::Cancel { user_data } = operation {
        return cancel::cancel(w, ring, op, user_data);
    }
    let attempt = attempt::attempt(w, ring, op, &mut operation, first);
    let Some(entry) = ring::get_op(w, ring, op) else { return };
    entry.end_attempt(operation);
    let number = entry.number();
    match attempt {
        Attempt::Done(result, failed) => return finish(w, ring, op, result, failed),
        Attempt::Deferred(result) => {
            entry.come_to(result, result < 0);
            work::queue_work(w, ring, op, number, 0);
        }
        Attempt::Pend(events) => {
            // Whoever connects waits for the answer only when the call is back; who waits for all may have more.
            ring::catch_up(w, ring);
            work::arm(w, ring, op, events);
            // Urgent data does that for ever, which only deferred work stands.
            let defer = ring::get(w, ring).is_some_and(|ring| ring.defers());
            let may_be_ready = ring::get_op(w, ring, op).is_some_and(|op| match *op.operation() {
                Operation::Connect { .. } => true,
                Operation::Recv { .. } | Operation::Read { .. } => op.moved() > 0 || defer,
                // The peer's end is news for who sends, too.
                Operation::Send { .. } | Operation::Write { .. } => defer,
                // What goes on keeps its place in the queue, and is not looked at again for coming back to it.
                Operation::RecvGroup { multishot, .. } => defer && (first || !multishot),
                _ => false,
            });
            if may_be_ready
                && ring::get_op(w, ring, op).is_some_and(|op| !op.try_in_vain())
                && let Some(mask) = ready_events(w, ring, op)
            {
                match ring::get_op(w, ring, op) {
                    Some(entry) if entry.goes_on() => entry.ready_at_once(mask),
                    Some(entry) => {
                        entry.unlist();
                        let file = entry.file();
                        work::unwatch_ring(w, file, ring, op);
                    }
                    None => {}
                }
                work::queue_work(w, ring, op, number, 0);
            }
        }
        Attempt::Ready(events, mask) => {
            work::arm(w, ring, op, events);
            if let Some(entry) = ring::get_op(w, ring, op) {
                entry.ready_at_once(mask);
            }
            work::queue_work(w, ring, op, number, 0);
        }
        Attempt::Pool => pool::enqueue(w, ring, op),
        Attempt::Later(ns) => pool::step_after(w, ring, op, Away::Page, ns),
    }
    if first {
        cancel::arm_linked_timeout(w, ring, op);
    }
}

/// Which of the events that the operation waits for are there already.
pub(crate) fn ready_events(w: &mut World, ring: u32, op: u32) -> Option<Events> {
    let (file, armed) = ring::get_op(w, ring, op).map(|op| (op.file(), op.armed()))?;
    (file != NONE).then(|| epoll::poll_file(w, file) & armed).filter(|mask| !mask.is_empty())
}

/// The operation is over. What is linked behind it is seen to when its completion is posted.
pub(crate) fn finish(w: &mut World, ring: u32, op: u32, result: i32, failed: bool) {
    let Some(mut entry) = ring::get(w, ring).and_then(|r| r.remove(op)) else { return };
    complete(w, ring, entry.user_data(), result, entry.take_buffer());
    let file = entry.file();
    if file != NONE {
        work::unwatch_ring(w, file, ring, op);
        if let Some(ring) = ring::get(w, ring) {
            ring.release_later(file);
        }
    }
    let ended = entry.into_ended(failed);
    if (!ended.chain.is_empty() || ended.timeout.is_some())
        && let Some(ring) = ring::get(w, ring)
    {
        ring.see_to(ended);
    }
}

/// A completion that will be posted with the others of what is being done now.
pub(crate) fn complete(
    w: &mut World,
    ring: u32,
    user_data: u64,
    result: i32,
    buffer: Option<(Option<u16>, Vec<u8>)>,
) {
    let (id, buffer) = buffer.map_or((None, None), |(id, buffer)| (id, Some(buffer)));
    let flags = if id.is_some() { CompletedFlags::BUFFER } else { CompletedFlags::NONE };
    if let Some(ring) = ring::get(w, ring) {
        let completed = Completed { user_data, result, flags, buffer, buffer_id: id.unwrap_or(0) };
        ring.complete(completed);
    }
}

/// Posts what has completed, ends the timeouts that have waited for so many, and puts what is linked behind it on
/// the work list.
pub(crate) fn flush_batch(w: &mut World, file: u32) {
    let Some((batch, ended)) = ring::get(w, file).and_then(Ring::take_batch) else { return };
    for completed in batch {
        post(w, file, completed);
    }
    cancel::end_timeouts(w, file);
    for Ended { mut chain, files, broken, mut after_timeout, timeout } in ended {
        if let Some(timeout) = timeout {
            let operation = Operation::LinkTimeout { after: std::time::Duration::ZERO };
            let flags = SubmissionFlags::NONE;
            let submission = Submission { user_data: timeout.user_data, operation, flags };
            set_aside(w, file, submission, false);
        }
        if broken {
            for linked in chain {
                let wrong =
                    std::mem::replace(&mut after_timeout, is_linked_timeout(&linked)) && after_timeout;
                set_aside(w, file, linked, wrong);
            }
        } else if let Some(head) = chain.pop_front()
            && let Some(op) = ring::insert(w, file, head, chain, files)
            && let Some(entry) = ring::get_op(w, file, op)
        {
            entry.issue_later();
            let number = entry.number();
            work::queue_work(w, file, op, number, 0);
        }
    }
}

/// What will never begin ends with the deferred work: cancelled, where it was not `wrong` itself.
fn set_aside(w: &mut World, file: u32, submission: Submission, wrong: bool) {
    if let Some(op) = ring::insert(w, file, submission, VecDeque::new(), 0)
        && let Some(entry) = ring::get_op(w, file, op)
    {
        match wrong {
            true => entry.come_to(-Errno::EINVAL.0, true),
            false => entry.cancel(),
        }
        let number = entry.number();
        work::queue_work(w, file, op, number, 0);
    }
}

/// Whether there is room for a completion of an operation that goes on. Where there is none it ends: its last completion
/// waits behind, and says that no more follow (`io_req_post_cqe`).
pub(crate) fn has_room(w: &mut World, ring: u32) -> bool {
    if ring::get(w, ring).is_some_and(|ring| ring.has_batch()) {
        flush_batch(w, ring);
    }
    ring::get(w, ring).is_some_and(|ring| ring.has_room())
}

/// A completion of an operation that goes on: posted at once, where [there is room](has_room).
pub(crate) fn post_more(w: &mut World, ring: u32, op: u32, result: i32, filled: Option<(u16, Vec<u8>)>) {
    let Some(user_data) = ring::get_op(w, ring, op).map(|op| op.user_data()) else { return };
    let mut completed =
        Completed { user_data, result, flags: CompletedFlags::MORE, buffer: None, buffer_id: 0 };
    if let Some((id, buffer)) = filled {
        completed.flags |= CompletedFlags::BUFFER;
        (completed.buffer, completed.buffer_id) = (Some(buffer), id);
    }
    post(w, ring, completed);
    if let Some(ring) = ring::get(w, ring) {
        ring.set_posted_aside();
    }
}

/// Puts a completion where it can be reaped, or behind, where there is no room.
fn post(w: &mut World, file: u32, completed: Completed) {
    let Some(ring) = ring::get(w, file) else { return };
    let Completed { user_data, result, flags, .. } = completed;
    ring.post(completed);
    let (fd, owner) = (ring.fd(), ring.owner());
    let words = [i64::from(fd.0) as u64, user_data, i64::from(result) as u64, u64::from(flags.0)];
    w.run.completion(owner, Kind::RingDone, words);
    notify(w, file);
}

/// Those who wait for completions look, and those who poll the ring.
pub(crate) fn notify(w: &mut World, file: u32) {
    if w.files.get(file).is_some_and(|open| !open.watchers().is_empty()) {
        w.notify(file, Events::IN | ENTERED, None);
    }
}
