//! What is to come, in the order of time. Among equal times events come first, in the order in which they were
//! planned, then threads, lowest number first; so nothing is left to chance.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something planned. What it is about may be over when its time has come: a slot that is used again is distinguished from its
/// predecessor by a generation, or by a number, which no two have.
// With a tag of one byte an event is copied in two pieces that overlap, and whoever reads it next waits until both are in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub(crate) enum Event {
    /// A thread goes on.
    Thread(u32),
    /// The time is over that a thread would wait.
    Deadline(u32),
    /// The head of a flow's wire arrives: connection, generation, sender's side.
    Arrive(u32, u32, u8),
    /// A window that is shut, or an idle peer, is probed: connection, generation, the side that does it.
    Probe(u32, u32, u8),
    /// Send space comes free: connection, generation, sender's side.
    Space(u32, u32, u8),
    /// A flow may send again: connection, generation, sender's side.
    Transmit(u32, u32, u8),
    /// A SYN arrives at the other host: connection, generation.
    Syn(u32, u32),
    /// The answer to a SYN arrives: connection, generation, whether it was a refusal.
    SynAnswer(u32, u32, bool),
    /// A datagram arrives at the other host, by index.
    Datagram(u32),
    /// The word that nobody has that port: the socket that sent there, and when it was made.
    Unreachable(u32, u32),
    /// A timerfd fires: file, number of its setting.
    Timer(u32, u32),
    /// A timer that sends signals expires: process, timer, number of its setting.
    PosixTimer(u32, u32, u32),
    /// The interval timer of a process expires: process, number of its setting.
    Alarm(u32, u32),
    /// A moment of an operation of a ring: file of the ring, operation, its number.
    RingOp(u32, u32, u32),
    /// The work of a ring is to be done: its file, number of this entry.
    RingWork(u32, u32),
    /// An AIO operation goes on: process, operation.
    Aio(u32, u32),
    /// The acknowledgement of a FIN leaves at the latest: connection, generation, side of who sent the FIN.
    FinAck(u32, u32, u8),
    /// A process that was killed begins again.
    Restart(u32),
    /// A host that was down comes up: which of its crashes is over.
    HostUp(u32, u32),
    /// A partition begins.
    Partition,
    /// The partition of this number ends.
    Heal(u32),
    /// Hosts are about to be cut off one after another.
    Swizzle,
    /// A host is cut off, until the second time.
    CutOff(u32, u64),
    /// A host that was cut off for so long is back.
    Back(u32, u64),
    /// The quiet tail begins: whatever is cut is whole again.
    Quiet,
    /// A host's wall clock steps.
    ClockStep(u32),
    /// A call that is over lets go of an open file to which nothing else refers.
    Release(u32),
    /// A planned fault of a thread: a signal.
    Interrupt(u32),
    /// A planned fault of a thread: a futex wake-up that nobody asked for.
    Wakeup(u32),
}

/// An entry: when, its order within that time, what.
#[derive(Clone, Copy)]
struct Entry {
    /// Time above, order below: one comparison decides.
    key: u128,
    what: Event,
}

/// Threads come after events of the same time.
const THREADS: u64 = 1 << 63;

#[inline]
fn key(time: u64, order: u64) -> u128 {
    u128::from(time) << 64 | u128::from(order)
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.key == other.key
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    #[inline]
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The earliest is the greatest, since the heap gives out the greatest.
impl Ord for Entry {
    #[inline]
    fn cmp(&self, other: &Entry) -> Ordering {
        other.key.cmp(&self.key)
    }
}

/// So many of the next entries are kept sorted.
const NEAR: usize = 128;
/// Among so many of the next entries the place of a new one is looked for step by step, else by bisection.
const SOON: usize = 8;

/// The plan. Few entries are sorted faster than a heap keeps them (`docs/SPEED.md`).
///
/// Invariants: `near` is sorted, the next last, and has at most [`NEAR`] entries; none of `far` is before one of `near`; `far` is
/// empty where `near` is.
#[derive(Default)]
pub(crate) struct EventQueue {
    near: Vec<Entry>,
    far: BinaryHeap<Entry>,
    planned: u64,
}

impl EventQueue {
    /// Forgets everything but its room.
    pub fn clear(&mut self) {
        self.near.clear();
        self.far.clear();
        self.planned = 0;
    }

    /// Plans an event.
    #[inline(always)]
    pub fn plan(&mut self, time: u64, event: Event) {
        self.planned += 1;
        self.insert(Entry { key: key(time, self.planned), what: event });
    }

    /// Plans that a thread goes on.
    #[inline(always)]
    pub fn plan_thread(&mut self, time: u64, thread: u32) {
        self.insert(Entry { key: key(time, THREADS | u64::from(thread)), what: Event::Thread(thread) });
    }

    fn insert(&mut self, entry: Entry) {
        let (later, soon) = self.near.split_at(self.near.len().saturating_sub(SOON));
        let after = match soon.iter().rposition(|other| other.key > entry.key) {
            Some(at) => later.len() + at + 1,
            None => later.partition_point(|other| other.key > entry.key),
        };
        if after == 0 && !self.far.is_empty() || self.near.len() == NEAR {
            return self.insert_far(after, entry);
        }
        self.near.insert(after, entry);
    }

    #[cold]
    fn insert_far(&mut self, after: usize, entry: Entry) {
        if after == 0 {
            return self.far.push(entry);
        }
        // The last that is near is far from now on.
        if self.near.len() == NEAR {
            self.far.push(self.near.remove(0));
            self.near.insert(after - 1, entry);
        } else {
            self.near.insert(after, entry);
        }
    }

    /// Whether anything comes before `thread` at `time`.
    #[inline(always)]
    pub fn before(&self, time: u64, thread: u32) -> Option<Event> {
        match self.near.last() {
            Some(entry) if entry.key < key(time, THREADS | u64::from(thread)) => Some(entry.what),
            _ => None,
        }
    }

    /// The time of the last.
    pub fn last(&self) -> Option<u64> {
        self.near.iter().chain(&self.far).map(|entry| (entry.key >> 64) as u64).max()
    }

    /// The next, taken out, with its time.
    #[inline]
    pub fn pop(&mut self) -> Option<(u64, Event)> {
        let entry = self.near.pop()?;
        if self.near.is_empty() && !self.far.is_empty() {
            self.fetch();
        }
        Some(((entry.key >> 64) as u64, entry.what))
    }

    /// The next of those that are far are near.
    #[cold]
    fn fetch(&mut self) {
        while self.near.len() < NEAR / 2
            && let Some(entry) = self.far.pop()
        {
            self.near.push(entry);
        }
        self.near.reverse();
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, EventQueue, NEAR};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn events_come_by_time_and_then_in_the_order_in_which_they_were_planned(
            steps in prop::collection::vec(prop::option::of(0_u64..1_000), 0..8 * NEAR)
        ) {
            let (mut queue, mut expected, mut planned) = (EventQueue::default(), BTreeSet::new(), 0);
            for step in steps {
                match step {
                    Some(time) => {
                        planned += 1;
                        queue.plan(time, Event::Timer(planned, 0));
                        expected.insert((time, planned));
                    }
                    None => {
                        let next = expected.pop_first().map(|(time, number)| (time, Event::Timer(number, 0)));
                        let before = next.filter(|&(time, _)| time <= 500).map(|(_, event)| event);
                        prop_assert_eq!(queue.before(500, 0), before);
                        prop_assert_eq!(queue.pop(), next);
                    }
                }
            }
            while let Some((time, number)) = expected.pop_first() {
                prop_assert_eq!(queue.pop(), Some((time, Event::Timer(number, 0))));
            }
            prop_assert_eq!(queue.pop(), None);
        }
    }
}
