//! What is to come, in the order of time. Among equal times happenings come first, in the order in which they were
//! planned, then threads, lowest number first; so nothing is left to chance.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Something planned.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Happening {
    /// A thread goes on.
    Thread(u32),
    /// The time is over that a thread would wait.
    Deadline(u32),
    /// The head of a flow's wire arrives: connection, generation, sender's side.
    Arrive(u32, u32, u8),
    /// Send space comes free: connection, generation, sender's side.
    Space(u32, u32, u8),
    /// A flow may send again: connection, generation, sender's side.
    Pump(u32, u32, u8),
    /// A SYN arrives at the other host: connection, generation.
    Syn(u32, u32),
    /// The answer to a SYN arrives: connection, generation, whether it was a refusal.
    SynAnswer(u32, u32, bool),
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
    /// The quiet tail begins: whatever is cut is whole again.
    Quiet,
    /// A host's wall clock steps.
    ClockStep(u32),
    /// A planned fault, by index.
    Fault(u32),
}

/// An entry: time, order within it, what.
pub(crate) type Entry = (u64, u64, Happening);

/// Threads come after happenings of the same time.
const THREADS: u64 = 1 << 63;

/// The plan, a heap.
#[derive(Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    planned: u64,
}

impl Agenda {
    /// Plans a happening.
    #[inline]
    pub fn plan(&mut self, time: u64, happening: Happening) {
        self.planned += 1;
        self.heap.push(Reverse((time, self.planned, happening)));
    }

    /// Plans that a thread goes on.
    #[inline]
    pub fn plan_thread(&mut self, time: u64, thread: u32) {
        self.heap.push(Reverse((time, THREADS | u64::from(thread), Happening::Thread(thread))));
    }

    /// Whether anything comes before `thread` at `time`.
    #[inline]
    pub fn before(&self, time: u64, thread: u32) -> Option<Happening> {
        match self.heap.peek() {
            Some(&Reverse((t, order, happening))) if (t, order) < (time, THREADS | u64::from(thread)) => {
                Some(happening)
            }
            _ => None,
        }
    }

    /// The next, taken out.
    #[inline]
    pub fn pop(&mut self) -> Option<Entry> {
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
