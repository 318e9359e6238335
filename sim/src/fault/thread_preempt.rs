//! `thread.preempt`: a thread loses the processor between two calls: after it has woken another, or in code that was compiled
//! for it.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

/// So many edges, loads and stores of a program are one choice.
pub(crate) const SLICE: u64 = 1024;

pub(super) const ROW: Row = Row {
    name: "thread.preempt",
    changes: "a thread of an unmodified program loses the processor between two calls: after it has woken another, or in code that was compiled for it",
    of: Object::Thread,
    nth: "wake, or slice of 1024 edges, loads and stores",
    odds: Odds::often(2, 32_768),
    amount: Amount::Even(1, SLICE, Unit::Number),
    also: "at that of them; for 1 us to 1 ms",
    allowed_by: "sched(7)",
    event: calls::Row::event(2043, "preempted", &[Arg::Duration]),
    usual: true,
};
