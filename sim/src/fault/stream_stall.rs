//! `stream.stall`: a direction carries nothing for a while.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "stream.stall",
    changes: "a direction carries nothing for a while",
    of: Object::DirectionOfStream,
    nth: "call",
    odds: Odds::rare(4),
    amount: Amount::Log(1, 3_000, Unit::Milliseconds),
    also: "",
    allowed_by: "RFC 9293 3.8.1",
    event: calls::Row::event(2032, "stall", &[Arg::Duration]),
    usual: false,
};
