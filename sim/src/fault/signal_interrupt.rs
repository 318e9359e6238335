//! `signal.interrupt`: a signal with a handler arrives while a thread waits: EINTR.

use super::row::{Amount, Object, Odds, Row, S, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "signal.interrupt",
    changes: "a signal with a handler arrives while a thread waits: EINTR",
    of: Object::Thread,
    nth: "wait",
    odds: Odds::rare(1),
    amount: Amount::Log(100, 10 * S, Unit::Ns),
    also: "after the wait began, where the thread waits then",
    allowed_by: "signal(7)",
    event: calls::Row::event(2006, "interrupt", &[Arg::Signal]),
    usual: true,
};
