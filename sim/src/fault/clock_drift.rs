//! `clock.drift`: a host's clocks start elsewhere and run at another speed.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "clock.drift",
    changes: "a host's clocks start elsewhere and run at another speed",
    of: Object::Host,
    nth: "",
    odds: Odds::always(49_152),
    amount: Amount::Even(1, 1_000_000, Unit::Number),
    also: "500 ppm slower to 500 ppm faster; start: half a second before a counter of 31, 32 or 53 bits overflows",
    allowed_by: "adjtimex(2), clock_gettime(2)",
    event: calls::Row::event(2009, "clock", &[Arg::Host, Arg::Number]),
    usual: false,
};
