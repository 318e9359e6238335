//! `thread.slow`: a thread is slower than the others until faults stop: low priority, or starvation.

use super::row::{Amount, MS, Object, Odds, Row, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "thread.slow",
    changes: "a thread is slower than the others until faults stop: low priority, or starvation",
    of: Object::Thread,
    nth: "",
    odds: Odds::often(4, 32_768),
    amount: Amount::Log(US, MS, Unit::Ns),
    also: "a call",
    allowed_by: "sched(7), nice(2)",
    event: calls::Row::event(2020, "slow", &[Arg::Duration]),
    usual: true,
};
