//! `thread.off-cpu`: a thread is off the CPU before a call or when it wakes up.

use super::row::{Amount, MS, Object, Odds, Row, US, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "thread.off-cpu",
    changes: "a thread is off the CPU before a call or when it wakes up",
    of: Object::Thread,
    nth: "call",
    odds: Odds::rare(1),
    amount: Amount::Log(US, 20 * MS, Unit::Ns),
    also: "",
    allowed_by: "sched(7)",
    event: calls::Row::event(2008, "off-cpu", &[Arg::Duration]),
    usual: true,
};
