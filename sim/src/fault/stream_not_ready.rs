//! `stream.not-ready`: a read or write is pending.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "stream.not-ready",
    changes: "a read or write is pending",
    of: Object::DirectionOfStream,
    nth: "call",
    odds: Odds::rare(1),
    amount: Amount::Log(1, 64, Unit::MillisecondsPlusOne),
    also: "1: wake at once; n: wake after n-1 ms",
    allowed_by: "EAGAIN in read(2), write(2)",
    event: calls::Row::event(2031, "not-ready", &[Arg::Duration]),
    usual: false,
};
