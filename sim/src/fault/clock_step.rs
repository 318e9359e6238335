//! `clock.step`: a host's wall clock is set, forwards or back.

use super::row::{Amount, MS, Object, Odds, Row, S, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "clock.step",
    changes: "a host's wall clock is set, forwards or back",
    of: Object::Host,
    nth: "step",
    odds: Odds::often(8, 60_000),
    amount: Amount::Log(MS, 20 * S, Unit::Ns),
    also: "after the last one, by 1 ms to 30 days either way",
    allowed_by: "clock_settime(2)",
    event: calls::Row::event(2019, "clock-step", &[Arg::Host, Arg::Number]),
    usual: false,
};
