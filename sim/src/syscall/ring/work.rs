//! From the wake-up of a file to the next attempt of an operation: the task work of io_uring/tw.c. Without
//! `DEFER_TASKRUN` it is done as soon as the owner could be interrupted for it; with it, inside `enter` only.

use super::ENTERED;
use crate::choice::Stream;
use crate::fault::Family;
use crate::network::ALL;
use crate::object::{Object, Ring, RingOp};
use crate::scheduler::Event;
use crate::world::{NONE, Watcher, World};
use eagain_net::{Events, Operation, Submission};

/// `IO_LOCAL_TW_DEFAULT_MAX`.
const ROUND_MAX: usize = 20;

/// `IO_POLL_UNMASK`: what every operation that waits for a file is told of.
pub(super) const UNMASK: Events = Events(Events::ERR.0 | Events::HUP.0 | Events::RDHUP.0);

impl World {
    /// The operation waits for `events` of its file, anew at the head of the kernel's queue each time (U6); one that goes
    /// on after a completion keeps its place, and accepts stand at the end and are woken one at a time.
    pub(super) fn ring_arm(&mut self, ring: u32, op: u32, events: Events) {
        let Some(entry) = self.ring_op(ring, op) else { return };
        let file = entry.file;
        if file == NONE || events.is_empty() {
            return;
        }
        // Errors need not be asked for, and whoever receives or sends hears of urgent data (`io_arm_poll_handler`).
        let polls = matches!(entry.operation, Operation::PollAdd { .. });
        let events = if polls { events } else { events | Events::PRI } | UNMASK;
        let stays = entry.armed == events && goes_on(&entry.operation);
        entry.armed = events;
        let exclusive = matches!(entry.operation, Operation::Accept { .. });
        if stays {
            return;
        }
        self.unwatch_ring(file, ring, op);
        if self.files.contains(file as usize) {
            self.watch(file, Watcher::Ring { ring, op, events, exclusive }, exclusive);
        }
    }

    pub(super) fn unwatch_ring(&mut self, file: u32, ring: u32, op: u32) {
        if let Some(open) = self.files.get_mut(file as usize) {
            open.watchers
                .retain(|w| !matches!(w, Watcher::Ring { ring: r, op: o, .. } if *r == ring && *o == op));
        }
    }

    /// The file of a pending operation had a wake-up. `false`: it has had one before, and left the queue.
    pub fn ring_woken(&mut self, ring: u32, op: u32, key: Events) -> bool {
        let Some(entry) = self.ring_op(ring, op) else { return false };
        if entry.wakes > 0 && !entry.woken.is_empty() && !goes_on(&entry.operation) {
            return false;
        }
        entry.wakes += 1;
        if entry.wakes == 1 {
            entry.woken = if key == ALL { Events::NONE } else { key & entry.armed };
        }
        if entry.queued {
            return true;
        }
        entry.queued = true;
        let number = entry.number;
        let late = self.ring_choose(ring, Family::RingLate, |r| &mut r.lates);
        if late != 0 {
            self.ring_fault(ring, op, Family::RingLate, late);
            let at = self.run.now() + late;
            self.scheduler.plan(at, Event::RingOp(ring, op, number));
            return true;
        }
        let back = self.ring_choose(ring, Family::RingOrder, |r| &mut r.orders);
        self.ring_queue_work(ring, op, number, back as usize);
        true
    }

    /// A moment of one operation has come: it was woken a while ago, its time is over, or it has run elsewhere.
    pub fn ring_op_due(&mut self, ring: u32, op: u32, number: u32) {
        let now = self.run.now();
        let Some(entry) = self.ring_op(ring, op).filter(|entry| entry.number == number) else { return };
        let due = entry.queued
            || entry.running
            || entry.at <= now
            || entry.timeout.as_ref().is_some_and(|t| t.at <= now);
        let over = entry.at <= now && !entry.queued && matches!(entry.operation, Operation::Timeout { .. });
        if over && let Some(ring) = self.ring(ring) {
            ring.timeouts_over = ring.timeouts_over.wrapping_add(1);
        }
        if due {
            self.ring_queue_work(ring, op, number, 0);
        }
    }

    /// Puts an operation on the work list, so many places before its end.
    pub(super) fn ring_queue_work(&mut self, file: u32, op: u32, number: u32, back: usize) {
        let next = self.next_number();
        let now = self.run.now();
        let Some(ring) = self.ring(file) else { return };
        if ring.work.contains(&(op, number)) {
            return;
        }
        if let Some(entry) = ring.ops.get_mut(op as usize) {
            entry.queued = true;
        }
        let back = back.min(ring.work.len());
        let at = ring.work.len() - back;
        ring.work.insert(at, (op, number));
        let defer = ring.defer;
        if !defer && ring.planned.is_none() {
            ring.planned = Some(next);
            self.scheduler.plan(now, Event::RingWork(file, next));
        }
        if back > 0 {
            self.ring_fault(file, op, Family::RingOrder, back as u64);
        }
        if defer {
            self.notify(file, Events::IN | ENTERED, None);
        }
    }

    /// The owner does the work, interrupted for it.
    pub fn ring_work_planned(&mut self, file: u32, number: u32) {
        let Some(ring) = self.ring(file).filter(|ring| ring.planned == Some(number)) else { return };
        ring.planned = None;
        self.ring_work(file, usize::MAX);
        self.ring_release(file);
    }

    /// Attempts again what was woken, in the order of the list. A round is what is on the list when it begins, and at
    /// most so many; then another one, until `least` were attempted (`__io_run_local_work`).
    pub(super) fn ring_work(&mut self, file: u32, least: usize) {
        let mut done = 0;
        loop {
            let waiting = self.ring(file).map_or(0, |ring| ring.work.len());
            for _ in 0..waiting.min(ROUND_MAX.max(least)) {
                self.ring_work_one(file);
                done += 1;
            }
            self.ring_flush_batch(file);
            if done >= least || self.ring(file).is_none_or(|ring| ring.work.is_empty()) {
                return;
            }
        }
    }

    fn ring_work_one(&mut self, file: u32) {
        let Some((op, number)) = self.ring(file).and_then(|ring| ring.work.pop_front()) else { return };
        let Some(entry) = self.ring_op(file, op).filter(|entry| entry.number == number) else { return };
        entry.queued = false;
        if entry.fresh {
            let Some(entry) = self.ring(file).and_then(|ring| ring.ops.try_remove(op as usize)) else {
                return;
            };
            let RingOp { user_data, operation, flags, mut chain, .. } = entry;
            chain.push_front(Submission { user_data, operation, flags });
            self.ring_issue_chain(file, chain);
        } else if let Some((result, failed)) = entry.outcome {
            self.ring_finish(file, op, result, failed);
        } else if self.ring_link_expired(file, op) {
            // Both have ended.
        } else if self.ring_op(file, op).is_some_and(|entry| entry.canceled) {
            self.ring_end_early(file, op);
        } else if !self.ring_woken_for_nothing(file, op) {
            let again = self.ring_looks_again(file, op);
            self.ring_proceed(file, op, false);
            let goes_on = self.ring_op(file, op).is_some_and(|entry| entry.number == number && !entry.queued);
            if again && goes_on && self.ring_ready(file, op).is_some() {
                self.ring_proceed(file, op, false);
            }
        }
        self.ring_settle(file);
    }

    /// Whether an operation that goes on was woken by what is not so any more: it waits on. Only one wake-up that named
    /// what it was about is believed.
    fn ring_woken_for_nothing(&mut self, ring: u32, op: u32) -> bool {
        let Some(entry) = self.ring_op(ring, op) else { return false };
        let (file, armed) = (entry.file, entry.armed);
        let believed = entry.wakes == 1 && !entry.woken.is_empty();
        if entry.wakes == 0 || believed || !goes_on(&entry.operation) || file == NONE {
            return false;
        }
        if self.poll_file(file).intersects(armed) {
            return false;
        }
        if let Some(entry) = self.ring_op(ring, op) {
            entry.wakes = 0;
        }
        true
    }

    /// Whether a receive or an accept that goes on looks a second time: it was woken more than once, and the end is among
    /// what there is (`io_poll_check_events`).
    fn ring_looks_again(&mut self, ring: u32, op: u32) -> bool {
        let Some(entry) = self.ring_op(ring, op) else { return false };
        let polls = matches!(entry.operation, Operation::PollAdd { .. });
        let file = entry.file;
        if polls || entry.wakes < 2 || !goes_on(&entry.operation) || file == NONE {
            return false;
        }
        self.poll_file(file).intersects(Events::HUP | Events::RDHUP)
    }

    /// Makes a choice for a ring.
    pub(super) fn ring_choose(
        &mut self,
        file: u32,
        family: Family,
        stream: impl FnOnce(&mut Ring) -> &mut Stream,
    ) -> u64 {
        let Some(Object::Ring(ring)) = self.files.get_mut(file as usize).map(|open| &mut open.object) else {
            return 0;
        };
        let name = if self.run.may(family) { ring.name.clone() } else { String::new() };
        self.run.draw(family, stream(ring), || name.clone())
    }

    /// A family has changed something about an operation.
    pub(super) fn ring_fault(&mut self, file: u32, op: u32, family: Family, amount: u64) {
        let (fd, user_data) = match self.ring(file) {
            Some(ring) => (ring.fd, ring.ops.get(op as usize).map_or(0, |op| op.user_data)),
            None => return,
        };
        self.run.injected_now(family, [i64::from(fd) as u64, user_data, amount, 0]);
    }
}

/// Whether an operation goes on after a completion.
pub(super) fn goes_on(operation: &Operation) -> bool {
    match operation {
        Operation::Accept { multishot, .. }
        | Operation::RecvGroup { multishot, .. }
        | Operation::PollAdd { multishot, .. } => *multishot,
        _ => false,
    }
}
