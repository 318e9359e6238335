//! `thread.change`: a thread's priority changes at up to three of its calls: the change points of PCT.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "thread.change",
    changes: "a thread's priority changes at up to three of its calls: the change points of PCT",
    of: Object::Thread,
    nth: "change",
    odds: Odds::often(4, 32_768),
    amount: Amount::Log(1, 4_096, Unit::Call),
    also: "to no delay, or 1 us to 1 ms a call",
    allowed_by: "sched(7), sched_setscheduler(2)",
    event: calls::Row::event(2021, "priority", &[Arg::Duration]),
    usual: true,
};
