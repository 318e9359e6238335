//! From the wake-up of a file to the next attempt of an operation: the task work of io_uring/tw.c. Without
//! `DEFER_TASKRUN` it is done as soon as the owner could be interrupted for it; with it, inside `enter` only.

use super::ENTERED;
use crate::agenda::Happening;
use crate::choice::Stream;
use crate::fault::Family;
use crate::object::Ring;
use crate::trace::Kind;
use crate::world::{NONE, Watcher, World};
use eagain_net::Events;

impl World {
    /// The operation waits for `events` of its file, anew at the head of the kernel's queue each time (U6).
    pub(super) fn ring_arm(&mut self, ring: u32, op: u32, events: Events) {
        let Some(entry) = self.ring_op(ring, op) else { return };
        let file = entry.file;
        if file == NONE || events.is_empty() {
            return;
        }
        entry.armed = events;
        self.unwatch_ring(file, ring, op);
        if self.files.contains(file as usize) {
            self.watch(file, Watcher::Ring { ring, op, events }, false);
        }
    }

    pub(super) fn unwatch_ring(&mut self, file: u32, ring: u32, op: u32) {
        if let Some(open) = self.files.get_mut(file as usize) {
            open.watchers
                .retain(|w| !matches!(w, Watcher::Ring { ring: r, op: o, .. } if *r == ring && *o == op));
        }
    }

    /// The file of a pending operation had a wake-up.
    pub fn ring_woken(&mut self, ring: u32, op: u32) {
        let Some(entry) = self.ring_op(ring, op) else { return };
        if entry.queued {
            return;
        }
        entry.queued = true;
        let number = entry.number;
        let late = self.ring_choose(ring, Family::RingLate, |r| &mut r.lates);
        if late != 0 {
            self.ring_fault(ring, op, Family::RingLate, late);
            let at = self.now + late;
            self.agenda.plan(at, Happening::RingOp(ring, op, number));
            return;
        }
        let back = self.ring_choose(ring, Family::RingOrder, |r| &mut r.orders);
        self.ring_queue_work(ring, op, number, back as usize);
    }

    /// A moment of one operation has come: it was woken a while ago, its time is over, or it has run elsewhere.
    pub fn ring_op_due(&mut self, ring: u32, op: u32, number: u32) {
        let now = self.now;
        let Some(entry) = self.ring_op(ring, op).filter(|entry| entry.number == number) else { return };
        let due = entry.queued
            || entry.running
            || entry.at <= now
            || entry.timeout.as_ref().is_some_and(|t| t.at <= now);
        if due {
            self.ring_queue_work(ring, op, number, 0);
        }
    }

    /// Puts an operation on the work list, so many places before its end.
    pub(super) fn ring_queue_work(&mut self, file: u32, op: u32, number: u32, back: usize) {
        let next = self.next_number();
        let now = self.now;
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
            self.agenda.plan(now, Happening::RingWork(file, next));
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
        self.ring_work(file);
    }

    /// Attempts everything again that was woken, in the order of the list.
    pub(super) fn ring_work(&mut self, file: u32) {
        while let Some((op, number)) = self.ring(file).and_then(|ring| ring.work.pop_front()) {
            let Some(entry) = self.ring_op(file, op).filter(|entry| entry.number == number) else { continue };
            entry.queued = false;
            let chain = match self.ring_link_expired(file, op) {
                Some(chain) => chain,
                None => self.ring_proceed(file, op, false),
            };
            self.ring_issue_chain(file, chain);
        }
    }

    /// Whether a family of rings has anything to choose.
    #[inline]
    pub(super) fn ring_may(&self, family: Family) -> bool {
        self.swarm.chance(family, self.now) != 0 || self.choices.is_watched()
    }

    /// Makes a choice for a ring.
    pub(super) fn ring_choose(
        &mut self,
        file: u32,
        family: Family,
        stream: impl FnOnce(&mut Ring) -> &mut Stream,
    ) -> u64 {
        let may = self.ring_may(family);
        let chance = self.swarm.chance(family, self.now);
        let World { files, choices, .. } = self;
        let Some(crate::object::Object::Ring(ring)) =
            files.get_mut(file as usize).map(|open| &mut open.object)
        else {
            return 0;
        };
        if !may {
            stream(ring).skip();
            return 0;
        }
        let name = ring.name.clone();
        choices.choose(stream(ring), family.domain(), chance != 0, family.distribution(chance), || name)
    }

    /// A family has changed something about an operation.
    pub(super) fn ring_fault(&mut self, file: u32, op: u32, family: Family, amount: u64) {
        self.swarm.fired(family);
        let now = self.now;
        let (fd, user_data) = match self.ring(file) {
            Some(ring) => (ring.fd, ring.ops.get(op as usize).map_or(0, |op| op.user_data)),
            None => return,
        };
        let kind = match family {
            Family::RingLate => Kind::FaultRingLate,
            Family::RingOrder => Kind::FaultRingOrder,
            Family::RingShort => Kind::FaultRingShort,
            _ => Kind::FaultRingAgain,
        };
        self.trace.happening(now, NONE, kind, [i64::from(fd) as u64, user_data, amount, 0]);
    }
}
