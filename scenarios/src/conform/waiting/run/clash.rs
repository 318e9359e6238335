//! Which calls may not wait at once, since who comes first would be a race.

use super::*;

/// What a call waits for can be had by one alone.
pub(super) fn consumes(step: Step) -> bool {
    match step {
        Step::Recv(..) | Step::Read(..) | Step::Accept(..) | Step::Connect(..) => true,
        Step::Write(..) | Step::Add(..) | Step::Aio(..) => true,
        Step::Ring(op, ..) => op != RingOp::Poll,
        _ => false,
    }
}

impl<K: Kernel> Program<K> {
    /// Whether one of the two waits for what the other takes: who comes first would be a race.
    pub(super) fn clash(&self, (step, object): (Step, u32), (other, its): (Step, u32)) -> bool {
        // Which of two that wait for one set is first, where a step wakes it twice, is a race too.
        let takes = |step| consumes(step) || matches!(step, Step::Wait(..));
        let both_accept = matches!((step, other), (Step::Accept(..), Step::Accept(..)));
        // Who is notified of a signal first, and whether the other still finds it, is one as well.
        let waits = |step| matches!(step, Step::SigWait(..));
        let looks = |step| matches!(step, Step::Read(G, _) | Step::Poll(G, ..));
        // Threads of the library cannot be stopped: two of them that hold both ends of a connection never end.
        if matches!((step, other), (Step::Aio(..), Step::Aio(..))) {
            return true;
        }
        // All who wait for locks of a file are woken together.
        let locks = |step| matches!(step, Step::Flock(..) | Step::SetLock(..));
        if locks(step) && locks(other) {
            return true;
        }
        if waits(step) && looks(other) || looks(step) && waits(other) {
            return true;
        }
        object == its && (takes(step) || takes(other)) && !both_accept
            || consumes(step) && self.watched.contains(&(its, object))
            || consumes(other) && self.watched.contains(&(object, its))
    }
}
