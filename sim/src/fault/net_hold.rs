//! `net.hold`: what two hosts send each other is held back for a while.

use super::row::{Amount, Object, Odds, Row, Unit};
use crate::calls::{self, Arg};

pub(super) const ROW: Row = Row {
    name: "net.hold",
    changes: "what two hosts send each other is held back for a while",
    of: Object::PairOfHosts,
    nth: "interval",
    odds: Odds::rare(1),
    amount: Amount::Log(1, 2_000, Unit::Milliseconds),
    also: "",
    allowed_by: "RFC 9293 3.8.1",
    event: calls::Row::event(2034, "hold", &[Arg::Text, Arg::Text, Arg::Duration]),
    usual: false,
};
