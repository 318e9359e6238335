//! `futex.wakeup`: a futex waiter wakes up without a wake.

use super::row::{Amount, MS, Object, Odds, Row, Unit};
use crate::calls;

pub(super) const ROW: Row = Row {
    name: "futex.wakeup",
    changes: "a futex waiter wakes up without a wake",
    of: Object::Thread,
    nth: "wait",
    odds: Odds::rare(1),
    amount: Amount::Log(100, MS, Unit::Ns),
    also: "after the wait began",
    allowed_by: "futex(2)",
    event: calls::Row::event(2013, "spurious-wakeup", &[]),
    usual: true,
};
