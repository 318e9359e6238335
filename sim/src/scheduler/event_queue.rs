//! What is to come, in the order of time. Among equal times events come first, in the order in which they were
//! planned, then threads, lowest number first; so nothing is left to chance.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something planned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// A thread goes on.
    Thread(u32),
    /// The time is over that a thread would wait.
    Deadline(u32),
    /// The head of a flow's wire arrives: connection, generation, sender's side.
    Arrive(u32, u32, u8),
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
    /// A timerfd fires: file, generation of its setting.
    Timer(u32, u32),
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
    /// A host that was down comes up.
    HostUp(u32),
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
    /// A planned fault, by index.
    Fault(u32),
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

/// The plan, a heap.
#[derive(Default)]
pub(crate) struct EventQueue {
    heap: BinaryHeap<Entry>,
    planned: u64,
}

impl EventQueue {
    /// Forgets everything but its room.
    pub fn clear(&mut self) {
        self.heap.clear();
        self.planned = 0;
    }

    /// Plans a event.
    #[inline]
    pub fn plan(&mut self, time: u64, event: Event) {
        self.planned += 1;
        self.heap.push(Entry { key: key(time, self.planned), what: event });
    }

    /// Plans that a thread goes on.
    #[inline]
    pub fn plan_thread(&mut self, time: u64, thread: u32) {
        self.heap.push(Entry { key: key(time, THREADS | u64::from(thread)), what: Event::Thread(thread) });
    }

    /// Whether anything comes before `thread` at `time`.
    #[inline]
    pub fn before(&self, time: u64, thread: u32) -> Option<Event> {
        match self.heap.peek() {
            Some(entry) if entry.key < key(time, THREADS | u64::from(thread)) => Some(entry.what),
            _ => None,
        }
    }

    /// The next, taken out, with its time.
    #[inline]
    pub fn pop(&mut self) -> Option<(u64, Event)> {
        self.heap.pop().map(|entry| ((entry.key >> 64) as u64, entry.what))
    }
}
